package auth

import (
	"bytes"
	"strings"

	"mgw/runtime/internal/exchange"
)

// shown is what a request's credential field looks like, before anything is
// verified.
type shown uint8

const (
	showsNothing shown = iota
	showsBearer
	showsBasic
	showsKey
	showsOther // a scheme that no handler knows; counted as oauth2 (contract 5.3)
	showsTwice // two fields of one name: which is meant cannot be told
)

// find lends the credential that a request shows. An API key is looked for
// where there is no credential field, in a header field first (contract 5.3).
func (r *rule) find(x *exchange.Exchange) (shown, []byte) {
	value, count := r.header.find(&x.Request)
	if count > 1 {
		return showsTwice, nil
	}
	if len(value) > 0 {
		kind, text := credential(value)
		if kind == showsOther && r.key && strings.EqualFold(r.header.name, r.keyHeader.name) {
			return showsKey, value
		}
		return kind, text
	}
	if !r.key {
		return showsNothing, nil
	}
	value, count = r.keyHeader.find(&x.Request)
	if count == 0 {
		value, count = queryParameter(x.Query, r.keyQuery)
	}
	switch {
	case count > 1:
		return showsKey, nil // of two keys neither counts
	case len(value) > 0:
		return showsKey, value
	}
	return showsNothing, nil
}

// field is where a header field is looked for.
type field struct {
	name string
	raw  []byte
	id   exchange.FieldID
}

func newField(name string) field {
	return field{name, []byte(name), exchange.IdentifyString(name)}
}

// find lends the field's value and counts how often it is there.
func (f *field) find(m *exchange.Message) (value []byte, count int) {
	if f.name == "" {
		return nil, 0
	}
	for _, candidate := range m.Fields {
		if candidate.ID != f.id || f.id == exchange.Other && !bytes.EqualFold(m.Name(candidate), f.raw) {
			continue
		}
		if count++; count == 1 {
			value = m.Value(candidate)
		}
	}
	return value, count
}

// credential lends what a credential field holds. The scheme compares without
// case (RFC 9110 section 11.1).
func credential(value []byte) (shown, []byte) {
	scheme, rest, _ := bytes.Cut(value, []byte(" "))
	switch {
	case equalFold(scheme, "bearer"):
		return showsBearer, bytes.Trim(rest, " ")
	case equalFold(scheme, "basic"):
		return showsBasic, bytes.Trim(rest, " ")
	}
	return showsOther, nil
}

// equalFold compares with a lower-case ASCII word, without case.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
