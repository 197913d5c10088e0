package cors

import (
	"bytes"

	"mgw/runtime/internal/exchange"
)

// allows tells whether pages of an origin may read answers. Where any may and
// credentials are sent along, "null" is left out: every sandboxed frame has it.
func (p *policy) allows(origin []byte) bool {
	for _, o := range p.origins {
		if string(origin) == o {
			return true
		}
	}
	return p.anyOrigin && !(p.credentials && string(origin) == "null")
}

// vary tells caches that answers differ by origin, to requests without one as
// well.
func (p *policy) vary(m *exchange.Message, preflight bool) {
	switch {
	case preflight:
		m.Add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	case p.anyOrigin && !p.credentials:
		// The answer is one for all.
	case !m.HasToken(exchange.Vary, "Origin") && !m.HasToken(exchange.Vary, "*"):
		m.Add("Vary", "Origin")
	}
}

// allow lets pages of an origin read the answer. With credentials a browser
// takes no asterisk.
func (p *policy) allow(m *exchange.Message, origin []byte) {
	if p.anyOrigin && !p.credentials {
		m.Add("Access-Control-Allow-Origin", "*")
		return
	}
	m.AddBytes("Access-Control-Allow-Origin", origin)
	if p.credentials {
		m.Add("Access-Control-Allow-Credentials", "true")
	}
}

// answer says what the request that a preflight announces may be. It gives
// false, and says nothing, when that request is not allowed.
func (p *policy) answer(x *exchange.Exchange) bool {
	method := x.Request.Get(exchange.AccessControlRequestMethod)
	if x.Status != 200 || !p.allowsMethod(method) || !p.allowsHeaders(&x.Request) {
		return false
	}
	m := &x.Response
	if p.methods != nil {
		m.Add("Access-Control-Allow-Methods", p.methodList)
	} else {
		m.AddBytes("Access-Control-Allow-Methods", method)
	}
	switch {
	case p.headers == nil:
		for _, f := range x.Request.Fields {
			if f.ID == exchange.AccessControlRequestHeaders {
				m.AddBytes("Access-Control-Allow-Headers", x.Request.Value(f))
			}
		}
	case p.headerList != "":
		m.Add("Access-Control-Allow-Headers", p.headerList)
	}
	if p.maxAge != "" {
		m.Add("Access-Control-Max-Age", p.maxAge)
	}
	return true
}

func (p *policy) allowsMethod(method []byte) bool {
	for _, m := range p.methods {
		if string(method) == m {
			return true
		}
	}
	return p.methods == nil && isToken(method)
}

// allowsHeaders judges the names that the request is going to have.
func (p *policy) allowsHeaders(m *exchange.Message) bool {
	for _, f := range m.Fields {
		if f.ID != exchange.AccessControlRequestHeaders {
			continue
		}
		for name, rest := exchange.NextElement(m.Value(f)); name != nil; name, rest = exchange.NextElement(rest) {
			if !isToken(name) || p.headers != nil && !contains(p.headers, name) {
				return false
			}
		}
	}
	return true
}

func contains(names []string, name []byte) bool {
	for _, n := range names {
		if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
			return true
		}
	}
	return false
}

// isToken holds for what RFC 9110 section 5.6.2 calls a token: nothing that
// could end a list or a line when it is repeated in the answer.
func isToken(s []byte) bool {
	for _, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0 {
			return false
		}
	}
	return len(s) > 0
}
