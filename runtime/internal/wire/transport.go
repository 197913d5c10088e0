package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// TransportOptions bounds the backend side. Zero values take the defaults
// named beside them.
type TransportOptions struct {
	// Dial opens connections; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  *tls.Config // for backends on https; the server's name is filled in
	// Proxy, by http, stands between the gateway and all targets; nil for none.
	Proxy *url.URL

	MaxStatusLine int // bytes of an answer's first line: 4 KiB
	MaxHeader     int // bytes of an answer's head: 64 KiB
	MaxFields     int // fields of an answer's head: 200

	DialTimeout  time.Duration // with the TLS handshake: 10 s
	IdleTimeout  time.Duration // of a pooled connection: 60 s
	WriteTimeout time.Duration // for one write to a backend that does not read: 30 s
}

// Transport is the backend side of the engine: an exchange.Transport that
// speaks HTTP/1.1 alone. It owns the connections to all targets.
type Transport struct {
	options TransportOptions
	limits  headLimits
	watch   *watch

	mu      sync.Mutex
	targets []*upstream
	closed  bool
}

var _ exchange.Transport = (*Transport)(nil)

// NewTransport starts the transport's clock. Close ends it.
func NewTransport(o TransportOptions) *Transport {
	o.MaxStatusLine = cmp.Or(o.MaxStatusLine, 4<<10)
	o.MaxHeader = cmp.Or(o.MaxHeader, 64<<10)
	o.MaxFields = cmp.Or(o.MaxFields, 200)
	o.DialTimeout = cmp.Or(o.DialTimeout, 10*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 60*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	t := &Transport{options: o, limits: headLimits{size: o.MaxHeader, target: o.MaxStatusLine, fields: o.MaxFields}}
	t.watch = newWatch(tickFor(o.IdleTimeout, o.WriteTimeout), t.sweep)
	return t
}

// Open gives the way to a target, with a pool of its own.
func (t *Transport) Open(to exchange.Target) exchange.Upstream {
	u := &upstream{transport: t, to: to}
	if t.options.Proxy != nil {
		u.detour = newDetour(t.options.Proxy, to.Host)
	}
	if to.Secure {
		u.tls = t.clientTLS(to.Address)
	}
	t.watch.refine(tickFor(to.Timeout))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.targets = append(t.targets, u)
	u.pool.closed = t.closed
	return u
}

func (t *Transport) clientTLS(address string) *tls.Config {
	config := new(tls.Config)
	if t.options.TLS != nil {
		config = t.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	config.NextProtos = []string{"http/1.1"}
	return config
}

// Close closes idle connections. Exchanges that still run go on until they are
// done; then their connections are closed and the transport's clock stops.
func (t *Transport) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	targets := t.targets
	t.mu.Unlock()
	for _, u := range targets {
		u.shut()
	}
	t.watch.retire()
}

func (t *Transport) sweep(now int64) {
	t.mu.Lock()
	targets := t.targets
	t.mu.Unlock()
	for _, u := range targets {
		u.sweep(now)
	}
}

// upstream is one target and the connections to it.
type upstream struct {
	transport *Transport
	to        exchange.Target
	tls       *tls.Config // nil for plaintext
	detour    *detour     // through a proxy; nil for none
	pool      pool
}

var (
	errConnect = errors.New("no connection to the backend")
	errBusy    = fmt.Errorf("%w: all are in use", errConnect)
	errRequest = errors.New("reading the request body")
)

// tries bounds how often a request meets connections that had gone stale.
const tries = 3

// RoundTrip implements exchange.Upstream. Nothing of an answer has been passed
// on when it fails, interim answers apart.
func (u *upstream) RoundTrip(ctx context.Context, x *exchange.Exchange, requestTarget []byte) error {
	for try := 1; ; try++ {
		b, err := u.take(ctx, try == tries)
		if err != nil {
			return &exchange.AttemptError{
				Timeout: errors.Is(err, errTimeout), Busy: errors.Is(err, errBusy), Err: fmt.Errorf("asking %s: %w", u.to.Host, err),
			}
		}
		if err = x.Admit(); err != nil {
			u.give(b)
			return err
		}
		if err = b.exchange(ctx, x, requestTarget); err == nil {
			return nil
		}
		sent, streamed := b.sent.Load(), b.pump.running
		again := try < tries && b.stale(err) && !streamed && (!sent || idempotent(x.Method))
		b.fail()
		if again && (x.Request.Body == nil || x.Request.Body.Rewind()) {
			continue
		}
		return attemptError(u.to.Host, sent, err)
	}
}

// idempotent methods may be repeated (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

func attemptError(host string, sent bool, err error) error {
	failed := &exchange.AttemptError{Sent: sent, Timeout: errors.Is(err, errTimeout), Err: fmt.Errorf("asking %s: %w", host, err)}
	if errors.Is(err, errRequest) {
		failed.Body = err
		if refusal, ok := errors.AsType[reply.Refusal](err); ok {
			failed.Body = refusal
		}
		failed.Timeout = false
	}
	return failed
}
