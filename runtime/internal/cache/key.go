package cache

import (
	"strconv"

	"mgw/runtime/internal/exchange"
)

// appendKey adds what a backend is asked for: API, kind of key, and the
// request's URI as the backend sees it, the host that the client named
// included. Answers may depend on that one without saying so, and who names
// another must not choose what others get.
func appendKey(b []byte, x *exchange.Exchange) []byte {
	b = strconv.AppendInt(b, int64(x.API.ID), 10)
	if x.Grant != nil && x.Grant.Principal.KeyType == exchange.Sandbox {
		b = append(b, 's')
	}
	b = append(b, '\n')
	b = append(b, x.Scheme...)
	b = append(b, '\n')
	for _, c := range x.Host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	for _, f := range x.Request.Fields {
		switch f.ID {
		case exchange.XForwardedHost, exchange.XForwardedProto, exchange.Forwarded:
			b = append(b, '\n', 0, byte(f.ID)) // a target starts with a slash
			b = append(b, x.Request.Value(f)...)
		}
	}
	b = append(b, '\n')
	return append(b, x.Target...)
}

// variation is a request field that an answer was chosen by (RFC 9111 section
// 4.1), and what it said.
type variation struct {
	name  string
	id    exchange.FieldID
	value string // of all its lines, joined by commas
}

const comma = ", "

// vary reads the Vary fields of an answer. It gives false when no later request
// can be known to match: for *, and for fields that this gateway changes on the
// way to the backend.
func vary(answer, request *exchange.Message) (list []variation, ok bool) {
	for _, f := range answer.Fields {
		if f.ID != exchange.Vary {
			continue
		}
		for name, rest := exchange.NextElement(answer.Value(f)); name != nil; name, rest = exchange.NextElement(rest) {
			v := variation{name: string(name), id: exchange.Identify(name)}
			if v.name == "*" || changed(v) {
				return nil, false
			}
			v.value = valueOf(request, v)
			list = append(list, v)
		}
	}
	// A coded body is for those who take the coding, said or not.
	encoding := variation{name: "Accept-Encoding", id: exchange.AcceptEncoding}
	if answer.Get(exchange.ContentEncoding) != nil && !answer.HasToken(exchange.Vary, encoding.name) {
		encoding.value = valueOf(request, encoding)
		list = append(list, encoding)
	}
	return list, true
}

// changed tells fields that a backend may see otherwise than this stage does.
func changed(v variation) bool {
	switch v.id {
	case exchange.Authorization, exchange.Connection, exchange.Expect, exchange.Forwarded, exchange.Host, exchange.IfNoneMatch,
		exchange.IfModifiedSince, exchange.TE, exchange.Upgrade, exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto:
		return true
	case exchange.Other:
		for i := range len(v.name) {
			if v.name[i] == '_' {
				return true
			}
		}
		const prefix = "x-forwarded-"
		return len(v.name) > len(prefix) && equalFold(v.name[:len(prefix)], prefix) || equalFold(v.name, "x-real-ip")
	}
	return false
}

func valueOf(m *exchange.Message, v variation) string {
	var value []byte
	for _, f := range m.Fields {
		if v.names(m, f) {
			if value != nil {
				value = append(value, comma...)
			}
			value = append(value, m.Value(f)...)
		}
	}
	return string(value)
}

func (v *variation) names(m *exchange.Message, f exchange.Field) bool {
	return f.ID == v.id && (v.id != exchange.Other || equalFold(m.Name(f), v.name))
}

// match tells whether a request says the same.
func (v *variation) match(m *exchange.Message) bool {
	rest, first := v.value, true
	for _, f := range m.Fields {
		if !v.names(m, f) {
			continue
		}
		if !first {
			if len(rest) < len(comma) || rest[:len(comma)] != comma {
				return false
			}
			rest = rest[len(comma):]
		}
		value := m.Value(f)
		if len(rest) < len(value) || rest[:len(value)] != string(value) {
			return false
		}
		rest, first = rest[len(value):], false
	}
	return rest == ""
}

// equalFold compares ASCII without case.
func equalFold[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		if x, y := a[i], b[i]; x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
