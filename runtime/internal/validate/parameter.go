package validate

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// parameter is one of a path, a query or a header.
type parameter struct {
	spec.Parameter
	schema *lazy
}

// parameters gives what is wrong with a request's parameters, "" for nothing.
func (v *Validator) parameters(op *operation, x *exchange.Exchange) string {
	c := v.checks.Get().(*check)
	defer v.release(c)
	var problems strings.Builder
	for i := range op.params {
		p := &op.params[i]
		values, ok := p.values(x)
		switch {
		case !ok:
			p.tell(&problems, ": is not valid percent-encoded UTF-8")
		case len(values) == 0 && p.Required && p.In != "path":
			p.tell(&problems, " is required and missing")
		case len(values) > 0:
			for _, problem := range p.check(c, values) {
				p.tell(&problems, strings.TrimPrefix(problem, "#"))
			}
		}
		if problems.Len() > maxErrors*maxPointer {
			break
		}
	}
	return problems.String()
}

func (p *parameter) tell(to *strings.Builder, problem string) {
	to.WriteString(p.In + " parameter [" + clip(p.Name) + "]" + problem + ", ")
}

// values gives what a request has for a parameter, decoded.
func (p *parameter) values(x *exchange.Exchange) ([][]byte, bool) {
	switch p.In {
	case "path":
		raw, found := x.Param(p.Name)
		if !found {
			return nil, true
		}
		value, ok := decode(raw, false)
		return [][]byte{value}, ok
	case "query":
		return p.query(x.Query)
	}
	var values [][]byte
	for _, f := range x.Request.Fields {
		if strings.EqualFold(string(x.Request.Name(f)), p.Name) {
			values = append(values, x.Request.Value(f))
		}
	}
	for _, value := range values {
		if !utf8.Valid(value) {
			return nil, false
		}
	}
	return values, true
}

func (p *parameter) query(query []byte) ([][]byte, bool) {
	var values [][]byte
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		rawName, rawValue, _ := bytes.Cut(pair, []byte("="))
		if name, ok := decode(rawName, true); !ok || string(name) != p.Name {
			continue
		}
		value, ok := decode(rawValue, true)
		if !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// check applies the schema: to the list, or to each value, for nobody knows
// which of several a backend takes.
func (p *parameter) check(c *check, values [][]byte) []string {
	of := p.schema.get()
	if of == anything {
		return nil
	}
	if !p.List {
		for _, value := range values {
			if len(value) == 0 && p.Empty {
				continue
			}
			if problems := c.scalars(of, [][]byte{value}, false); len(problems) > 0 {
				return problems
			}
		}
		return nil
	}
	separator := p.Separator
	if separator == "" && p.In != "query" {
		separator = ","
	}
	if separator != "" {
		var items [][]byte
		for _, value := range values {
			for item := range bytes.SplitSeq(value, []byte(separator)) {
				if p.In == "header" {
					item = bytes.Trim(item, " \t")
				}
				items = append(items, item)
			}
		}
		values = items
	}
	return c.scalars(of, values, true)
}

// scalars applies a schema to words, which are numbers and booleans where they
// look like it and that is what the schema wants, else strings.
func (c *check) scalars(of *schema, values [][]byte, list bool) []string {
	typed := c.words(values, list, true)
	if c.begin(); c.apply(of, 0, nil) {
		return nil
	}
	if !typed {
		return c.errors
	}
	problems := append([]string(nil), c.errors...)
	c.words(values, list, false)
	if c.begin(); c.apply(of, 0, nil) {
		return nil
	}
	if len(problems) == 0 || strings.Contains(problems[0], "expected type") {
		return c.errors
	}
	return problems
}

// words makes a document of words; it tells whether one is not a string.
func (c *check) words(values [][]byte, list, typed bool) (any bool) {
	c.data, c.nodes = c.data[:0:0], c.nodes[:0]
	if list {
		c.nodes = append(c.nodes, node{kind: array, count: uint32(len(values))})
	}
	for _, value := range values {
		k := text
		if typed {
			k = wordKind(value)
		}
		any = any || k != text
		start := uint32(len(c.data))
		c.data = append(c.data, value...)
		c.nodes = append(c.nodes, node{kind: k, start: start, end: uint32(len(c.data)), next: uint32(len(c.nodes) + 1)})
	}
	c.nodes[0].next = uint32(len(c.nodes))
	if list {
		c.nodes[0].end = uint32(len(c.data))
	}
	return any
}

// wordKind tells what a word looks like.
func wordKind(word []byte) kind {
	switch string(word) {
	case "true", "false":
		return boolean
	}
	var d document
	if p := (parser{document: &d}); len(word) > 0 && len(word) <= maxNumber && (word[0] == '-' || word[0] >= '0' && word[0] <= '9') {
		d.data = word
		if p.number() == nil && p.at == len(word) {
			return number
		}
	}
	return text
}

// decode makes out percent-encoding; in a query + is a space.
func decode(raw []byte, plus bool) ([]byte, bool) {
	if bytes.IndexByte(raw, '%') < 0 && (!plus || bytes.IndexByte(raw, '+') < 0) {
		return raw, utf8.Valid(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '+' && plus:
			out = append(out, ' ')
		case c != '%':
			out = append(out, c)
		case i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2]):
			out = append(out, unhex(raw[i+1])<<4|unhex(raw[i+2]))
			i += 2
		default:
			return nil, false
		}
	}
	return out, utf8.Valid(out)
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
