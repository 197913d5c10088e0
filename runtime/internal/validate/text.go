package validate

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// escape gives the length of an escape sequence, 0 when it is none. Half of a
// surrogate pair is none: parsers disagree about what it stands for.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hexRune(b)
		switch {
		case r < 0:
			return 0
		case !utf16.IsSurrogate(r):
			return 6
		case utf16.DecodeRune(r, hexRune(b[6:])) != utf8.RuneError:
			return 12
		}
	}
	return 0
}

// hexRune reads \uXXXX; -1 when it is not that.
func hexRune(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		if !isHex(c) {
			return -1
		}
		r = r<<4 | rune(unhex(c))
	}
	return r
}

var plainEscapes = [...]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '/': '/'}

// appendText appends a text with its escapes made out.
func (d *document) appendText(to []byte, n *node) []byte {
	from := d.data[n.start:n.end]
	for n.escaped && len(from) > 0 {
		i := bytes.IndexByte(from, '\\')
		if i < 0 {
			break
		}
		to = append(to, from[:i]...)
		from = from[i:]
		size := escape(from)
		switch r := hexRune(from); {
		case size == 12:
			to = utf8.AppendRune(to, utf16.DecodeRune(r, hexRune(from[6:])))
		case size == 6:
			to = utf8.AppendRune(to, r)
		default:
			to = append(to, plainEscapes[from[1]])
		}
		from = from[size:]
	}
	return append(to, from...)
}

// text lends a text with its escapes made out, until the next call.
func (d *document) text(n *node) []byte {
	if !n.escaped {
		return d.data[n.start:n.end]
	}
	d.room = d.appendText(d.room[:0], n)
	return d.room
}

// hashed is a name and its hash.
type hashed struct {
	hash uint64
	node uint32
}

var seed = maphash.MakeSeed()

// fewNames is how many are compared each with each.
const fewNames = 8

// unique makes sure that no name comes twice in an object: of two that do,
// each parser takes another one.
func (d *document) unique(self uint32) error {
	count := d.nodes[self].count
	if count < 2 {
		return nil
	}
	d.names = d.names[:0]
	for i := self + 1; i < d.nodes[self].next; i = d.nodes[i+1].next {
		d.names = append(d.names, hashed{node: i})
	}
	if count <= fewNames {
		for i, a := range d.names {
			for _, b := range d.names[:i] {
				if d.sameText(a.node, b.node) {
					return errDuplicate
				}
			}
		}
		return nil
	}
	for i := range d.names {
		d.names[i].hash = maphash.Bytes(seed, d.text(&d.nodes[d.names[i].node]))
	}
	slices.SortFunc(d.names, func(a, b hashed) int { return cmp.Compare(a.hash, b.hash) })
	for i, b := range d.names[1:] {
		if a := d.names[i]; a.hash == b.hash && d.sameText(a.node, b.node) {
			return errDuplicate
		}
	}
	return nil
}

func (d *document) sameText(i, j uint32) bool {
	a, b := &d.nodes[i], &d.nodes[j]
	if !a.escaped && !b.escaped {
		return bytes.Equal(d.data[a.start:a.end], d.data[b.start:b.end])
	}
	return bytes.Equal(d.appendText(nil, a), d.appendText(nil, b))
}
