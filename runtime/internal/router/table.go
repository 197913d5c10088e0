package router

import (
	"hash/maphash"

	"mgw/runtime/spec"
)

// table is a tree of paths as look-ups read it. A look-up in a large definition
// costs what its cache misses cost: so there are few and small pieces, children
// follow their parent, and equal texts and lists of names stand there once.
//
// Indices replace pointers, and 0 is none: nothing leads to the root, and the
// first end and the first rarity are not used.
type table struct {
	places   []place
	rarities []rarity
	slots    []slot
	prefixes []prefix
	patterns []pattern
	pieces   []span
	ends     []end
	targets  []target
	apis     []*spec.API
	names    [][]string // of parameters
	asking   []*leaf    // of the ends that ask for a query
	allowed  []allowed
	text     string // all literals
	seed     maphash.Seed
}

// span is a place in the table's text.
type span struct{ start, size uint32 }

func (t *table) str(s span) string { return t.text[s.start : s.start+s.size] }

// place is a point in a path between two segments.
type place struct {
	text     span   // the literal that leads here
	plain    int32  // the end of a template that ends here
	param    int32  // the place behind a parameter
	literals int32  // the place behind the only literal, or the first slot of several
	mask     uint32 // how many slots, less 1; 0 for an only literal
	rare     int32
}

// rarity is what few places have.
type rarity struct {
	slash    int32 // the end of a template that ends with a slash here
	rest     int32 // the end of {proxy+}
	any      int32 // the end of *
	prefixes int32 // mixed segments, from here
	end      int32 // up to here
}

// end is the end of a path template: its operations, those of the methods in
// order first.
type end struct {
	first   int32             // of its targets
	count   int32             // of them
	usual   [len(order)]uint8 // where of them the methods in order stand, and 1
	allowed int32
	asks    int32 // index in asking, and 1
}

// target is one operation: templates that differ only in names share an end.
type target struct {
	op    *spec.Operation
	api   int32
	names int32
}

// slot is an entry of a place's hash table of literals.
type slot struct {
	hash  uint32
	place int32
}

// prefix is the leading text of mixed segments. Those of one place are sorted:
// what a segment can match are the greatest prefix that does not sort after it,
// its parent, and so on.
type prefix struct {
	text            span
	parent          int32 // the longest other prefix of text; -1
	patterns, until int32
}

// pattern is a mixed segment and where it leads: the text before, between and
// after its parameters.
type pattern struct {
	pieces, until int32
	next          int32
}

// literal gives the place that a segment in normal form leads to.
func (t *table) literal(p *place, segment []byte) int32 {
	if p.mask == 0 {
		if p.literals != 0 && string(segment) == t.str(t.places[p.literals].text) {
			return p.literals
		}
		return 0
	}
	hash := t.hash(segment)
	for i := hash; ; i++ {
		s := t.slots[uint32(p.literals)+i&p.mask]
		if s.place == 0 || s.hash == hash && string(segment) == t.str(t.places[s.place].text) {
			return s.place
		}
	}
}

func (t *table) hash(segment []byte) uint32 { return uint32(maphash.Bytes(t.seed, segment)) }

// target gives the operation of an end for a method, nil for none. GET's serves
// HEAD as well.
func (t *table) target(e *end, method string) *target {
	if i := rank(method); i < len(order) {
		if at := e.usual[i]; at != 0 {
			return &t.targets[e.first+int32(at)-1]
		}
	} else {
		for i := range e.count {
			if to := &t.targets[e.first+i]; to.op.Method == method {
				return to
			}
		}
	}
	if method == "HEAD" {
		return t.target(e, "GET")
	}
	return nil
}

// end gives the end of the template that ends at a place. A trailing slash
// makes no difference unless both forms are defined.
func (t *table) end(p *place, slash bool) int32 {
	r := &t.rarities[p.rare]
	first, second := p.plain, r.slash
	if slash {
		first, second = second, first
	}
	switch {
	case first != 0:
		return first
	case second != 0:
		return second
	}
	return r.any
}
