// Package headers puts configured values in place of header fields, in
// requests to backends and in answers to clients ([server] header and
// [[server.headerConf]], contract section 8).
//
// In: the rules, once; then each request before it goes to the backend, and
// each answer before it is written. A field that is not preserved gets the
// configured value wherever it stands, or goes when that value is empty. Server
// in answers and User-Agent in requests are set where they are missing, too:
// whoever overrides them wants to hide what is behind. It adds no other field.
package headers

import "mgw/runtime/internal/exchange"

// Rule is what happens to a field.
type Rule struct {
	Name     string
	Preserve bool
	Value    string // in place of what stands there; "" takes it out
}

// Headers is immutable and safe for concurrent use.
type Headers struct {
	rules  []Rule
	server string // for answers without the field
}

// New gives nil when there is nothing to do.
func New(server string, rules []Rule) *Headers {
	h := &Headers{server: server}
	for _, r := range rules {
		if !r.Preserve {
			h.rules = append(h.rules, r)
		}
	}
	if len(h.rules) == 0 && server == "" {
		return nil
	}
	return h
}

// Request is a stage that goes before the backend.
func (h *Headers) Request(x *exchange.Exchange) bool {
	h.apply(&x.Request, exchange.UserAgent)
	return true
}

// Reply works on an answer.
func (h *Headers) Reply(x *exchange.Exchange) {
	h.apply(&x.Response, exchange.Server)
	if h.server != "" && x.Response.Get(exchange.Server) == nil {
		x.Response.Add("Server", h.server)
	}
}

// apply overrides fields that are there, and the one that always is set.
func (h *Headers) apply(m *exchange.Message, always exchange.FieldID) {
	for i := range h.rules {
		r := &h.rules[i]
		_, there := m.Lookup(r.Name)
		switch {
		case r.Value == "" && there:
			m.Del(r.Name)
		case r.Value != "" && (there || exchange.IdentifyString(r.Name) == always):
			m.Set(r.Name, r.Value)
		}
	}
}
