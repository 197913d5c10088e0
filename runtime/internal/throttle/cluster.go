package throttle

import (
	"math"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Publish takes the event of each request that was let through. It keeps
// nothing of it.
type Publish func(*Event)

// hashes are what a grant's or an operation's keys are among the decisions.
type hashes struct{ application, subscription, api, resource uint64 }

// askManager answers a request that the traffic manager has blocked or
// throttled. It gives true when it has; over tells of a limit that does not
// stop.
func (t *Throttle) askManager(x *exchange.Exchange, c *charge, op *operation, g *grantLimits) (refused, over bool) {
	d := t.options.Decisions
	var hit bool
	if c.key, hit = d.blocked(c.key, x); hit {
		t.refuse(x, reply.Blocked, levelBlocked)
		return true, false
	}
	if d.held.Load() == 0 {
		return false, false
	}
	if left, hit := d.throttled(g.hashes.application); hit && g.event != nil {
		return t.decided(x, left, reply.ThrottledApplication, levelApplication), false
	}
	if left, hit := d.throttledResource(op.hashes.api, x); hit {
		return t.decided(x, left, reply.ThrottledAPI, levelAPI), false
	}
	if left, hit := d.throttledResource(op.hashes.resource, x); hit {
		return t.decided(x, left, reply.ThrottledResource, levelResource), false
	}
	if left, level, hit := t.subscriptionDecided(x, c, g); hit {
		if !g.passes {
			return t.decided(x, left, reply.ThrottledSubscription, level), false
		}
		over = true
	}
	var left int64
	if c.key, left, hit = d.throttledTemplate(c.key, t, x); hit {
		return t.decided(x, left, reply.ThrottledCustom, levelCustom), over
	}
	return false, over
}

func (t *Throttle) subscriptionDecided(x *exchange.Exchange, c *charge, g *grantLimits) (left int64, level string, hit bool) {
	d := t.options.Decisions
	if g.event != nil {
		left, hit = d.throttled(g.hashes.subscription)
		return left, levelSubscription, hit
	}
	c.key = t.appendUnauthenticated(c.key[:0], x)
	left, hit = d.throttled(d.hash(c.key))
	return left, levelUnauthenticated, hit
}

// decided refuses a request for as long as the manager's decision holds, left
// milliseconds.
func (t *Throttle) decided(x *exchange.Exchange, left int64, f *reply.Fault, level string) bool {
	reply.RetryAfter(x, time.Duration(min(left, math.MaxInt64/int64(time.Millisecond)))*time.Millisecond)
	t.refuse(x, f, level)
	return true
}

// prepareCluster resolves what events and decisions need of a grant.
func (t *Throttle) prepareCluster(l *grantLimits, g *exchange.Grant, sub *tier) {
	if g.Principal.Kind == exchange.Anonymous {
		return
	}
	l.event = t.knownCaller(g)
	l.passes = sub != nil && sub.passes
	if d := t.options.Decisions; d != nil {
		l.hashes.application = d.hashString(t.applicationKey(g.Principal))
		l.hashes.subscription = d.hashString(subscriptionKey(g.Principal.Application.ID, g.API))
	}
}

// compileCluster resolves what they need of an operation.
func (t *Throttle) compileCluster(o *operation, api *spec.API, op *spec.Operation) {
	o.event = operationEvent(api, op)
	if d := t.options.Decisions; d != nil {
		o.hashes.api = d.hashString(apiKey(api))
		o.hashes.resource = d.hashString(resourceKey(api, op))
	}
}

// Publish tells the traffic manager of a request that Check let through, once
// nothing else refuses it. It does nothing without a manager.
func (t *Throttle) Publish(x *exchange.Exchange) {
	c, ok := x.Charge.(*charge)
	if !ok || t.options.Publish == nil {
		return
	}
	e := &c.event
	e.throttle, e.x, e.op, e.grant = t, x, &t.operations[x.Operation.ID], t.grant(x)
	t.options.Publish(e)
	e.x, e.op, e.grant = nil, nil, nil
}
