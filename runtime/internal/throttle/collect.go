package throttle

import (
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
)

// fixedDynamic is how many counters of a request's own there may be beside
// those of custom policies: two IP policies, and three of Unauthenticated.
const fixedDynamic = 5

// collect lists the counters that a request meets. The order is the same for
// every request, which the core relies on, and it is the order in which
// limits are named to the client. It gives a kind when an IP policy denies
// the client altogether.
func (t *Throttle) collect(c *charge, x *exchange.Exchange, op *operation, g *grantLimits) *kind {
	for _, e := range op.ip {
		if denied := t.collectIP(c, x, e); denied {
			return deniedByIP
		}
	}
	anonymous := x.Grant.Principal.Kind == exchange.Anonymous && t.unauthenticated != nil
	c.add(g.application.quota)
	c.add(t.quotaOf(x, op))
	c.add(g.subscription.quota)
	var address bound
	if anonymous {
		address = t.ofAddress(c, x)
		c.add(address.quota)
	}
	c.add(g.application.burst)
	c.add(op.bound.burst)
	c.add(g.subscription.burst)
	c.add(address.burst)
	t.collectCustom(c, x, op, g)
	for _, e := range op.ip {
		c.add(e.concurrent)
	}
	c.add(g.application.concurrent)
	c.add(op.bound.concurrent)
	c.add(g.subscription.concurrent)
	c.add(address.concurrent)
	return nil
}

func (c *charge) add(counter *limit.Counter) {
	if counter != nil {
		c.counters = append(c.counters, counter)
	}
}

// bind makes a counter of the request's own for the key in c.key.
func (c *charge) bind(t *Throttle, r *limit.Rule) *limit.Counter {
	if r == nil {
		return nil
	}
	own := &c.own[c.used]
	c.used++
	t.table.Bind(own, r, c.key)
	return own
}

// quotaOf gives the resource's counter: that of the first condition group
// which the request fits, else the default one.
func (t *Throttle) quotaOf(x *exchange.Exchange, op *operation) *limit.Counter {
	if op.tier != nil {
		for i := range op.tier.groups {
			if op.tier.groups[i].matches(x) {
				return op.bound.groups[i]
			}
		}
	}
	return op.bound.quota
}

// ofAddress binds the counters of a client that nobody knows.
func (t *Throttle) ofAddress(c *charge, x *exchange.Exchange) bound {
	c.key = t.appendUnauthenticated(c.key[:0], x)
	u := t.unauthenticated
	return bound{quota: c.bind(t, u.quota), burst: c.bind(t, u.burst), concurrent: c.bind(t, u.concurrent)}
}
