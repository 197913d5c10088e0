package backend

import (
	"bytes"

	"mgw/runtime/internal/exchange"
)

// prepare turns the request's fields into those for the backend. It gives the
// protocol that the client wants to switch to, "" for none.
//
// Via is not added: it makes common servers stop compressing, and what it
// tells stands in the X-Forwarded fields.
func (b *Backends) prepare(x *exchange.Exchange, e *endpoint, buf *[]byte) string {
	m := &x.Request
	protocol := wanted(x)
	trailers := m.HasToken(exchange.TE, "trailers")
	m.StripHop()
	trusted := b.options.TrustedProxy != nil && b.options.TrustedProxy(x.Peer.Addr())
	kept := m.Fields[:0]
	for _, f := range m.Fields {
		if !dropped(m, f, trusted, buf) {
			kept = append(kept, f)
		}
	}
	m.Fields = kept
	b.forwarded(x, buf)
	if trailers {
		m.Add("TE", "trailers")
	}
	if protocol != "" {
		m.Add("Connection", "Upgrade")
		m.Add("Upgrade", protocol)
	}
	if e.authorization != "" {
		m.Set("Authorization", e.authorization)
	}
	return protocol
}

// dropped tells the client's fields that the backend must not see.
func dropped(m *exchange.Message, f exchange.Field, trusted bool, buf *[]byte) bool {
	switch f.ID {
	case exchange.Host, exchange.Expect: // the transport's, and the front's
		return true
	case exchange.Other, exchange.Forwarded, exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto:
		name := m.Name(f)
		return !trusted && forwarding(name) || bytes.IndexByte(name, '_') >= 0 && shadows(m, name, buf)
	}
	return false
}

// forwarded says who asks, in the fields that survived: those of a trusted
// proxy.
func (b *Backends) forwarded(x *exchange.Exchange, buf *[]byte) {
	m := &x.Request
	list := (*buf)[:0]
	for _, f := range m.Fields {
		if f.ID == exchange.XForwardedFor {
			list = append(append(list, m.Value(f)...), ", "...)
		}
	}
	if x.Peer.IsValid() {
		list = x.Peer.Addr().AppendTo(list)
	}
	m.SetBytes("X-Forwarded-For", list)
	*buf = list
	if m.Get(exchange.XForwardedProto) == nil {
		m.Add("X-Forwarded-Proto", x.Scheme)
	}
	if m.Get(exchange.XForwardedHost) == nil {
		m.AddBytes("X-Forwarded-Host", x.Host)
	}
}

// forwarding tells fields by which proxies say whom they speak for.
func forwarding(name []byte) bool {
	const prefix = "x-forwarded-"
	return len(name) > len(prefix) && equalFold(name[:len(prefix)], prefix) ||
		equalFold(name, "forwarded") || equalFold(name, "x-real-ip")
}

// shadows tells whether a name with underscores is, to a CGI-like backend, one
// that the gateway vouches for or that the request has too.
func shadows(m *exchange.Message, name []byte, buf *[]byte) bool {
	hyphens := append((*buf)[:0], name...)
	*buf = hyphens
	for i, c := range hyphens {
		if c == '_' {
			hyphens[i] = '-'
		}
	}
	if exchange.Identify(hyphens) != exchange.Other || forwarding(hyphens) {
		return true
	}
	for _, f := range m.Fields {
		if bytes.EqualFold(m.Name(f), hyphens) {
			return true
		}
	}
	return false
}

// wanted gives the protocol of an upgrade that can be passed on: one, on
// HTTP/1.1, on a request without body. Not h2c, which would carry requests
// that nobody looks at.
func wanted(x *exchange.Exchange) string {
	m := &x.Request
	if x.Major != 1 || x.Minor != 1 || m.Body != nil ||
		m.Count(exchange.Upgrade) != 1 || !m.HasToken(exchange.Connection, "upgrade") {
		return ""
	}
	protocol, rest := exchange.NextElement(m.Get(exchange.Upgrade))
	if more, _ := exchange.NextElement(rest); more != nil || equalFold(protocol, "h2c") {
		return ""
	}
	return string(protocol)
}

// switches tells whether a 101 is the answer to what was asked.
func switches(x *exchange.Exchange, protocol string) bool {
	return protocol != "" && x.Tunnel != nil && x.Response.Count(exchange.Upgrade) == 1 &&
		equalFold(x.Response.Get(exchange.Upgrade), protocol)
}

// equalFold compares ASCII without case.
func equalFold(a []byte, b string) bool {
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
