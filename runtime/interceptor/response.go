package interceptor

import "fmt"

// ResponseParts is what a Response is made of.
type ResponseParts struct {
	Request *Request
	Status  int
	Header  [][2]string
	Backend string // host that answered; "" when the gateway or an interceptor did
	Code    int    // of the gateway's fault; 0 for none
	Body    func() ([]byte, error)
}

// Response is the answer on its way to the client: the backend's, one that a
// request interceptor gave, or a fault of the gateway in its stead.
type Response struct {
	message
	parts  ResponseParts
	status int
}

// NewResponse makes a response. The gateway calls it, and so may a test of an
// interceptor.
func NewResponse(p ResponseParts) *Response {
	r := &Response{parts: p, status: p.Status}
	r.header = Header{fields: p.Header, foreign: ofConnection}
	r.source = p.Body
	return r
}

// Request is the request that is answered, as its interceptors left it. It is
// for reading: its body is gone, and changes have no effect.
func (r *Response) Request() *Request { return r.parts.Request }

// Status is the status code.
func (r *Response) Status() int { return r.status }

// SetStatus changes the status code, which is from 200 to 599.
func (r *Response) SetStatus(status int) {
	if status < 200 || status > 599 {
		_ = r.fail(fmt.Errorf("%d is not a status to answer with", status))
		return
	}
	r.status = status
}

// Backend is the host that answered, "" when the gateway or a request
// interceptor did.
func (r *Response) Backend() string { return r.parts.Backend }

// Code is that of the gateway's fault (101503 ...), 0 when this is none.
func (r *Response) Code() int { return r.parts.Code }

// Outcome gives what was made of the response, and starts over.
func (r *Response) Outcome() Outcome {
	o := r.outcome()
	o.Status = r.status
	return o
}
