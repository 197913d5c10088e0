package validate

import (
	"errors"
	"unicode/utf8"
)

// kind is what a JSON value is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// node is a value of a document, or the name of a member, which its value
// follows. Nodes stand in the order of the text, so that what a value holds
// lies between it and its next.
type node struct {
	kind    kind
	escaped bool   // a text with a backslash
	start   uint32 // in the text; of what stands between the quotes
	end     uint32
	next    uint32 // the node after this one and all it holds
	count   uint32 // elements or members
}

// document is a JSON text and its values. Its memory is used again.
type document struct {
	data  []byte
	nodes []node
	names []hashed // scratch of the duplicate check
	room  []byte   // scratch of unescaped names
}

// maxDepth bounds nesting. Servers and their libraries refuse from 64 to 1000.
const maxDepth = 128

// maxNumber bounds the digits of a number and its exponent: exact arithmetic
// with a longer one costs more than it is worth.
const (
	maxNumber   = 400
	maxExponent = 400
)

// What is wrong with a text that is no acceptable JSON. Each would be read in
// more than one way by the parsers of the world, or not at all.
var (
	errSyntax    = errors.New("the body is not valid JSON")
	errTrailing  = errors.New("the body has more after its JSON value")
	errDepth     = errors.New("the body is nested too deeply")
	errNumber    = errors.New("the body has a number with too many digits")
	errUTF8      = errors.New("the body is not valid UTF-8")
	errDuplicate = errors.New("the body has an object with a name that comes twice")
)

// parse reads a JSON text (RFC 8259), strictly: one value, valid UTF-8, no
// byte order mark, no half of a surrogate pair, no name twice in an object.
func (d *document) parse(data []byte) error {
	d.data, d.nodes = data, d.nodes[:0]
	if !utf8.Valid(data) {
		return errUTF8
	}
	p := parser{document: d}
	p.space()
	if err := p.value(0); err != nil {
		return err
	}
	if p.space(); p.at < len(data) {
		return errTrailing
	}
	return nil
}

type parser struct {
	*document
	at int
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek gives the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *parser) value(depth int) error {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return errDepth
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case c == '"':
		return p.text()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return p.word("true", boolean)
	case c == 'f':
		return p.word("false", boolean)
	case c == 'n':
		return p.word("null", null)
	}
	return errSyntax
}

func (p *parser) add(k kind, start, end int) {
	p.nodes = append(p.nodes, node{kind: k, start: uint32(start), end: uint32(end), next: uint32(len(p.nodes) + 1)})
}

func (p *parser) word(word string, k kind) error {
	end := p.at + len(word)
	if end > len(p.data) || string(p.data[p.at:end]) != word {
		return errSyntax
	}
	p.add(k, p.at, end)
	p.at = end
	return nil
}

func (p *parser) array(depth int) error {
	self, count := len(p.nodes), uint32(0)
	p.add(array, p.at, p.at)
	p.at++
	for p.space(); p.peek() != ']' || count > 0; count++ {
		p.space()
		if err := p.value(depth + 1); err != nil {
			return err
		}
		if p.space(); p.peek() != ',' {
			count++
			break
		}
		p.at++
	}
	return p.close(self, ']', count)
}

func (p *parser) object(depth int) error {
	self, count := len(p.nodes), uint32(0)
	p.add(object, p.at, p.at)
	p.at++
	for p.space(); p.peek() != '}' || count > 0; count++ {
		if p.space(); p.peek() != '"' {
			return errSyntax
		}
		if err := p.text(); err != nil {
			return err
		}
		if p.space(); p.peek() != ':' {
			return errSyntax
		}
		p.at++
		p.space()
		if err := p.value(depth + 1); err != nil {
			return err
		}
		if p.space(); p.peek() != ',' {
			count++
			break
		}
		p.at++
	}
	if err := p.close(self, '}', count); err != nil {
		return err
	}
	return p.unique(uint32(self))
}

func (p *parser) close(self int, bracket byte, count uint32) error {
	if p.peek() != bracket {
		return errSyntax
	}
	p.at++
	n := &p.nodes[self]
	n.end, n.next, n.count = uint32(p.at), uint32(len(p.nodes)), count
	return nil
}

// text reads a string. What its escapes stand for is made out when it is
// needed.
func (p *parser) text() error {
	start, escaped := p.at+1, false
	for p.at++; ; p.at++ {
		if p.at >= len(p.data) {
			return errSyntax
		}
		switch c := p.data[p.at]; {
		case c == '"':
			p.add(text, start, p.at)
			p.nodes[len(p.nodes)-1].escaped = escaped
			p.at++
			return nil
		case c < ' ':
			return errSyntax
		case c == '\\':
			escaped = true
			n := escape(p.data[p.at:])
			if n == 0 {
				return errSyntax
			}
			p.at += n - 1
		}
	}
}

func (p *parser) number() error {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	switch c := p.peek(); {
	case c == '0':
		p.at++
	case c >= '1' && c <= '9':
		p.digits()
	default:
		return errSyntax
	}
	if p.peek() == '.' {
		p.at++
		if !p.digits() {
			return errSyntax
		}
	}
	exponent := 0
	if p.peek()|0x20 == 'e' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		begin := p.at
		if !p.digits() {
			return errSyntax
		}
		for _, c := range p.data[begin:p.at] {
			exponent = min(exponent*10+int(c-'0'), maxExponent+1)
		}
	}
	if p.at-start > maxNumber || exponent > maxExponent {
		return errNumber
	}
	p.add(number, start, p.at)
	return nil
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}
