package project

import (
	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// maxAliased bounds what aliases add to a document once they are written out:
// a few lines of nested aliases stand for billions of nodes.
const maxAliased = 1_000_000

// extent is the size and depth of a tree with its aliases written out.
type extent struct{ nodes, aliased, depth int }

type tidier struct {
	file     string
	problems *diag.List
	extents  map[*yaml.Node]extent // of anchored nodes
	open     map[*yaml.Node]bool   // anchored nodes above the current one
	failed   bool
}

// tidy replaces aliases by what they stand for, merge keys by the pairs they
// bring in, and reports keys that are there twice. It gives nil for a tree
// that cannot be written out.
func tidy(file string, root *yaml.Node, l *diag.List) *yaml.Node {
	t := tidier{file, l, map[*yaml.Node]extent{}, map[*yaml.Node]bool{}, false}
	root, _ = t.node(root, 0)
	if t.failed {
		return nil
	}
	return root
}

func (t *tidier) node(n *yaml.Node, depth int) (*yaml.Node, extent) {
	switch {
	case t.failed:
		return n, extent{}
	case depth > maxDepth:
		t.fail(n, "nested too deeply")
		return n, extent{}
	case n.Kind == yaml.AliasNode:
		return t.alias(n)
	case n.Kind == yaml.ScalarNode:
		e := extent{nodes: 1}
		if n.Anchor != "" {
			t.extents[n] = e
		}
		return n, e
	}
	if n.Anchor != "" {
		t.open[n] = true
	}
	e := t.children(n, depth)
	if n.Anchor != "" {
		t.extents[n] = e
		delete(t.open, n)
	}
	if n.Kind == yaml.MappingNode {
		t.mapping(n)
	}
	return n, e
}

func (t *tidier) children(n *yaml.Node, depth int) extent {
	e := extent{nodes: 1}
	for i, child := range n.Content {
		tidied, ce := t.node(child, depth+1)
		n.Content[i] = tidied
		e.nodes += ce.nodes
		e.aliased += ce.aliased
		e.depth = max(e.depth, ce.depth+1)
		if t.failed {
			break
		}
		if e.aliased > maxAliased {
			t.fail(n, "its aliases stand for more than %d nodes", maxAliased)
		}
		if depth+e.depth > maxDepth {
			t.fail(n, "nested too deeply")
		}
	}
	return e
}

func (t *tidier) alias(n *yaml.Node) (*yaml.Node, extent) {
	if t.open[n.Alias] {
		t.fail(n, "alias *%s stands inside what it stands for", n.Value)
		return n, extent{}
	}
	e := t.extents[n.Alias]
	e.aliased = e.nodes
	return n.Alias, e
}

func (t *tidier) fail(n *yaml.Node, format string, args ...any) {
	if !t.failed {
		t.problems.Errorf(t.file, n.Line, n.Column, format, args...)
	}
	t.failed = true
}

// mapping checks that keys are scalars and single, and resolves merge keys.
func (t *tidier) mapping(n *yaml.Node) {
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	kept := n.Content[:0]
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			t.problems.Errorf(t.file, key.Line, key.Column, "a key must be a word, not a list or mapping")
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case first != nil:
			t.problems.Errorf(t.file, key.Line, key.Column, "key %q is already at line %d, column %d",
				key.Value, first.Line, first.Column)
		default:
			seen[key.Value] = key
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
	for _, m := range merged {
		t.merge(n, m, seen)
	}
}

// merge adds the pairs of a mapping, or of a list of mappings, whose keys are
// not there yet.
func (t *tidier) merge(n, from *yaml.Node, seen map[string]*yaml.Node) {
	switch from.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(from.Content); i += 2 {
			if key := from.Content[i]; seen[key.Value] == nil {
				seen[key.Value] = key
				n.Content = append(n.Content, key, from.Content[i+1])
			}
		}
	case yaml.SequenceNode:
		for _, item := range from.Content {
			if item.Kind == yaml.MappingNode {
				t.merge(n, item, seen)
			}
		}
	default:
		t.problems.Errorf(t.file, from.Line, from.Column, "<< needs a mapping")
	}
}
