// Package throttle decides whether a request is within its limits.
//
// It knows which limits a request meets, in which order and under which keys
// (contract 4.4): IP policy, application, resource or API, subscription (or
// the client's address where nobody is known), burst, custom policies, and
// what may be in flight. All of them are checked and charged in one step by
// package limit; a refusal names the first that refused and charges none. What
// a traffic manager has decided is asked before: blocking conditions, throttled
// keys, key templates. Quotas that the whole cluster counts are asked after, as
// leases.
//
// In comes an exchange that the router and auth have filled; out goes either
// nothing, or a fault with the fields that tell when to come again, and for
// the manager an event of what passed. Counters that depend on the operation or
// the grant alone are resolved once and found without a lookup. It reads no
// body and opens no connection, and waits for nothing but a lease.
package throttle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// How RateLimitHeaders may be set.
const (
	HeadersRefused = "refused" // on refusals
	HeadersAlways  = "always"  // on every answer
	HeadersOff     = "off"
)

// How ApplicationKey may be set.
const (
	KeyApplication     = "application"     // users share the application's limit
	KeyApplicationUser = "applicationUser" // each user has it
)

// Options say what a Throttle enforces. Zero values are the defaults, except
// for Gateway and Now, which are required.
type Options struct {
	Gateway *spec.Gateway
	Now     func() int64 // nanoseconds since the epoch, never backwards by much

	// Before is the Throttle whose place this one takes: its counters go on.
	// Without one they are new, in MemoryBudget bytes.
	Before       *Throttle
	MemoryBudget int64

	ApplicationKey    string // KeyApplication
	RefuseUnlimited   bool   // enableUnlimitedTier = false
	IPv6Prefix        int    // 64
	RateLimitHeaders  string // HeadersRefused
	XRateLimitHeaders bool
	// TrafficManager tells that there is one, which may know the tiers that
	// the policies do not.
	TrafficManager bool

	// Decisions are the manager's, Publish tells it what was let through; nil
	// without one. Which fields of a request its events carry beside the
	// address is for the conditions that it evaluates.
	Decisions                               *Decisions
	Publish                                 Publish
	EventHeaders, EventQueries, EventClaims bool

	// Unknown is told of each credential that names a tier which nobody knows,
	// so that an operator learns why its requests end with 900809; may be nil.
	Unknown func(level, tier string)

	// Leases, where there are, count the quotas of tiers over all nodes.
	Leases Leases
}

const defaultBudget = 64 << 20

func (o *Options) defaults() error {
	if o.Gateway == nil || o.Now == nil {
		return errors.New("throttle: no gateway or no clock")
	}
	if o.MemoryBudget == 0 {
		o.MemoryBudget = defaultBudget
	}
	if o.ApplicationKey == "" {
		o.ApplicationKey = KeyApplication
	}
	if o.RateLimitHeaders == "" {
		o.RateLimitHeaders = HeadersRefused
	}
	if o.IPv6Prefix == 0 {
		o.IPv6Prefix = 64
	}
	switch {
	case o.ApplicationKey != KeyApplication && o.ApplicationKey != KeyApplicationUser:
		return fmt.Errorf("throttle: applicationKey %q", o.ApplicationKey)
	case o.RateLimitHeaders != HeadersRefused && o.RateLimitHeaders != HeadersAlways && o.RateLimitHeaders != HeadersOff:
		return fmt.Errorf("throttle: rateLimitHeaders %q", o.RateLimitHeaders)
	case o.IPv6Prefix < 1 || o.IPv6Prefix > 128:
		return fmt.Errorf("throttle: ipv6Prefix %d", o.IPv6Prefix)
	}
	return nil
}

// Throttle enforces the limits of one gateway. All methods are safe for
// concurrent use.
type Throttle struct {
	options Options
	table   *limit.Table
	kinds   map[*limit.Rule]*kind

	application, subscription map[string]*tier
	unauthenticated           *tier
	operations                []operation // by operation ID
	customs                   []custom

	charges sync.Pool // of *charge
	counts  *counts
}

// New prepares the limits of a gateway. It refuses policies that cannot be
// enforced as they are written.
func New(o Options) (*Throttle, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	t := &Throttle{options: o, kinds: map[*limit.Rule]*kind{}}
	if t.options.Before = nil; o.Before != nil {
		t.table, t.counts = o.Before.table, o.Before.counts
	} else {
		t.table = limit.New(limit.Budget{Verified: o.MemoryBudget / 2, Address: o.MemoryBudget / 2})
		t.counts = new(counts)
	}
	if err := t.compile(); err != nil {
		return nil, fmt.Errorf("throttle: %w", err)
	}
	t.charges.New = func() any { return t.newCharge() }
	return t, nil
}

