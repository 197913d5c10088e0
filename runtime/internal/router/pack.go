package router

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// packer makes a table of a tree. Its maps tell what stands there already.
type packer struct {
	*table
	text   strings.Builder
	texts  map[string]span
	owners map[*spec.API]int32
	lists  map[string]int32 // of names
	said   map[allowed]int32
	err    error
}

func packed(root *node) (*table, error) {
	p := packer{
		table:  &table{seed: maphash.MakeSeed(), ends: make([]end, 1), rarities: make([]rarity, 1)},
		texts:  map[string]span{},
		owners: map[*spec.API]int32{},
		lists:  map[string]int32{},
		said:   map[allowed]int32{},
	}
	p.node("", root)
	p.table.text = p.text.String()
	return p.table, p.err
}

// node adds a node and then those below it.
func (p *packer) node(text string, n *node) int32 {
	at := int32(len(p.places))
	p.places = append(p.places, place{})
	to := place{text: p.span(text), plain: p.end(n.plain), rare: p.rarity(n)}
	if n.param != nil {
		to.param = p.node("", n.param)
	}
	to.literals, to.mask = p.literals(n.literals)
	p.places[at] = to
	return at
}

// literals adds children behind literals: an only one by itself, several with a
// hash table that is at most half full.
func (p *packer) literals(children map[string]*node) (first int32, mask uint32) {
	if len(children) < 2 {
		for text, child := range children {
			first = p.node(text, child)
		}
		return first, 0
	}
	size := 4
	for size < 2*len(children) {
		size *= 2
	}
	first, mask = int32(len(p.slots)), uint32(size-1)
	p.slots = append(p.slots, make([]slot, size)...)
	for _, text := range slices.Sorted(maps.Keys(children)) {
		s := slot{hash: p.hash([]byte(text)), place: p.node(text, children[text])}
		i := s.hash
		for p.slots[uint32(first)+i&mask].place != 0 {
			i++
		}
		p.slots[uint32(first)+i&mask] = s
	}
	return first, mask
}

func (p *packer) rarity(n *node) int32 {
	if n.slash == nil && n.rest == nil && n.any == nil && len(n.mixed) == 0 {
		return 0
	}
	r := rarity{slash: p.end(n.slash), rest: p.end(n.rest), any: p.end(n.any)}
	r.prefixes, r.end = p.mixed(n.mixed)
	p.rarities = append(p.rarities, r)
	return int32(len(p.rarities) - 1)
}

// mixed adds the mixed segments of a node. Those below them add theirs only
// when its own are complete.
func (p *packer) mixed(mixed []*mixedSegment) (first, end int32) {
	groups := groupByPrefix(mixed)
	first, end = int32(len(p.prefixes)), int32(len(p.prefixes)+len(groups))
	var from []*mixedSegment
	patterns := int32(len(p.patterns))
	for _, g := range groups {
		x := prefix{text: p.span(g.text), parent: -1, patterns: int32(len(p.patterns))}
		if g.parent >= 0 {
			x.parent = first + int32(g.parent)
		}
		for _, m := range g.segments {
			from = append(from, m)
			p.patterns = append(p.patterns, p.pattern(m))
		}
		x.until = int32(len(p.patterns))
		p.prefixes = append(p.prefixes, x)
	}
	for i, m := range from {
		next := p.node("", m.next)
		p.patterns[patterns+int32(i)].next = next
	}
	return first, end
}

func (p *packer) pattern(m *mixedSegment) pattern {
	first := int32(len(p.pieces))
	for _, text := range m.text {
		p.pieces = append(p.pieces, p.span(text))
	}
	return pattern{pieces: first, until: int32(len(p.pieces))}
}

func (p *packer) end(l *leaf) int32 {
	if l == nil {
		return 0
	}
	slices.SortStableFunc(l.routes, func(a, b route) int { return rank(a.op.Method) - rank(b.op.Method) })
	e := end{first: int32(len(p.targets)), count: int32(len(l.routes))}
	e.allowed = once(p.said, &p.allowed, l.allowed(), l.allowed())
	if err := l.finishQueries(); err != nil {
		p.err = err
	}
	if l.queries != nil {
		p.asking = append(p.asking, l)
		e.asks = int32(len(p.asking))
	}
	for i, r := range l.routes {
		if at := rank(r.op.Method); at < len(order) {
			e.usual[at] = uint8(i + 1)
		}
		p.targets = append(p.targets, target{
			op:    r.op,
			api:   once(p.owners, &p.apis, r.api, r.api),
			names: once(p.lists, &p.names, strings.Join(append(r.names, ""), "\x00"), r.names),
		})
	}
	p.ends = append(p.ends, e)
	return int32(len(p.ends) - 1)
}

// once gives the index of a value in all, where it is added unless it stands
// there.
func once[K comparable, V interface{}](seen map[K]int32, all *[]V, key K, value V) int32 {
	at, ok := seen[key]
	if !ok {
		at = int32(len(*all))
		seen[key] = at
		*all = append(*all, value)
	}
	return at
}

func (p *packer) span(text string) span {
	s, ok := p.texts[text]
	if !ok {
		s = span{uint32(p.text.Len()), uint32(len(text))}
		p.text.WriteString(text)
		p.texts[text] = s
	}
	return s
}
