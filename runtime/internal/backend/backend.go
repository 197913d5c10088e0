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
// the one that net/http gives. The package never retries what a backend may
// have acted upon, never buffers a body, and keeps no exchange.
package backend

import (
	"context"
	"errors"
	"fmt"
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
	Now       func() int64 // the clock's

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

	unreachable, timeout *reply.Fault
}

// New reads the endpoints. It fails for a URL that cannot be served.
func New(options Options) (*Backends, error) {
	if options.Timeout == 0 {
		options.Timeout = 60 * time.Second
	}
	b := &Backends{
		options:     options,
		buffers:     sync.Pool{New: func() any { return new([]byte) }},
		unreachable: reply.BackendUnreachable,
		timeout:     reply.BackendTimeout,
	}
	if options.LegacyStatus {
		b.unreachable, b.timeout = reply.BackendUnreachableLegacy, reply.BackendTimeoutLegacy
	}
	for i := range options.Gateway.Endpoints {
		e, err := b.newEndpoint(i, &options.Gateway.Endpoints[i])
		if err != nil {
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
	if err := b.send(x, e, buf, own); err != nil {
		b.fail(x, err)
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

var errStatus = errors.New("the backend's status is not one that answers")

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

// send tries targets until one answers. The first own fields of the response
// are those of earlier stages; they stay.
func (b *Backends) send(x *exchange.Exchange, e *endpoint, buf *[]byte, own int) error {
	var tried uint64
	var failed error // of the attempt before
	for now := b.now(); ; {
		i := e.next(now, tried)
		t := e.targets[i]
		tried |= 1 << i
		last := tried == 1<<len(e.targets)-1
		x.Backend = t.host
		*buf = b.appendTarget((*buf)[:0], x, t)
		err := t.RoundTrip(x.Client.Context(), x, *buf)
		if err == nil {
			t.dead.Store(0)
			if last || !e.failsOver(x.Status) || !safe(x.Method) || !rewind(x) {
				return nil
			}
			b.drop(x, own, errStatus)
			failed = &exchange.AttemptError{Sent: true, Err: errStatus}
			continue
		}
		if refused(err) && failed == nil {
			return err
		}
		x.Response.Fields = x.Response.Fields[:own]
		if refused(err) {
			return failed // the backend's failure says more
		}
		if !sent(err) && x.Client.Context().Err() == nil {
			t.dead.Store(b.now() + int64(avoid))
		}
		if last || !again(x, err) {
			return err
		}
		failed = err
	}
}

// refused tells that x.Admission did not let the attempt through.
func refused(err error) bool {
	var attempt *exchange.AttemptError
	return !errors.As(err, &attempt)
}

func (b *Backends) now() int64 {
	if b.options.Now == nil {
		return time.Now().UnixNano()
	}
	return b.options.Now()
}

// drop forgets an answer that is not passed on.
func (b *Backends) drop(x *exchange.Exchange, own int, why error) {
	if x.Response.Body != nil {
		x.Response.Body.Abort(why)
	}
	if x.Tunnel != nil {
		_ = x.Tunnel.Close()
	}
	x.Status, x.Tunnel = 0, nil
	x.Response.Body, x.Response.Length = nil, 0
	x.Response.Fields, x.Response.Trailers = x.Response.Fields[:own], x.Response.Trailers[:0]
}

// again tells whether another target may be asked: nothing reached this one,
// or asking twice does no harm (RFC 9110 section 9.2.2), and the body can be
// sent from its start.
func again(x *exchange.Exchange, err error) bool {
	var attempt *exchange.AttemptError
	if !errors.As(err, &attempt) || attempt.Body != nil || x.Client.Context().Err() != nil {
		return false
	}
	return (!attempt.Sent || safe(x.Method)) && rewind(x)
}

func sent(err error) bool {
	var attempt *exchange.AttemptError
	return !errors.As(err, &attempt) || attempt.Sent || attempt.Body != nil
}

func rewind(x *exchange.Exchange) bool {
	return x.Request.Body == nil || x.Request.Body.Rewind()
}

func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// statusClientGone is for the log: nobody is there to read it.
const statusClientGone = 499

// fail answers for an attempt that brought nothing.
func (b *Backends) fail(x *exchange.Exchange, err error) {
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
	case attempt != nil && attempt.Timeout:
		b.timeout.Send(x)
	default:
		b.unreachable.Send(x)
	}
}
