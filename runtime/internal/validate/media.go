package validate

import (
	"bytes"
	"strings"

	"mgw/runtime/internal/exchange"
)

// contentType gives the media type of a message, in lower case and without
// parameters; "" when there is none. It gives false for more than one.
func contentType(m *exchange.Message) (string, bool) {
	if m.Count(exchange.ContentType) > 1 {
		return "", false
	}
	bare, _, _ := bytes.Cut(m.Get(exchange.ContentType), []byte(";"))
	return strings.ToLower(string(bytes.Trim(bare, " \t"))), true
}

// isJSON holds for application/json and the types that say they are JSON (RFC
// 6839 section 3.1).
func isJSON(name string) bool {
	return name == "application/json" || strings.HasSuffix(name, "+json")
}

// choose gives the schema for a body of a type: that of the type itself, else
// of a range. A JSON type that the definition does not name is taken for the
// one that it does, so that another name is no way around. Without a type the
// body is taken for what the operation wants.
func choose(of []media, name string) *lazy {
	if name != "" && !isJSON(name) {
		return nil
	}
	var best *lazy
	rank := 0
	for i := range of {
		r := 1
		switch of[i].name {
		case name:
			return of[i].schema
		case "application/*":
			r = 3
		case "*/*":
			r = 2
		}
		if r > rank {
			best, rank = of[i].schema, r
		}
	}
	return best
}

// coding is how a body is compressed.
type coding uint8

const (
	plain coding = iota
	gzipped
	unknown
)

// codingOf reads Content-Encoding (RFC 9110 section 8.4).
func codingOf(m *exchange.Message) coding {
	found := plain
	for _, f := range m.Fields {
		if f.ID != exchange.ContentEncoding {
			continue
		}
		for element, rest := exchange.NextElement(m.Value(f)); element != nil; element, rest = exchange.NextElement(rest) {
			name := strings.ToLower(string(element))
			switch {
			case name == "identity":
			case (name == "gzip" || name == "x-gzip") && found == plain:
				found = gzipped
			default:
				return unknown
			}
		}
	}
	return found
}
