// Package exchange is one request on its way through the gateway, free of any
// protocol: neither net/http nor the wire engine shows through.
//
// A front (listen, wire) takes an Exchange from the pool, fills in the request
// and runs a Chain over it. Stages read and change it; the one that has an
// answer fills Status and Response and ends the request part. The front then
// writes the answer, and Done functions run once, on every way out.
//
// Everything an Exchange lends (fields, paths, body chunks) is pooled memory:
// it dies with the exchange. Whatever outlives it, a map key above all, is
// cloned first.
package exchange

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"

	"mgw/runtime/spec"
)

// Exchange is one request and its answer. A single goroutine owns it.
type Exchange struct {
	Client  Client
	Request Message

	Method  string
	Scheme  string // http or https, as the client connected
	Host    []byte // authority of the request; valid, never empty for HTTP/1.1 and later
	Target  []byte // as received, origin-form: Path, then "?" and Query if there is one
	Path    []byte // raw, starting with a slash; the only form that anything matches or forwards
	Query   []byte // raw, without the question mark
	Major   int    // of the client's HTTP version
	Minor   int
	Peer    netip.AddrPort       // the other end of the connection
	Address netip.Addr           // the client: the peer, or what a trusted proxy says
	TLS     *tls.ConnectionState // nil on plaintext
	Start   int64                // Clock.Now when the head had been read

	// The router's part. API is that which owns the path, Operation nil where
	// none of its paths and methods matched.
	API       *spec.API
	Operation *spec.Operation
	Params    []Param

	// Identity's part. Grant is set on every request that passed auth, an
	// unsecured one included.
	Grant *Grant

	// Custom properties that classify hooks set ($customProperty.NAME).
	Properties []Property

	// The answer. Status 0 means none yet.
	Status   int
	Response Message
	Tunnel   io.ReadWriteCloser // with status 101: the backend's side of the upgraded connection
	Code     int                // the fault's code (900800 ...), 0 for none; for log and counters
	Reason   string             // the fault's message
	Level    string             // the limit that refused the request, for the log
	Backend  string             // host of the backend that answered, for the log
	// Uploading tells that the answer has come before the end of the request
	// body, which the upstream still reads: it cannot be sent again.
	Uploading bool
	// Flights counts the requests under way to the target, this one among them;
	// nil where nobody counts.
	Flights  *atomic.Int64
	BytesOut int64 // body bytes written to the client; set by the front
	BytesIn  int64 // body bytes read from the client; set by the front
	Aborted  bool  // the client was gone, or its answer was cut short

	// Admission, where there is one, has the last word before each attempt at
	// a backend.
	Admission Admission
	Admitted  bool // at least one attempt
	// Charge belongs to the throttle stage: what must be undone or completed
	// when the exchange ends.
	Charge any
	// Interception belongs to the interceptors' stages: what they have of this
	// request, nil while none has seen it.
	Interception any
	// Cached belongs to the response cache: what it remembers of the request
	// until its answer is there.
	Cached any
}

// Param is a path parameter: its name in the template and where its value
// stands in Path.
type Param struct {
	Name       string
	Start, End int
}

// Property is a value that a classify hook attached to the request.
type Property struct{ Name, Value string }

// Client is the side of the exchange that the front serves.
type Client interface {
	// Inform sends an interim (1xx) answer. A client that cannot take one
	// (HTTP/1.0) is not sent any.
	Inform(status int, head *Message) error
	// Reply writes x.Status and x.Response, body and trailers included, and
	// with status 101 carries bytes between client and x.Tunnel until both
	// are done. A body that fails is cut so that the client notices.
	Reply(x *Exchange) error
	// Gone tells whether the client has closed its side; it may cost a system
	// call.
	Gone() bool
	// Context ends when the client is gone or the exchange is done.
	Context() context.Context
}

// Stage does one step. It gives false when it has answered.
type Stage func(*Exchange) bool

// Handler is what fronts hand requests to.
type Handler interface {
	// Serve does all that happens to a request and writes its answer. It gives
	// what Client.Reply gave.
	Serve(*Exchange) error
	// Refuse writes the answer that the front has for a request which must not
	// reach a stage.
	Refuse(*Exchange) error
}

// Chain is all that happens to a request, in order.
type Chain struct {
	Request []Stage           // until one answers
	Reply   []func(*Exchange) // each answer on its way out, before it is written
	Done    []func(*Exchange) // once, whatever happened
	Panic   func(x *Exchange, recovered any)
}

// Serve implements Handler. A panic in a stage is handed to c.Panic, which
// answers.
func (c *Chain) Serve(x *Exchange) error { return c.run(x, c.Request) }

// Refuse implements Handler.
func (c *Chain) Refuse(x *Exchange) error { return c.run(x, nil) }

func (c *Chain) run(x *Exchange, stages []Stage) error {
	defer c.done(x)
	c.answer(x, stages)
	return x.Client.Reply(x)
}

func (c *Chain) answer(x *Exchange, stages []Stage) {
	defer c.recover(x)
	for _, stage := range stages {
		if !stage(x) {
			break
		}
	}
	for _, f := range c.Reply {
		f(x)
	}
}

func (c *Chain) recover(x *Exchange) {
	if r := recover(); r != nil {
		c.Panic(x, r)
	}
}

func (c *Chain) done(x *Exchange) {
	for _, f := range c.Done {
		f(x)
	}
}

// Param gives a path parameter's raw value.
func (x *Exchange) Param(name string) ([]byte, bool) {
	for _, p := range x.Params {
		if p.Name == name {
			return x.Path[p.Start:p.End], true
		}
	}
	return nil, false
}

// Own copies what the front has lent the request's head, for an exchange that
// lasts: the front may forget its buffer then.
func (x *Exchange) Own() {
	for _, lent := range []*[]byte{&x.Host, &x.Target, &x.Path, &x.Query, &x.Request.raw} {
		*lent = bytes.Clone(*lent)
	}
}

var pool = sync.Pool{New: func() any { return new(Exchange) }}

// Acquire takes an empty exchange from the pool.
func Acquire() *Exchange { return pool.Get().(*Exchange) }

// Release gives it back. The caller keeps nothing that the exchange lent.
func Release(x *Exchange) {
	x.Reset()
	pool.Put(x)
}

// Poison makes Reset overwrite lent memory, so that a test notices whoever kept
// a slice of it. Set before anything is served.
var Poison bool

// Reset empties the exchange and keeps its memory. A front that serves many
// requests on one connection uses one exchange for all of them.
func (x *Exchange) Reset() {
	if Poison {
		for _, b := range [][]byte{x.Host, x.Target, x.Path, x.Query} {
			poison(b)
		}
	}
	x.Request.Reset()
	x.Response.Reset()
	clear(x.Params)
	clear(x.Properties)
	*x = Exchange{
		Request:    x.Request,
		Response:   x.Response,
		Params:     x.Params[:0],
		Properties: x.Properties[:0],
	}
}
