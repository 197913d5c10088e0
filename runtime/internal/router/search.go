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
	table   *table
	encoded bool             // path holds percent-encoding
	params  []exchange.Param // of the way taken; the names are the route's
	normal  [256]byte        // room for one segment in normal form
}

// lookup finds what a method and a path lead to. The end is nil unless a path
// matched.
func (b *base) lookup(s *search, method string) (*target, *end, Outcome) {
	var ok bool
	if ok, s.encoded = checkPath(s.path); !ok {
		return nil, nil, BadPath
	}
	owner, pos := b.find(s)
	if owner == nil {
		return nil, nil, NotFound
	}
	t := owner.apis
	s.table = t
	found := s.find(0, pos)
	if found == 0 {
		return nil, nil, NotFound
	}
	e := &t.ends[found]
	if e.asks != 0 {
		at, outcome := t.asking[e.asks-1].byQuery(method, s.query)
		return &t.targets[e.first+int32(at)], e, outcome
	}
	if to := t.target(e, method); to != nil {
		return to, e, Found
	}
	if method == "OPTIONS" {
		return nil, e, Options
	}
	return nil, e, WrongMethod
}

// find gives the longest base path that APIs are bound to, and where it ends.
func (b *base) find(s *search) (owner *base, end int) {
	if b.apis != nil {
		owner = b
	}
	for pos := 0; pos < len(s.path) && b.next != nil; {
		raw, after := s.segment(pos)
		if b = b.below(s.normalForm(raw)); b == nil {
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

// find goes down from a place with the path from pos on and gives the first
// end that fits. It never looks at a place twice.
func (s *search) find(at int32, pos int) int32 {
	t := s.table
	p := &t.places[at]
	if pos == len(s.path) {
		return t.end(p, false)
	}
	if pos+1 == len(s.path) {
		return t.end(p, true)
	}
	raw, end := s.segment(pos)
	if next := t.literal(p, s.normalForm(raw)); next != 0 {
		if l := s.find(next, end); l != 0 {
			return l
		}
	}
	rare := &t.rarities[p.rare]
	if rare.prefixes < rare.end {
		if l := s.findMixed(rare, raw, pos, end); l != 0 {
			return l
		}
	}
	depth := len(s.params)
	if p.param != 0 && len(raw) > 0 {
		s.params = append(s.params, exchange.Param{Start: pos + 1, End: end})
		if l := s.find(p.param, end); l != 0 {
			return l
		}
		s.params = s.params[:depth]
	}
	if rare.rest != 0 {
		s.params = append(s.params, exchange.Param{Start: pos + 1, End: len(s.path)})
		return rare.rest
	}
	return rare.any
}

// findMixed tries the mixed segments of a place, those with the longest leading
// text first.
func (s *search) findMixed(rare *rarity, raw []byte, pos, end int) int32 {
	t, depth := s.table, len(s.params)
	for i := t.greatestPrefix(rare, s.normalForm(raw)); i >= 0; i = t.prefixes[i].parent {
		for _, p := range t.patterns[t.prefixes[i].patterns:t.prefixes[i].until] {
			if !s.capture(t.pieces[p.pieces:p.until], s.normalForm(raw)) {
				continue
			}
			for j := range s.params[depth:] {
				at := &s.params[depth+j]
				at.Start = pos + 1 + s.rawOffset(raw, at.Start)
				at.End = pos + 1 + s.rawOffset(raw, at.End)
			}
			if l := s.find(p.next, end); l != 0 {
				return l
			}
			s.params = s.params[:depth]
		}
	}
	return 0
}

// greatestPrefix gives the last prefix of a place that does not sort after the
// segment, or its nearest ancestor that the segment starts with; -1.
func (t *table) greatestPrefix(rare *rarity, segment []byte) int32 {
	low, high := rare.prefixes, rare.end
	for low < high {
		middle := (low + high) / 2
		if t.str(t.prefixes[middle].text) <= string(segment) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	i := low - 1
	if i < rare.prefixes {
		return -1
	}
	for i >= 0 && !hasPrefix(segment, t.str(t.prefixes[i].text)) {
		i = t.prefixes[i].parent
	}
	return i
}

// capture matches a segment in normal form with a pattern's text and appends
// where the parameters stand in it, each at least a byte and as short as can
// be. When it gives false it has appended nothing.
func (s *search) capture(pieces []span, segment []byte) bool {
	depth := len(s.params)
	if !hasPrefix(segment, s.table.str(pieces[0])) {
		return false
	}
	at := int(pieces[0].size)
	for i, piece := range pieces[1:] {
		after := s.table.str(piece)
		last := i == len(pieces)-2
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
