package throttle

import (
	"context"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
)

// Leases count quotas over all nodes of a cluster.
type Leases interface {
	// Lease gives the cluster's limit of a key, the same for equal arguments.
	// Keys of addresses are as many as callers like to have.
	Lease(key string, count int64, window time.Duration, address bool) (Lease, error)
}

// Lease is a limit of the cluster, as this node has it.
type Lease interface {
	// Take takes one use. It may wait a moment for news of the cluster.
	Take(ctx context.Context) (Use, bool)
	// Return gives a use back that was not made.
	Return(Use)
	RetryAfter() time.Duration
}

// Use is what Take gave, for Return.
type Use [2]int64

// lent is a use that a request has taken.
type lent struct {
	lease Lease
	use   Use
}

// maxLent is how many quotas of tiers a request can meet.
const maxLent = 3

// lease gives the cluster's part of a quota: of whole windows of requests that
// stop when they are spent. Every other limit is counted by each node.
func (t *Throttle) lease(r *limit.Rule, key string, address bool) Lease {
	if t.options.Leases == nil || r == nil || r.Algorithm != limit.FixedWindow || r.Bytes || r.Soft {
		return nil
	}
	k := t.kinds[r]
	l, err := t.options.Leases.Lease(k.level+":"+k.tier+":"+key, r.Count, time.Duration(r.Window), address)
	if err != nil { // a window that is not of whole milliseconds
		return nil
	}
	return l
}

// borrow takes a use of each quota that the cluster counts, in the order of
// the levels, or of none: then it has answered.
func (t *Throttle) borrow(x *exchange.Exchange, c *charge, op *operation, g *grantLimits) bool {
	resource := op.bound
	if t.quotaOf(x, op) != resource.quota { // a condition group's count is this node's
		resource.lease = nil
	}
	subscription := g.subscription
	if t.unauthenticated != nil && g.event == nil {
		c.key = t.appendUnauthenticated(c.key[:0], x)
		subscription = bound{lease: t.lease(t.unauthenticated.quota, string(c.key), true), rule: t.unauthenticated.quota}
	}
	for _, b := range [...]*bound{&g.application, &resource, &subscription} {
		if b.lease == nil {
			continue
		}
		use, ok := b.lease.Take(x.Client.Context())
		if !ok {
			t.cannotBorrow(x, c, b)
			return false
		}
		c.lent = append(c.lent, lent{b.lease, use})
	}
	return true
}

// cannotBorrow undoes a request's charge and answers it.
func (t *Throttle) cannotBorrow(x *exchange.Exchange, c *charge, b *bound) {
	now := t.options.Now()
	c.Charge.Refund(now)
	c.Charge.Done(now, 0)
	c.giveBack()
	wait := b.lease.RetryAfter()
	k := t.kinds[b.rule]
	reply.RetryAfter(x, wait)
	if t.options.RateLimitHeaders != HeadersOff {
		s := limit.State{Limit: b.rule.Limit, Reset: int64(wait)}
		var counter limit.Counter
		t.table.BindString(&counter, b.rule, "")
		t.announce(x, c, append(c.look[:0], s), []*limit.Counter{&counter})
	}
	t.release(c)
	t.refuse(x, k.fault, k.level)
}

// giveBack returns what was borrowed.
func (c *charge) giveBack() {
	for _, l := range c.lent {
		l.lease.Return(l.use)
	}
	c.lent = c.lent[:0]
}
