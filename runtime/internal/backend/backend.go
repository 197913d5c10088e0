// Package backend sends requests on to the endpoints of their operations.
//
// In: an exchange that has passed every other stage. Out: the backend's answer
// in the exchange, its body still streaming, or a fault. It chooses production
// or sandbox, a target of the endpoint and the next one when that fails; it
// rewrites what concerns the client's connection into what concerns the
// backend's and touches nothing else: path, query and body go on as the bytes
// that came.
//
// How bytes reach a target is an exchange.Transport's business; Standard is
// the one that net/http gives. What a backend may have acted upon is sent
// again only where that does no harm (RFC 9110 section 9.2.2). A body is kept
// in memory only where retryConfig asks for it and it is short. Run looks after
// the targets: whether they live, and where their names lead.
package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Options say what backends there are and how to reach them.
type Options struct {
	Gateway   *spec.Gateway
	Transport exchange.Transport
	Now       func() int64      // the clock's
	Log       *slog.Logger      // nil: nothing is logged
	Probe     http.RoundTripper // carries health checks; nil: there are none

	// Names are looked up again once in Refresh; 0 for never.
	Resolver Resolver
	Refresh  time.Duration
	// RemoteNames says that a proxy looks names up, those of SRV records apart.
	RemoteNames bool

	// TrustedProxy tells peers whose X-Forwarded fields are passed on; nil
	// trusts none.
	TrustedProxy func(netip.Addr) bool
	// Password gives the one for an endpoint with security, by its index.
	Password func(endpoint int) (string, bool)

	LegacyStatus bool          // failures as 500 (contract 5.6)
	MaxBody      int64         // bytes of an answer's body; 0 is unbounded
	Timeout      time.Duration // without progress, where an endpoint names none; 60 s
	Pool         spec.Pool     // where an endpoint has none
}

// Backends is safe for concurrent use.
type Backends struct {
	options   Options
	endpoints []*endpoint
	depths    []int // slashes in the base path, by API
	buffers   sync.Pool

	unreachable, timeout, suspended *reply.Fault
}

// New reads the endpoints. It fails for a URL that cannot be served, and has
// closed the transport then.
func New(options Options) (*Backends, error) {
	if options.Timeout == 0 {
		options.Timeout = 60 * time.Second
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Resolver == nil {
		options.Resolver = net.DefaultResolver
	}
	b := &Backends{
		options:     options,
		buffers:     sync.Pool{New: func() any { return new([]byte) }},
		unreachable: reply.BackendUnreachable,
		timeout:     reply.BackendTimeout,
		suspended:   reply.BackendSuspended,
	}
	if options.LegacyStatus {
		b.unreachable, b.timeout = reply.BackendUnreachableLegacy, reply.BackendTimeoutLegacy
		b.suspended = reply.BackendUnreachableLegacy
	}
	for i := range options.Gateway.Endpoints {
		e, err := b.newEndpoint(i, &options.Gateway.Endpoints[i])
		if err != nil {
			b.Close()
			return nil, fmt.Errorf("endpoint %s: %w", options.Gateway.Endpoints[i].Name, err)
		}
		b.endpoints = append(b.endpoints, e)
	}
	for _, api := range options.Gateway.APIs {
		b.depths = append(b.depths, strings.Count(api.BasePath, "/"))
	}
	return b, nil
}

// Close ends idle connections.
func (b *Backends) Close() { b.options.Transport.Close() }

// Done ends the flight of an exchange.
func (b *Backends) Done(x *exchange.Exchange) { land(x) }

// Forward is the last stage: it always answers.
func (b *Backends) Forward(x *exchange.Exchange) bool {
	e := b.choose(x)
	if e == nil {
		return false
	}
	buf := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buf)
	own := len(x.Response.Fields)
	protocol := b.prepare(x, e, buf)
	err := e.retry.keep(x)
	if err == nil {
		err = b.send(x, e, buf, own)
	}
	if err != nil {
		b.fail(x, e, err)
		return false
	}
	if x.Status == 101 && !switches(x, protocol) || x.Status != 101 && (x.Status < 200 || x.Status > 999) {
		b.drop(x, own, errStatus)
		b.unreachable.Send(x)
		return false
	}
	if b.options.MaxBody > 0 && x.Response.Body != nil && !b.boundBody(&x.Response) {
		b.drop(x, own, errBodyLarge)
		b.unreachable.Send(x)
		return false
	}
	if x.Status == 101 {
		x.Response.Del("Connection")
	} else {
		x.Response.StripHop()
	}
	return false
}

// choose gives the endpoint for the caller's kind of key, or answers.
func (b *Backends) choose(x *exchange.Exchange) *endpoint {
	index, missing := x.Operation.Production, reply.NoProductionEndpoint
	if x.Grant != nil && x.Grant.Principal.KeyType == exchange.Sandbox {
		index, missing = x.Operation.Sandbox, reply.NoSandboxEndpoint
	}
	if index == spec.NoEndpoint {
		reply.JSON(x, 403, missing)
		return nil
	}
	return b.endpoints[index]
}

func (b *Backends) now() int64 {
	if b.options.Now == nil {
		return time.Now().UnixNano()
	}
	return b.options.Now()
}

// statusClientGone is for the log: nobody is there to read it.
const statusClientGone = 499

// fail answers for an attempt that brought nothing.
func (b *Backends) fail(x *exchange.Exchange, e *endpoint, err error) {
	var attempt *exchange.AttemptError
	errors.As(err, &attempt)
	var refusal reply.Refusal
	switch {
	case attempt == nil && errors.As(err, &refusal):
		refusal.Fault().Send(x)
	case attempt != nil && errors.As(attempt.Body, &refusal):
		refusal.Fault().Send(x)
	case attempt != nil && attempt.Body != nil, errors.Is(x.Client.Context().Err(), context.Canceled):
		x.Aborted = true
		x.Status = statusClientGone
	case errors.Is(err, errOpen):
		reply.RetryAfter(x, time.Duration(e.reopens()-b.now()))
		b.suspended.Send(x)
	case attempt != nil && attempt.Timeout:
		b.timeout.Send(x)
	default:
		b.unreachable.Send(x)
	}
}
