package router

import (
	"bytes"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// search is one path on its way down the tree. It lives on the stack.
type search struct {
	path    []byte
	query   []byte
	encoded bool             // path holds percent-encoding
	params  []exchange.Param // of the way taken; the names are the route's
	normal  [256]byte        // room for one segment in normal form
}

// lookup finds what a method and a path lead to. The leaf is nil unless a path
// matched.
func (b *base) lookup(s *search, method string) (*route, *leaf, Outcome) {
	var ok bool
	if ok, s.encoded = checkPath(s.path); !ok {
		return nil, nil, BadPath
	}
	owner, pos := b.find(s)
	if owner == nil {
		return nil, nil, NotFound
	}
	l := s.find(owner.apis, pos)
	if l == nil {
		return nil, nil, NotFound
	}
	if l.queries != nil {
		return l.byQuery(method, s.query)
	}
	if r := l.route(method); r != nil {
		return r, l, Found
	}
	if method == "OPTIONS" {
		return nil, l, Options
	}
	return nil, l, WrongMethod
}

// find gives the longest base path that APIs are bound to, and where it ends.
func (b *base) find(s *search) (owner *base, end int) {
	if b.apis != nil {
		owner = b
	}
	for pos := 0; pos < len(s.path) && b.next != nil; {
		raw, after := s.segment(pos)
		if b = b.next[string(s.normalForm(raw))]; b == nil {
			break
		}
		pos = after
		if b.apis != nil {
			owner, end = b, pos
		}
	}
	return owner, end
}

// owner gives the API below whose base path a path lies, nil for none.
func (b *base) owner(s *search) *spec.API {
	if found, _ := b.find(s); found != nil {
		return found.api
	}
	return nil
}

// segment gives the one that starts with the slash at pos, without it, and
// where it ends.
func (s *search) segment(pos int) (raw []byte, end int) {
	raw = s.path[pos+1:]
	if i := bytes.IndexByte(raw, '/'); i >= 0 {
		raw = raw[:i]
	}
	return raw, pos + 1 + len(raw)
}

// normalForm gives a segment as literals are written. The next call overwrites
// it.
func (s *search) normalForm(raw []byte) []byte {
	if !s.encoded {
		return raw
	}
	return appendNormal(s.normal[:0], raw)
}

// find goes down from a node with the path from pos on and gives the first
// end that fits, nil for none. It never looks at a node twice.
func (s *search) find(n *node, pos int) *leaf {
	if pos == len(s.path) {
		return n.end(false)
	}
	if pos+1 == len(s.path) {
		return n.end(true)
	}
	raw, end := s.segment(pos)
	if child := n.literal(s.normalForm(raw)); child != nil {
		if l := s.find(child, end); l != nil {
			return l
		}
	}
	if len(n.prefixes) > 0 {
		if l := s.findMixed(n, raw, pos, end); l != nil {
			return l
		}
	}
	depth := len(s.params)
	if n.param != nil && len(raw) > 0 {
		s.params = append(s.params, exchange.Param{Start: pos + 1, End: end})
		if l := s.find(n.param, end); l != nil {
			return l
		}
		s.params = s.params[:depth]
	}
	if n.rest != nil {
		s.params = append(s.params, exchange.Param{Start: pos + 1, End: len(s.path)})
		return n.rest
	}
	return n.any
}

func (n *node) literal(segment []byte) *node {
	if n.onlyNext == nil {
		return n.literals[string(segment)]
	}
	if string(segment) == n.only {
		return n.onlyNext
	}
	return nil
}

// end gives the template that ends at a node. A trailing slash makes no
// difference unless both forms are defined.
func (n *node) end(slash bool) *leaf {
	first, second := n.plain, n.slash
	if slash {
		first, second = second, first
	}
	switch {
	case first != nil:
		return first
	case second != nil:
		return second
	}
	return n.any
}

// findMixed tries the mixed segments of a node, those with the longest leading
// text first.
func (s *search) findMixed(n *node, raw []byte, pos, end int) *leaf {
	depth := len(s.params)
	for i := greatestPrefix(n.prefixes, s.normalForm(raw)); i >= 0; i = n.prefixes[i].parent {
		for _, p := range n.prefixes[i].patterns {
			if !s.capture(p.text, s.normalForm(raw)) {
				continue
			}
			for j := range s.params[depth:] {
				at := &s.params[depth+j]
				at.Start = pos + 1 + s.rawOffset(raw, at.Start)
				at.End = pos + 1 + s.rawOffset(raw, at.End)
			}
			if l := s.find(p.next, end); l != nil {
				return l
			}
			s.params = s.params[:depth]
		}
	}
	return nil
}

// greatestPrefix gives the index of the last prefix that does not sort after
// the segment, or of its nearest ancestor that the segment starts with; -1.
func greatestPrefix(index []prefix, segment []byte) int {
	low, high := 0, len(index)
	for low < high {
		middle := (low + high) / 2
		if index[middle].text <= string(segment) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	i := low - 1
	for i >= 0 && !hasPrefix(segment, index[i].text) {
		i = index[i].parent
	}
	return i
}

// capture matches a segment in normal form with a pattern's text and appends
// where the parameters stand in it, each at least a byte and as short as can
// be. When it gives false it has appended nothing.
func (s *search) capture(text []string, segment []byte) bool {
	depth := len(s.params)
	if !hasPrefix(segment, text[0]) {
		return false
	}
	at := len(text[0])
	for i, after := range text[1:] {
		last := i == len(text)-2
		start := at
		var found int
		if last {
			found = len(segment) - len(after)
			if found <= start || string(segment[found:]) != after || insideEscape(segment, found) {
				found = -1
			}
		} else {
			found = indexToken(segment, start+1, after)
		}
		if found < 0 {
			s.params = s.params[:depth]
			return false
		}
		s.params = append(s.params, exchange.Param{Start: start, End: found})
		at = found + len(after)
	}
	return true
}

// indexToken finds text in a segment from a place on, never starting inside an
// escape.
func indexToken(segment []byte, from int, text string) int {
	for i := from; i+len(text) <= len(segment); i++ {
		if string(segment[i:i+len(text)]) == text && !insideEscape(segment, i) {
			return i
		}
	}
	return -1
}

func insideEscape(segment []byte, i int) bool {
	return i >= 1 && segment[i-1] == '%' || i >= 2 && segment[i-2] == '%'
}

// rawOffset gives the place in the raw segment that a place in its normal form
// came from.
func (s *search) rawOffset(raw []byte, offset int) int {
	if !s.encoded {
		return offset
	}
	i := 0
	for offset > 0 {
		if c, ok := escape(raw[i:]); !ok {
			i, offset = i+1, offset-1
		} else if unreserved(c) {
			i, offset = i+3, offset-1
		} else {
			i, offset = i+3, offset-3
		}
	}
	return i
}

func hasPrefix(segment []byte, text string) bool {
	return len(segment) >= len(text) && string(segment[:len(text)]) == text
}
