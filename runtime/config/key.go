package config

import "strings"

// status is what this version does with a key.
type status uint8

const (
	supported status = iota
	later            // known, read and checked; nothing acts on it yet
	unused           // means something to the original and nothing here
)

// key is one entry of the table of known keys: a value, a list of tables, or a
// table of tables that the user names.
type key struct {
	path   string // dotted, from the root or from the table it belongs to
	status status
	set    setter
	secret bool // the value is never shown, and pathFile may name a file that holds it

	each  func() []key            // [[path]]: the keys of one more table
	named func(name string) []key // [path.NAME]: the keys of that table
	lone  bool                    // [path] is accepted for [[path]]
}

// node is a key's place in the tree of names.
type node struct {
	key      *key
	children map[string]*node
}

// tree arranges keys by the names in their paths.
func tree(keys []key) *node {
	root := &node{}
	for i := range keys {
		k := &keys[i]
		root.add(k.path, k)
		if k.secret {
			file := *k
			file.path, file.set = k.path+"File", fromFile(k.set)
			root.add(file.path, &file)
		}
	}
	return root
}

func (n *node) add(path string, k *key) {
	for name := range strings.SplitSeq(path, ".") {
		child := n.children[name]
		if child == nil {
			child = &node{}
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[name] = child
		}
		n = child
	}
	n.key = k
}

// child gives what a name leads to, nil when nothing does. A table that the
// user names comes into being here.
func (n *node) child(name string) *node {
	c := n.children[name]
	if c == nil && n.key != nil && n.key.named != nil {
		c = tree(n.key.named(name))
		if n.children == nil {
			n.children = map[string]*node{}
		}
		n.children[name] = c
	}
	return c
}

// find follows names down the tree, nil when they lead nowhere.
func (n *node) find(names ...string) *node {
	for _, name := range names {
		if n = n.child(name); n == nil {
			return nil
		}
	}
	return n
}

// names lists the children, for suggestions.
func (n *node) names() []string {
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	return names
}

// leaves calls f for each value that has a fixed path.
func (n *node) leaves(path string, f func(path string, k *key)) {
	if n.key != nil && n.key.set != nil && n.key.each == nil {
		f(path, n.key)
	}
	if n.key != nil && n.key.named != nil {
		return
	}
	for name, c := range n.children {
		c.leaves(join(path, name), f)
	}
}
