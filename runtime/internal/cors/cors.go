// Package cors lets web pages of the origins that an API names use it
// (x-wso2-cors, contract 2.8; the Fetch standard, section 3.2).
//
// In: the CORS settings of the APIs, once; then requests that the router has
// seen, and every answer on its way out. A preflight is answered here, before
// anybody asks for a credential or charges a limit: browsers send none. Every
// other answer gets the fields without which a page may not read it, a refusal
// by the gateway as well, and what the backend said of CORS is taken out: an
// API that has settings has these and no others.
//
// It never refuses a request. An origin that is not allowed gets no fields,
// which makes the browser keep the answer from the page.
package cors

import (
	"strconv"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// CORS is immutable and safe for concurrent use.
type CORS struct {
	policies []*policy // by API; nil where it has none
}

// policy is the settings of an API, ready to be compared and sent.
type policy struct {
	origins     []string
	anyOrigin   bool
	credentials bool

	methods, headers       []string // nil: any
	methodList, headerList string   // as they are sent
	expose                 string
	maxAge                 string
}

// New prepares the settings. It gives nil when no API has any.
func New(apis []spec.API) *CORS {
	c := &CORS{policies: make([]*policy, len(apis))}
	some := false
	for i := range apis {
		if s := apis[i].CORS; s != nil {
			c.policies[apis[i].ID] = newPolicy(s)
			some = true
		}
	}
	if !some {
		return nil
	}
	return c
}

func newPolicy(s *spec.CORS) *policy {
	p := &policy{
		credentials: s.AllowCredentials,
		methods:     unlessAny(s.AllowMethods),
		headers:     unlessAny(s.AllowHeaders),
		expose:      strings.Join(s.ExposeHeaders, ", "),
	}
	for _, origin := range s.AllowOrigins {
		if origin == "*" {
			p.anyOrigin = true
		} else {
			p.origins = append(p.origins, origin)
		}
	}
	for i, method := range p.methods {
		p.methods[i] = strings.ToUpper(method)
	}
	p.methodList, p.headerList = strings.Join(p.methods, ", "), strings.Join(p.headers, ", ")
	if s.MaxAge > 0 {
		p.maxAge = strconv.Itoa(s.MaxAge)
	}
	return p
}

// unlessAny gives a copy of a list, nil where everything is allowed.
func unlessAny(list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		if item == "*" {
			return nil
		}
		out = append(out, item)
	}
	return out
}

// of gives the policy that an exchange falls under, nil for none.
func (c *CORS) of(x *exchange.Exchange) *policy {
	if x.API == nil {
		return nil
	}
	return c.policies[x.API.ID]
}

// Route is the router's stage, preflights answered: those of an operation that
// the definition has for OPTIONS too, since a browser shows it no credential
// and reads no answer of it that lacks these fields.
func (c *CORS) Route(route exchange.Stage) exchange.Stage {
	return func(x *exchange.Exchange) bool {
		if !route(x) {
			return false
		}
		if x.Method == "OPTIONS" && c.of(x) != nil && isPreflight(x) {
			x.Status = 200
			return false
		}
		return true
	}
}

// isPreflight tells whether an OPTIONS is a browser's question whether it may
// send another request.
func isPreflight(x *exchange.Exchange) bool {
	return x.Request.Get(exchange.Origin) != nil && x.Request.Get(exchange.AccessControlRequestMethod) != nil
}

// Reply puts the fields into an answer. A change of protocol has none: pages
// read no head of it.
func (c *CORS) Reply(x *exchange.Exchange) {
	p := c.of(x)
	if p == nil || x.Status == 101 {
		return
	}
	m := &x.Response
	dropOurs(m)
	preflight := x.Method == "OPTIONS" && x.Backend == "" && isPreflight(x)
	p.vary(m, preflight)
	origin := x.Request.Get(exchange.Origin)
	if origin == nil || x.Request.Count(exchange.Origin) > 1 || !p.allows(origin) {
		return
	}
	if preflight && !p.answer(x) {
		return
	}
	p.allow(m, origin)
	if !preflight && p.expose != "" {
		m.Add("Access-Control-Expose-Headers", p.expose)
	}
}

// dropOurs takes out what the backend says. By hand: a function that DelFunc
// calls would be allocated for each answer.
func dropOurs(m *exchange.Message) {
	kept := m.Fields[:0]
	for _, f := range m.Fields {
		if f.ID != exchange.Other || !ours(m.Name(f)) {
			kept = append(kept, f)
		}
	}
	m.Fields = kept
}

// ours tells the answer fields of the protocol.
func ours(name []byte) bool {
	const prefix = "access-control-"
	if len(name) <= len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if name[i]|0x20 != prefix[i] && name[i] != prefix[i] {
			return false
		}
	}
	return true
}
