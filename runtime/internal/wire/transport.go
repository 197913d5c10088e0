package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
)

// TransportOptions bounds the backend side. Zero values take the defaults
// named beside them.
type TransportOptions struct {
	// Dial opens connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	MaxHead   int // bytes of an answer's head: 64 KiB
	MaxFields int // fields of an answer's head: 200

	DialTimeout   time.Duration // with the TLS handshake: 10 s
	IdleTimeout   time.Duration // of a pooled connection: 60 s
	WriteTimeout  time.Duration // for one write to a backend that does not read: 30 s
	ExpectTimeout time.Duration // a body that waits for 100 (Continue) is sent after: 1 s
}

// Transport is the backend side of the engine: it owns the connections to all
// targets.
type Transport struct {
	options TransportOptions
	limits  headLimits
	watch   *watch

	mu      sync.Mutex
	targets []*Target
	closed  bool
}

// NewTransport starts the transport's clock. Close ends it.
func NewTransport(o TransportOptions) *Transport {
	o.MaxHead = cmp.Or(o.MaxHead, 64<<10)
	o.MaxFields = cmp.Or(o.MaxFields, 200)
	o.DialTimeout = cmp.Or(o.DialTimeout, 10*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 60*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.ExpectTimeout = cmp.Or(o.ExpectTimeout, time.Second)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	t := &Transport{options: o, limits: headLimits{size: o.MaxHead, fields: o.MaxFields}}
	t.watch = newWatch(tickFor(o.IdleTimeout, o.WriteTimeout, o.ExpectTimeout), t.sweep)
	return t
}

// TargetOptions names a backend.
type TargetOptions struct {
	Address string        // host:port
	TLS     *tls.Config   // nil for plaintext
	Timeout time.Duration // for an answer's head, and between two reads of its body: 60 s

	MaxActive int           // connections; 0 is unbounded
	MaxIdle   int           // connections kept; 0 takes 100, negative keeps none
	MaxWait   time.Duration // for a connection when all are in use: 30 s
}

// Target gives a backend with a pool of its own.
func (t *Transport) Target(o TargetOptions) *Target {
	o.Timeout = cmp.Or(o.Timeout, 60*time.Second)
	o.MaxIdle = cmp.Or(o.MaxIdle, 100)
	o.MaxWait = cmp.Or(o.MaxWait, 30*time.Second)
	g := &Target{transport: t, options: o}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.targets = append(t.targets, g)
	g.pool.closed = t.closed
	return g
}

// Close closes idle connections and stops the transport's clock. Exchanges
// that still run go on, without time-outs.
func (t *Transport) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	targets := t.targets
	t.mu.Unlock()
	for _, g := range targets {
		g.shut()
	}
	t.watch.close()
}

func (t *Transport) sweep(now int64) {
	t.mu.Lock()
	targets := t.targets
	t.mu.Unlock()
	for _, g := range targets {
		g.sweep(now)
	}
}

// Call is one attempt at a backend.
type Call struct {
	Target  []byte        // in origin-form: what the backend is asked for
	Host    []byte        // for the Host field
	Timeout time.Duration // 0 takes the target's
}

// Errors that a caller tells apart.
var (
	// ErrTimeout: the backend did not answer in time.
	ErrTimeout = errors.New("the backend did not answer in time")
	// ErrConnect: there was no connection; nothing was sent.
	ErrConnect = errors.New("no connection to the backend")
	// ErrClientGone: the client left before there was an answer.
	ErrClientGone = errGone
	// ErrRequest: the request's body could not be read.
	ErrRequest = errors.New("reading the request body")
)

// tries bounds how often a request meets connections that had gone stale.
const tries = 3

// Do sends the exchange's request to the target and fills Status and Response
// with the answer, whose body is then read from the connection. On an error
// nothing of the answer has been passed on, interim answers apart.
func (g *Target) Do(x *exchange.Exchange, call Call) error {
	call.Timeout = cmp.Or(call.Timeout, g.options.Timeout)
	for try := 1; ; try++ {
		b, err := g.take(x, try == tries)
		if err != nil {
			return err
		}
		if err = b.exchange(x, &call); err == nil {
			return nil
		}
		again := try < tries && b.stale(err) && mayRepeat(x, b)
		b.fail()
		if !again {
			return translate(err)
		}
	}
}

// mayRepeat follows RFC 9110 section 9.2.2: a request that may have reached
// the backend is sent again only when that does no harm.
func mayRepeat(x *exchange.Exchange, b *backendConn) bool {
	if b.sent > 0 && !idempotent(x.Method) {
		return false
	}
	return x.Request.Body == nil || b.pumping == nil && x.Request.Body.Rewind()
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// translate gives the errors that callers know.
func translate(err error) error {
	if errors.Is(err, errTimeout) {
		return ErrTimeout
	}
	return fmt.Errorf("asking the backend: %w", err)
}
