package intercept

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// call is what the functions have of one exchange. It is not pooled: a
// function may keep what it was given.
type call struct {
	all       *Interceptors
	x         *exchange.Exchange
	operation *operation
	request   *interceptor.Request
	in, out   source
	passed    bool        // the limits have let the request through
	over      atomic.Bool // x is not to be touched any more
}

func (all *Interceptors) begin(x *exchange.Exchange, op *operation) *call {
	c := &call{all: all, x: x, operation: op}
	c.in.open(&x.Request, all.options.MaxBody)
	x.Request.StripNamed()
	c.request = interceptor.NewRequest(c.parts())
	x.Interception = c
	return c
}

// end makes the call harmless: whoever kept it reaches no exchange through it.
func (c *call) end() {
	c.over.Store(true)
	c.in.close()
	c.out.close()
}

// requests runs functions until one answers or fails.
func (c *call) requests(functions []function[interceptor.RequestFunc]) bool {
	for _, f := range functions {
		err := c.run(func(ctx context.Context) error { return f.call(ctx, c.request) })
		o := c.request.Outcome()
		if err = first(err, o.Err); err == nil && o.Answer == nil {
			err = first(c.in.broken(), c.in.replace(o))
		}
		if err != nil {
			c.fail(f.name, err, reply.BodyTooLarge)
			return false
		}
		if o.Answer != nil {
			c.answer(o.Answer)
			return false
		}
		applyFields(&c.x.Request, o.Changes)
		c.applyProperties()
	}
	return true
}

// responses runs functions on the answer until one gives another or fails.
func (c *call) responses(functions []function[interceptor.ResponseFunc]) {
	if len(functions) == 0 {
		return
	}
	c.out.open(&c.x.Response, c.all.options.MaxBody)
	r := interceptor.NewResponse(interceptor.ResponseParts{
		Request: c.request, Status: c.x.Status, Header: fieldsOf(&c.x.Response),
		Backend: c.backend(), Code: c.x.Code, Body: c.out.read,
	})
	for _, f := range functions {
		err := c.run(func(ctx context.Context) error { return f.call(ctx, r) })
		o := r.Outcome()
		if err = first(err, o.Err); err == nil && o.Answer == nil {
			err = first(c.out.broken(), c.switched(&o), c.out.replace(o))
		}
		if err != nil {
			c.drop()
			c.fail(f.name, err, nil)
			return
		}
		if o.Answer != nil {
			c.drop()
			c.answer(o.Answer)
			return
		}
		applyFields(&c.x.Response, o.Changes)
		c.x.Status = o.Status
	}
}

// backend is the host that gave the answer; a fault is the gateway's own.
func (c *call) backend() string {
	if c.x.Code != 0 {
		return ""
	}
	return c.x.Backend
}

// switched refuses to change what a connection that has switched protocols
// cannot have.
func (c *call) switched(o *interceptor.Outcome) error {
	if c.x.Status == 101 && (o.Status != 101 || o.Replaced) {
		return errors.New("the connection has switched protocols: its status stays 101, and it has no body")
	}
	return nil
}

// panicked is a function's panic.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

// run calls one function within its time.
func (c *call) run(f func(context.Context) error) (err error) {
	ctx := &callContext{parent: c.x.Client.Context(), deadline: time.Now().Add(c.all.options.Timeout)}
	defer ctx.end()
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	return f(ctx)
}

// statusClientGone is for the log: nobody is there to read it.
const statusClientGone = 499

// fail answers for a function that failed. tooLarge answers a body above the
// bound, where that is the client's fault.
func (c *call) fail(name string, err error, tooLarge *reply.Fault) {
	var refusal reply.Refusal
	var broken *bodyError
	var panicked *panicked
	switch {
	case errors.As(err, &panicked):
		c.log(name, err, "stack", string(panicked.stack))
		reply.Internal.Send(c.x)
	case c.x.Client.Context().Err() != nil:
		c.x.Aborted, c.x.Status = true, statusClientGone
	case tooLarge != nil && errors.Is(err, interceptor.ErrBodyTooLarge):
		tooLarge.Send(c.x)
	case errors.As(err, &refusal):
		refusal.Fault().Send(c.x)
	case errors.As(err, &broken) && tooLarge == nil:
		c.all.options.Unreachable.Send(c.x)
	case errors.As(err, &broken): // the client's connection
		c.x.Aborted, c.x.Status = true, statusClientGone
	default:
		c.log(name, err)
		reply.Internal.Send(c.x)
	}
}

func (c *call) log(name string, err error, more ...any) {
	op := c.operation
	c.all.options.Log.Error("an interceptor failed", append([]any{
		"interceptor", name, "api", op.api.Name + ":" + op.api.Version, "operation", op.self.Method + " " + op.self.Path,
		"error", err.Error(),
	}, more...)...)
}

// answer makes what a function gave the client's answer.
func (c *call) answer(a *interceptor.Answer) {
	c.x.Status, c.x.Code, c.x.Reason = a.Status, 0, ""
	for _, f := range a.Header {
		c.x.Response.Add(f[0], f[1])
	}
	install(&c.x.Response, a.Body)
}

var errReplaced = errors.New("an interceptor answered in its place")

// drop forgets the answer that there was.
func (c *call) drop() {
	x := c.x
	if x.Response.Body != nil {
		x.Response.Body.Abort(errReplaced)
	}
	if x.Tunnel != nil {
		_ = x.Tunnel.Close()
	}
	x.Tunnel, x.Response.Body, x.Response.Length = nil, nil, 0
	x.Response.Fields, x.Response.Trailers = x.Response.Fields[:0], x.Response.Trailers[:0]
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
