package validate

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
)

// equal compares two values of one or two documents (JSON Schema 2020-12, core,
// section 4.2.2). The cost is counted by the caller, by their size.
func equal(a *document, i uint32, b *document, j uint32) bool {
	x, y := &a.nodes[i], &b.nodes[j]
	if x.kind != y.kind || x.count != y.count {
		return false
	}
	switch x.kind {
	case null:
		return true
	case boolean:
		return x.end-x.start == y.end-y.start
	case number:
		return sameNumber(a.data[x.start:x.end], b.data[y.start:y.end])
	case text:
		return bytes.Equal(a.appendText(nil, x), b.appendText(nil, y))
	case array:
		for p, q := i+1, j+1; p < x.next; p, q = a.nodes[p].next, b.nodes[q].next {
			if !equal(a, p, b, q) {
				return false
			}
		}
		return true
	}
	return equalObjects(a, i, b, j)
}

// equalObjects pairs the members by name: no name comes twice, and there are
// as many in both.
func equalObjects(a *document, i uint32, b *document, j uint32) bool {
	members := make(map[string]uint32, a.nodes[i].count)
	for p := i + 1; p < a.nodes[i].next; p = a.nodes[p+1].next {
		members[string(a.text(&a.nodes[p]))] = p + 1
	}
	for q := j + 1; q < b.nodes[j].next; q = b.nodes[q+1].next {
		p, ok := members[string(b.text(&b.nodes[q]))]
		if !ok || !equal(a, p, b, q+1) {
			return false
		}
	}
	return true
}

// hash gives equal values the same number.
func (d *document) hash(i uint32, h *maphash.Hash) {
	n := &d.nodes[i]
	_ = h.WriteByte(byte(n.kind))
	switch n.kind {
	case boolean:
		_ = h.WriteByte(byte(n.end - n.start))
	case number:
		var v decimal
		v.read(d.data[n.start:n.end])
		if v.negative {
			_ = h.WriteByte('-')
		}
		_, _ = h.Write(v.digits[:v.length])
		_, _ = h.Write([]byte{byte(v.exponent), byte(v.exponent >> 8)})
	case text:
		_, _ = h.Write(d.text(n))
	case array:
		for p := i + 1; p < n.next; p = d.nodes[p].next {
			d.hash(p, h)
		}
	case object:
		var sum uint64 // whatever the order
		for p := i + 1; p < n.next; p = d.nodes[p+1].next {
			var member maphash.Hash
			member.SetSeed(seed)
			_, _ = member.Write(d.text(&d.nodes[p]))
			d.hash(p+1, &member)
			sum += member.Sum64()
		}
		maphash.WriteComparable(h, sum)
	}
}

// repeated finds two equal elements of an array.
func (d *document) repeated(i uint32) bool {
	list := make([]hashed, 0, d.nodes[i].count)
	var h maphash.Hash
	h.SetSeed(seed)
	for p := i + 1; p < d.nodes[i].next; p = d.nodes[p].next {
		h.Reset()
		d.hash(p, &h)
		list = append(list, hashed{h.Sum64(), p})
	}
	slices.SortFunc(list, func(a, b hashed) int { return cmp.Compare(a.hash, b.hash) })
	for k, b := range list[min(1, len(list)):] {
		if a := list[k]; a.hash == b.hash && equal(d, a.node, d, b.node) {
			return true
		}
	}
	return false
}
