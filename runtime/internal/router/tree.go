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
	apis *node     // the paths of the APIs bound here; nil when there is none
	api  *spec.API // the first of them
}

// node is a point in a path template between two segments.
type node struct {
	plain    *leaf // the template ends here
	slash    *leaf // the template ends here with a slash
	only     string
	onlyNext *node            // where a single literal leads; literals is nil then
	literals map[string]*node // where several do
	param    *node
	prefixes []prefix // mixed segments by their leading text, sorted
	rest     *leaf
	any      *leaf
	mixed    []*pattern
}

// pattern is a mixed segment and where it leads.
type pattern struct {
	text []string
	next *node
}

// prefix is the leading text of mixed segments. Those that a segment can match
// are the greatest prefix that does not sort after it, its parent, and so on.
type prefix struct {
	text     string
	parent   int // index of the longest other prefix of text; -1
	patterns []*pattern
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
	if b.apis == nil {
		b.apis, b.api = new(node), api
	}
	for i := range api.Operations {
		op := &api.Operations[i]
		segments, slash, err := parseTemplate(op.Path)
		if err != nil {
			return err
		}
		r := route{method: known(op.Method), api: api, op: op}
		for _, s := range segments {
			r.names = append(r.names, s.names...)
		}
		if err := b.apis.leaf(segments, slash).add(r); err != nil {
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
	for _, p := range n.mixed {
		if slices.Equal(p.text, text) {
			return p.next
		}
	}
	p := &pattern{text, new(node)}
	n.mixed = append(n.mixed, p)
	return p.next
}

// finish prepares the tree for look-ups once all is added.
func (b *base) finish() error {
	if b.apis != nil {
		if err := b.apis.finish(); err != nil {
			return err
		}
		b.apis = packed(b.apis)
	}
	for _, next := range b.next {
		if err := next.finish(); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) finish() (err error) {
	n.prefixes = indexPrefixes(n.mixed)
	for _, l := range []*leaf{n.rest, n.any, n.plain, n.slash} {
		if l != nil && err == nil {
			err = l.finish()
		}
	}
	n.each(func(child *node) {
		if err == nil {
			err = child.finish()
		}
	})
	return err
}

// indexPrefixes groups patterns by leading text; in a group the one with more
// text comes first.
func indexPrefixes(patterns []*pattern) (index []prefix) {
	slices.SortFunc(patterns, func(a, b *pattern) int {
		return cmp.Or(
			cmp.Compare(a.text[0], b.text[0]),
			cmp.Compare(textLength(b.text), textLength(a.text)),
			slices.Compare(a.text, b.text),
		)
	})
	for _, p := range patterns {
		if n := len(index); n == 0 || index[n-1].text != p.text[0] {
			parent := n - 1
			for parent >= 0 && !strings.HasPrefix(p.text[0], index[parent].text) {
				parent = index[parent].parent
			}
			index = append(index, prefix{text: p.text[0], parent: parent})
		}
		last := &index[len(index)-1]
		last.patterns = append(last.patterns, p)
	}
	return index
}

func textLength(text []string) (n int) {
	for _, t := range text {
		n += len(t)
	}
	return n
}
