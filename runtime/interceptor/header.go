package interceptor

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Header holds the fields of a message. Names compare without case.
//
// Fields that belong to one connection or that frame the message (Connection,
// Content-Length, Transfer-Encoding ...), and those by which the gateway itself
// speaks to a backend (Host, X-Forwarded-For ...), are not among them. Setting
// one of those, or a name or value that HTTP does not allow, makes the
// interceptor fail: the client gets status 500, the log says why.
type Header struct {
	fields  [][2]string
	changes []Change
	foreign func(lower string) bool // fields that are the gateway's alone
	err     error
}

// Get gives the first value of a field, "" when there is none.
func (h *Header) Get(name string) string {
	for _, f := range h.fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// Values gives all values of a field in their order.
func (h *Header) Values(name string) []string {
	var values []string
	for _, f := range h.fields {
		if strings.EqualFold(f[0], name) {
			values = append(values, f[1])
		}
	}
	return values
}

// All gives every field in its order, names as they were received.
func (h *Header) All() iter.Seq2[string, string] {
	fields := slices.Clone(h.fields)
	return func(yield func(string, string) bool) {
		for _, f := range fields {
			if !yield(f[0], f[1]) {
				return
			}
		}
	}
}

// Set makes value the only one of a field.
func (h *Header) Set(name, value string) {
	if h.allow(name, &value) {
		h.remove(name)
		h.fields = append(h.fields, [2]string{name, value})
		h.changes = append(h.changes, Change{Name: name, Value: value})
	}
}

// Add appends a value to those of a field.
func (h *Header) Add(name, value string) {
	if h.allow(name, &value) {
		h.fields = append(h.fields, [2]string{name, value})
		h.changes = append(h.changes, Change{Name: name, Value: value, Add: true})
	}
}

// Del removes all values of a field.
func (h *Header) Del(name string) {
	if h.remove(name) {
		h.changes = append(h.changes, Change{Name: name, Remove: true})
	}
}

func (h *Header) remove(name string) bool {
	before := len(h.fields)
	h.fields = slices.DeleteFunc(h.fields, func(f [2]string) bool { return strings.EqualFold(f[0], name) })
	return len(h.fields) < before
}

// allow checks a field and takes the white space around its value away.
func (h *Header) allow(name string, value *string) bool {
	*value = strings.Trim(*value, " \t")
	err := checkField(name, *value, h.foreign)
	if err != nil && h.err == nil {
		h.err = err
	}
	return err == nil
}

func (h *Header) take() []Change {
	changes := h.changes
	h.changes = nil
	return changes
}

// checkField follows RFC 9110 sections 5.1 and 5.5. A value is not shown: it
// may be a secret.
func checkField(name, value string, foreign func(string) bool) error {
	switch {
	case !isToken(name):
		return fmt.Errorf("%.60q is not the name of a header field", name)
	case foreign(strings.ToLower(name)):
		return fmt.Errorf("the header field %s is written by the gateway alone", name)
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("the value of the header field %s has the byte %#02x, which HTTP does not allow", name, c)
		}
	}
	return nil
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// ofConnection tells the fields of one connection and those that frame a
// message (RFC 9110 section 7.6.1, RFC 9112 section 6).
func ofConnection(lower string) bool {
	switch lower {
	case "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// toBackend adds those that say who asks, and what the gateway answers itself.
func toBackend(lower string) bool {
	switch lower {
	case "host", "expect", "forwarded", "x-real-ip":
		return true
	}
	return strings.HasPrefix(lower, "x-forwarded-") || ofConnection(lower)
}
