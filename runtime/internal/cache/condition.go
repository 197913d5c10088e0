package cache

import (
	"strings"
	"time"

	"mgw/runtime/internal/exchange"
)

// matches tells whether a conditional request names what is stored, so that
// its client has it already (RFC 9111 section 4.3.2, RFC 9110 section 13.1).
func (e *entry) matches(m *exchange.Message) bool {
	if e.status != 200 {
		return false
	}
	tags, since := false, []byte(nil)
	for _, f := range m.Fields {
		switch f.ID {
		case exchange.IfNoneMatch:
			tags = true
			if e.among(m.Value(f)) {
				return true
			}
		case exchange.IfModifiedSince:
			since = m.Value(f)
		}
	}
	if tags || since == nil || e.modified == "" {
		return false
	}
	if string(since) == e.modified {
		return true
	}
	modified, ok := parseDate(e.modified)
	limit, valid := parseDate(string(since))
	return ok && valid && !modified.After(limit)
}

// among finds the entity tag in a list, by weak comparison.
func (e *entry) among(list []byte) bool {
	if string(list) == "*" {
		return true
	}
	for tag, rest := exchange.NextElement(list); tag != nil && e.etag != ""; tag, rest = exchange.NextElement(rest) {
		if strong(string(tag)) == strong(e.etag) {
			return true
		}
	}
	return false
}

func strong(tag string) string { return strings.TrimPrefix(tag, "W/") }

// validate makes a request ask whether a stale answer still holds (RFC 9111
// section 4.3.1). What the client wants to know of its own copy is kept.
func (v *visit) validate(x *exchange.Exchange, e *entry) {
	v.stale, v.matched = e, e.matches(&x.Request)
	x.Request.DelFunc(func(f exchange.Field) bool { return f.ID == exchange.IfNoneMatch || f.ID == exchange.IfModifiedSince })
	if e.etag != "" {
		x.Request.Add("If-None-Match", e.etag)
	}
	if e.modified != "" {
		x.Request.Add("If-Modified-Since", e.modified)
	}
}

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// parseDate reads the three forms of RFC 9110 section 5.6.7.
func parseDate(s string) (time.Time, bool) {
	for _, form := range []string{httpDate, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
