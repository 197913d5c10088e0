package backend

import (
	"errors"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// course is a request's way over the targets of an endpoint.
type course struct {
	set      *set
	turn     uint32
	attempts uint32
	tried    uint64 // since the last retry
	retries  int
	began    int64         // the first attempt
	wait     time.Duration // before the next
	failed   error         // the last attempt that came to something
}

// step is what follows an attempt.
type step int

const (
	stop   step = iota // this is the outcome
	onward             // to the next target, at once
	later              // again, after a while
)

// send tries targets until one answers. The first own fields of the response
// are those of earlier stages; they stay.
//
// A target that was not reached, or whose failure does no harm, is followed by
// the next one at once. When none is left, and on the statuses of retryConfig,
// the request waits for its turn to be retried.
func (b *Backends) send(x *exchange.Exchange, e *endpoint, buf *[]byte, own int) error {
	now := b.now()
	c := course{set: e.set.Load(), began: now}
	for {
		i, try := c.next(e, now, x.Request.Body == nil && safe(x.Method))
		if i < 0 {
			return errNoTarget
		}
		t := c.set.targets[i]
		c.tried |= 1 << i
		*buf = b.appendTarget((*buf)[:0], x, t)
		err := b.attempt(x, &c, e, t, try, *buf)
		if err == nil && e.kind == spec.HTTP && e.retry == nil {
			return nil
		}
		now = b.now()
		then := c.follow(x, e, err, now)
		if then == stop {
			return c.outcome(x, err, own)
		}
		c.leave(b, x, err, own)
		if then == later {
			e.retries.Add(1)
			if !pause(x, c.wait) {
				return c.failed
			}
			now = b.now()
		}
	}
}

var errNoTarget = &exchange.AttemptError{Err: errors.New("no target is known")}

// attempt asks one target and notes what that tells about it.
func (b *Backends) attempt(x *exchange.Exchange, c *course, e *endpoint, t *target, try bool, path []byte) error {
	if try {
		defer t.health.spared()
	}
	x.Backend, x.Uploading = t.host, false
	if e.algorithm == spec.LeastRequests {
		t.flights.Add(1)
		x.Flights = &t.flights
	}
	err := t.roundTrip(x, path)
	if err != nil {
		land(x)
	}
	if t.breaker != nil && t.breaker.turned.Load() && t.breaker.turned.Swap(false) {
		b.options.Log.Warn("the circuit breaker of a backend has turned", "backend", t.host, "state", t.breaker.machine.State().String())
	}
	if len(c.set.targets) > 1 {
		b.learn(x, t, try, err)
	}
	return err
}

func (t *target) roundTrip(x *exchange.Exchange, path []byte) error {
	way := *t.way.Load()
	if t.breaker == nil {
		return way.RoundTrip(x.Client.Context(), x, path)
	}
	return t.breaker.run(x, func() error { return way.RoundTrip(x.Client.Context(), x, path) })
}

// learn notes what an attempt tells about a target that others can stand in for.
func (b *Backends) learn(x *exchange.Exchange, t *target, try bool, err error) {
	switch {
	case err == nil:
		if t.health.answered() {
			b.options.Log.Info("a backend answers again", "backend", t.host)
		}
	case blamed(x, err):
		if t.health.failed(b.now(), try, sent(err)) {
			b.options.Log.Warn("a backend failed: others are asked first", "backend", t.host, "error", err)
		}
	}
}

// land ends a flight.
func land(x *exchange.Exchange) {
	if x.Flights != nil {
		x.Flights.Add(-1)
		x.Flights = nil
	}
}

// follow decides what comes after an attempt.
func (c *course) follow(x *exchange.Exchange, e *endpoint, err error, now int64) step {
	left := c.set.all() &^ c.tried
	switch {
	case err == nil:
		return c.followStatus(x, e, left, now)
	case errors.Is(err, errOpen):
		if left != 0 {
			return onward
		}
		return stop
	case !again(x, e, err):
		return stop
	case left != 0:
		return onward
	}
	return c.retry(e.retry, left, now)
}

// followStatus decides whether an answer is passed on.
func (c *course) followStatus(x *exchange.Exchange, e *endpoint, left uint64, now int64) step {
	over := e.failsOver(x.Status) && c.set.open(left, now, true) != 0
	_, kept := x.Request.Body.(*keptBody) // which leave rewinds
	if !over && !e.retry.on(x.Status) || x.Uploading && !kept || !e.repeatable(x.Method) {
		return stop
	}
	then := onward
	if !over {
		then = c.retry(e.retry, left, now)
	}
	if then != stop && !kept && !rewind(x) {
		return stop
	}
	return then
}

// retry takes one of the retries, while there are any and it is not too late.
func (c *course) retry(r *retry, left uint64, now int64) step {
	if r == nil || c.retries >= r.count {
		return stop
	}
	c.wait = r.wait(c.retries)
	if now+int64(c.wait)-c.began > int64(mostCourse) {
		return stop
	}
	c.retries++
	if left == 0 {
		c.tried = 0
	}
	return later
}

// outcome gives what the client is told: rather what a backend did than that
// nobody may be asked any more.
func (c *course) outcome(x *exchange.Exchange, err error, own int) error {
	told := err
	if err != nil && (refused(err) || errors.Is(err, errOpen)) && c.failed != nil {
		told = c.failed
	}
	if told != nil && !refused(told) {
		x.Response.Fields = x.Response.Fields[:own]
	}
	return told
}

// leave forgets an attempt that another follows.
func (c *course) leave(b *Backends, x *exchange.Exchange, err error, own int) {
	if err == nil {
		b.drop(x, own, errStatus)
		if kept, ok := x.Request.Body.(*keptBody); ok {
			kept.Rewind() // nobody reads it any more
		}
		err = &exchange.AttemptError{Sent: true, Err: errStatus}
	}
	x.Response.Fields = x.Response.Fields[:own]
	if !errors.Is(err, errOpen) {
		c.failed = err
	}
}

// refused tells that x.Admission did not let the attempt through.
func refused(err error) bool {
	var attempt *exchange.AttemptError
	return !errors.As(err, &attempt) && !errors.Is(err, errOpen)
}

// drop forgets an answer that is not passed on.
func (b *Backends) drop(x *exchange.Exchange, own int, why error) {
	if x.Response.Body != nil {
		x.Response.Body.Abort(why)
	}
	if x.Tunnel != nil {
		_ = x.Tunnel.Close()
	}
	land(x)
	x.Status, x.Tunnel = 0, nil
	x.Response.Body, x.Response.Length = nil, 0
	x.Response.Fields, x.Response.Trailers = x.Response.Fields[:own], x.Response.Trailers[:0]
}

// again tells whether a request may be sent again after a failure: nothing
// reached the target, or asking twice does no harm, and the body can be sent
// from its start.
func again(x *exchange.Exchange, e *endpoint, err error) bool {
	var attempt *exchange.AttemptError
	if !errors.As(err, &attempt) || attempt.Body != nil || x.Client.Context().Err() != nil {
		return false
	}
	return (!attempt.Sent || e.repeatable(x.Method)) && rewind(x)
}

func sent(err error) bool {
	var attempt *exchange.AttemptError
	return !errors.As(err, &attempt) || attempt.Sent || attempt.Body != nil
}

func rewind(x *exchange.Exchange) bool {
	return x.Request.Body == nil || x.Request.Body.Rewind()
}
