// Package interceptor is what the Go code of a project imports to take part in
// the requests of its gateway.
//
// A project's folder interceptors/ holds a Go package. A definition names its
// functions: x-mgw-classify those that run before the limits are checked,
// x-wso2-request-interceptor those that run before the backend is called,
// x-wso2-response-interceptor those that see the answer.
//
//	func AddTenant(ctx context.Context, r *interceptor.Request) error {
//		r.Header().Set("X-Tenant", r.Principal().Tenant)
//		return nil
//	}
//
// An error, or a panic, ends the request with status 500 and is logged. What
// an interceptor is given are copies: values that it keeps stay as they are.
// Request and Response themselves belong to the call, as ctx does, and are not
// for several goroutines at once. The package knows no protocol, opens no
// connection and imports nothing but the standard library.
package interceptor

import (
	"context"
	"errors"
)

// RequestFunc is an interceptor of requests, and a classifier. ctx ends when
// the client is gone, and when the configured time for one interceptor is over.
type RequestFunc = func(ctx context.Context, r *Request) error

// ResponseFunc is an interceptor of answers.
type ResponseFunc = func(ctx context.Context, r *Response) error

// Functions are the interceptors of a project by their names.
type Functions struct {
	Request  map[string]RequestFunc
	Response map[string]ResponseFunc
}

// ErrBodyTooLarge is what Body gives for a body above the configured size. An
// interceptor that returns it ends the request (413 for a request, 500 for an
// answer); one that does not lets the body pass as it is.
var ErrBodyTooLarge = errors.New("the body is larger than interceptorConfig.maxBodySize")

// Answer is what Respond makes the client's answer.
type Answer struct {
	Status int
	Header [][2]string // names and values
	Body   []byte
}

// Change is what an interceptor did to a header: Add appends Value, else the
// fields of the name are replaced by it, or removed where Remove says so.
type Change struct {
	Name, Value string
	Add, Remove bool
}

// Outcome is what interceptors made of a message since it was last asked for.
// The gateway reads it after each interceptor.
type Outcome struct {
	Err      error   // a mistake that the message cannot be sent with
	Answer   *Answer // nil: none was given
	Changes  []Change
	Replaced bool // Body takes the place of the message's
	Body     []byte
	Status   int // of a Response
}
