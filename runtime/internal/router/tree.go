package router

import (
	"cmp"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// base is a node of the tree of base paths, which have literal segments only.
type base struct {
	next map[string]*base
	only string    // the text that leads to the only one of next
	sole *base     // that one; nil when there are several
	tree *node     // the paths of the APIs bound here; nil when there is none
	apis *table    // the same, complete
	api  *spec.API // the first of them
}

// node is a point in a path template between two segments, while the tree is
// being made.
type node struct {
	plain    *leaf // the template ends here
	slash    *leaf // the template ends here with a slash
	rest     *leaf
	any      *leaf
	param    *node
	literals map[string]*node
	mixed    []*mixedSegment
}

// mixedSegment is one and where it leads.
type mixedSegment struct {
	text []string
	next *node
}

// group is the mixed segments of a node with one leading text.
type group struct {
	text     string
	parent   int // index of the longest other group whose text starts this one's; -1
	segments []*mixedSegment
}

// add puts the operations of an API into the tree.
func (b *base) add(api *spec.API) error {
	for part := range strings.SplitSeq(strings.TrimPrefix(api.BasePath, "/"), "/") {
		if api.BasePath == "" {
			break
		}
		text := normalLiteral(part)
		if b.next[text] == nil {
			if b.next == nil {
				b.next = map[string]*base{}
			}
			b.next[text] = new(base)
		}
		b = b.next[text]
	}
	if b.tree == nil {
		b.tree, b.api = new(node), api
	}
	for i := range api.Operations {
		op := &api.Operations[i]
		segments, slash, err := parseTemplate(op.Path)
		if err != nil {
			return err
		}
		r := route{api: api, op: op}
		for _, s := range segments {
			r.names = append(r.names, s.names...)
		}
		if err := b.tree.leaf(segments, slash).add(r); err != nil {
			return err
		}
	}
	return nil
}

// leaf finds or makes the end of a template.
func (n *node) leaf(segments []segment, slash bool) *leaf {
	for _, s := range segments {
		switch s.kind {
		case rest:
			return made(&n.rest)
		case any:
			return made(&n.any)
		case param:
			n = made(&n.param)
		case mixed:
			n = n.mixedChild(s.text)
		case literal:
			n = n.literalChild(s.text[0])
		}
	}
	if slash {
		return made(&n.slash)
	}
	return made(&n.plain)
}

// made fills a pointer that is still nil.
func made[T node | leaf](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

func (n *node) literalChild(text string) *node {
	if n.literals == nil {
		n.literals = map[string]*node{}
	}
	if n.literals[text] == nil {
		n.literals[text] = new(node)
	}
	return n.literals[text]
}

func (n *node) mixedChild(text []string) *node {
	for _, m := range n.mixed {
		if slices.Equal(m.text, text) {
			return m.next
		}
	}
	m := &mixedSegment{text, new(node)}
	n.mixed = append(n.mixed, m)
	return m.next
}

// finish prepares the tree for look-ups once all is added.
func (b *base) finish() (err error) {
	if b.tree != nil {
		if b.apis, err = packed(b.tree); err != nil {
			return err
		}
		b.tree = nil
	}
	for text, next := range b.next {
		if err := next.finish(); err != nil {
			return err
		}
		if len(b.next) == 1 {
			b.only, b.sole = text, next
		}
	}
	return nil
}

// below gives the node that a segment in normal form leads to.
func (b *base) below(segment []byte) *base {
	if b.sole == nil {
		return b.next[string(segment)]
	}
	if string(segment) == b.only {
		return b.sole
	}
	return nil
}

// groupByPrefix sorts mixed segments by leading text; in a group the one with
// more text comes first.
func groupByPrefix(mixed []*mixedSegment) (groups []group) {
	slices.SortFunc(mixed, func(a, b *mixedSegment) int {
		return cmp.Or(
			cmp.Compare(a.text[0], b.text[0]),
			cmp.Compare(textLength(b.text), textLength(a.text)),
			slices.Compare(a.text, b.text),
		)
	})
	for _, m := range mixed {
		if n := len(groups); n == 0 || groups[n-1].text != m.text[0] {
			parent := n - 1
			for parent >= 0 && !strings.HasPrefix(m.text[0], groups[parent].text) {
				parent = groups[parent].parent
			}
			groups = append(groups, group{text: m.text[0], parent: parent})
		}
		last := &groups[len(groups)-1]
		last.segments = append(last.segments, m)
	}
	return groups
}

func textLength(text []string) (n int) {
	for _, t := range text {
		n += len(t)
	}
	return n
}
