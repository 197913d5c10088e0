// Package reply turns what went wrong into status, fields and body. It is the
// only place that does: the codes, texts and shapes of contract sections 2.9
// and 5, with the differences of the design, stand in this package and nowhere
// else.
package reply

import (
	"strconv"
	"time"

	"mgw/runtime/internal/exchange"
)

// Fault is a refusal or a failure that the gateway answers itself. Faults are
// made once and never changed: answering with one allocates nothing.
type Fault struct {
	Status      int
	Code        int
	Message     string
	Description string
	body        string
}

// newFault gives a fault in the envelope of contract 5.1: the original's order
// of members and its spacing, which its users' tests compare byte by byte.
func newFault(status, code int, message, description string) *Fault {
	b := append([]byte(nil), `{"fault":{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `, "message":`...)
	b = appendString(b, message)
	b = append(b, `, "description":`...)
	b = appendString(b, description)
	b = append(b, "}}"...)
	return &Fault{status, code, message, description, string(b)}
}

// Refusal is an error that knows its answer: a request body that is too large,
// too slow or malformed, found when it is read.
type Refusal interface {
	error
	Fault() *Fault
}

// WithDescription gives a fault that says more.
func (f *Fault) WithDescription(text string) *Fault {
	return newFault(f.Status, f.Code, f.Message, text)
}

// Send makes the fault the answer of an exchange. Fields that a stage put into
// the response before (Retry-After, WWW-Authenticate) stay.
func (f *Fault) Send(x *exchange.Exchange) {
	x.Code, x.Reason = f.Code, f.reason()
	JSON(x, f.Status, f.body)
}

// RetryAfter tells when to come again, in whole seconds (RFC 9110 section
// 10.2.3) and rounded up: whoever waits that long does not come too early.
func RetryAfter(x *exchange.Exchange, wait time.Duration) {
	var digits [20]byte
	seconds := int64(wait / time.Second)
	if wait%time.Second > 0 {
		seconds++
	}
	x.Response.SetBytes("Retry-After", strconv.AppendInt(digits[:0], max(1, seconds), 10))
}

// JSON answers with a status and a body that is JSON already.
func JSON(x *exchange.Exchange, status int, body string) {
	x.Status = status
	x.Response.Set("Content-Type", "application/json")
	x.Response.SetBodyString(body)
}

const hex = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259 section 7).
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
