package exchange

import (
	"context"
	"time"
)

// Target is one URL of an endpoint, as far as a Transport needs to know it.
type Target struct {
	Secure  bool   // TLS
	HTTP2   bool   // and nothing else; on plaintext with prior knowledge
	Address string // host:port to connect to
	Host    string // what the Host field says

	Timeout time.Duration // without any progress

	// Bounds of the connections to Address; 0 is unbounded. Wait is how long a
	// request waits for one of MaxActive to come free.
	MaxActive, MaxIdle int
	Wait               time.Duration
}

// Transport opens the way to targets, once each.
type Transport interface {
	Open(to Target) Upstream
	Close() // ends idle connections; requests under way go on
}

// Upstream carries requests to one target.
//
// It sends x.Request, whose fields have been stripped of everything that
// concerns the client's connection, to the raw request target given; Host and
// framing are its own work. Upgrade and "Connection: Upgrade" are left in
// x.Request where the client asks for another protocol. It hands interim
// answers, stripped, to x.Client.Inform (never a 100: fronts send that
// themselves), and fills x.Status and x.Response with the final one as the
// backend sent it; with a 101 it sets x.Tunnel. A body that ends early makes
// Next fail.
//
// Until x.Response.Body has ended or was aborted, x belongs to the upstream
// too. A failure is an *AttemptError, or what x.Admit gave, and leaves x.Status
// 0; after the former the caller may try another target.
type Upstream interface {
	RoundTrip(ctx context.Context, x *Exchange, requestTarget []byte) error
	// Close ends idle connections, and those in use when they come free. A
	// RoundTrip that begins all the same has a connection of its own.
	Close()
}

// Admission is asked before each attempt at a backend: with the connection in
// hand, where the transport can tell, and before the first byte. Its error is
// given back as it is, and the request not sent.
type Admission interface{ Admit(x *Exchange) error }

// Admit asks x.Admission, if there is one.
func (x *Exchange) Admit() error {
	if x.Admission == nil {
		return nil
	}
	err := x.Admission.Admit(x)
	x.Admitted = x.Admitted || err == nil
	return err
}

// AttemptError is why there is no answer.
type AttemptError struct {
	Sent    bool  // the backend may have seen the request or a part of it
	Timeout bool  // nothing came in time
	Busy    bool  // no connection came free; the backend has nothing to do with it
	Body    error // the request body failed, not the backend
	Err     error
}

func (e *AttemptError) Error() string {
	if e.Body != nil {
		return "reading the request body: " + e.Body.Error()
	}
	return e.Err.Error()
}

func (e *AttemptError) Unwrap() error {
	if e.Body != nil {
		return e.Body
	}
	return e.Err
}