// charge is what a request has taken, from Check to Done.
type charge struct {
	*limit.Charge
	counters []*limit.Counter
	// own are the counters of keys that only this request's fields tell.
	own   []limit.Counter
	used  int
	key   []byte        // scratch for keys and fields
	look  []limit.State // scratch for fields
	over  bool          // a limit that does not stop was exceeded
	event Event
	lent  []lent // uses of the cluster's limits
}

// usual is how many counters most requests meet.
const usual = 8

func (t *Throttle) newCharge() *charge {
	return &charge{
		Charge:   t.table.NewCharge(),
		counters: make([]*limit.Counter, 0, usual),
		own:      make([]limit.Counter, fixedDynamic+len(t.customs)),
		lent:     make([]lent, 0, maxLent),
	}
}

// Check charges a request to its limits, or answers it when one of them is
// spent. It is a stage.
func (t *Throttle) Check(x *exchange.Exchange) bool {
	g := t.grant(x)
	if g == nil {
		return t.refuse(x, reply.Internal, "")
	}
	op := &t.operations[x.Operation.ID]
	switch {
	case op.fault != nil:
		return t.refuse(x, op.fault, levelPolicy)
	case g.fault != nil:
		return t.refuse(x, g.fault, levelPolicy)
	}
	c := t.charges.Get().(*charge)
	over := false
	if t.options.Decisions != nil {
		var refused bool
		if refused, over = t.askManager(x, c, op, g); refused {
			t.release(c)
			return false
		}
	}
	if denied := t.collect(c, x, op, g); denied != nil {
		t.release(c)
		return t.refuse(x, denied.fault, denied.level)
	}
	d := c.Take(t.arrival(x), c.counters)
	if d.Refused != limit.Passed {
		t.exceeded(x, c, d)
		t.release(c)
		return false
	}
	if t.options.Leases != nil && !t.borrow(x, c, op, g) {
		return false
	}
	c.over = over || d.Over != 0
	if c.over {
		t.counts.over.Add(1)
	}
	x.Charge = c
	return true
}

// arrival is the time that a request is judged by: when its head had been
// read, however long it took to find out who sends it. Reading the clock again
// would take a third of the whole decision.
func (t *Throttle) arrival(x *exchange.Exchange) int64 {
	if x.Start != 0 {
		return x.Start
	}
	return t.options.Now()
}

// refuse answers with a fault and counts it at its level.
func (t *Throttle) refuse(x *exchange.Exchange, f *reply.Fault, level string) bool {
	t.counts.add(level)
	x.Level = level
	f.Send(x)
	return false
}

func (t *Throttle) release(c *charge) {
	c.counters, c.used, c.lent = c.counters[:0], 0, c.lent[:0]
	t.charges.Put(c)
}

// Done completes a request's charge: what is in flight is released, the bytes
// that passed are charged. It does nothing for a request that was not charged,
// or the second time.
func (t *Throttle) Done(x *exchange.Exchange) {
	c, ok := x.Charge.(*charge)
	if !ok {
		return
	}
	x.Charge = nil
	now := int64(0)
	if c.Open() {
		now = t.options.Now()
	}
	c.Charge.Done(now, x.BytesIn+x.BytesOut)
	t.release(c)
}

// Refund gives back what a request was charged, because it never reached its
// backend. What is in flight stays until Done.
func (t *Throttle) Refund(x *exchange.Exchange) {
	if c, ok := x.Charge.(*charge); ok {
		c.Charge.Refund(t.options.Now())
		c.giveBack()
	}
}

// sweepEvery keeps the upkeep of a million keys below a hundredth of a core.
const sweepEvery = 5 * time.Second

// Run returns the memory of counters whose windows have passed, until ctx ends.
func (t *Throttle) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.table.Sweep(t.options.Now())
			if t.options.Decisions != nil {
				t.options.Decisions.Sweep()
			}
		}
	}
}

// counts are what Stats tells.
type counts struct {
	refused [len(levels)]atomic.Uint64
	over    atomic.Uint64
}

func (c *counts) add(level string) {
	for i, name := range levels {
		if name == level {
			c.refused[i].Add(1)
		}
	}
}

// Stats is the state of all limits.
type Stats struct {
	Refused  map[string]uint64 `json:"refused"`  // by level, since the start
	Over     uint64            `json:"over"`     // passed although a limit was spent
	Verified limit.Stats       `json:"verified"` // keys of applications, subscriptions, operations
	Address  limit.Stats       `json:"address"`  // keys that clients choose: addresses, properties
}

// Stats counts refusals and memory.
func (t *Throttle) Stats() Stats {
	s := Stats{Refused: map[string]uint64{}, Over: t.counts.over.Load()}
	for i, name := range levels {
		s.Refused[name] = t.counts.refused[i].Load()
	}
	s.Verified, s.Address = t.table.Stats()
	return s
}
