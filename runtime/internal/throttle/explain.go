package throttle

import (
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
)

// Explanation is what a request would meet.
type Explanation struct {
	// Code is that of the fault which refuses each such request, whatever the
	// counters say; 0 for none.
	Code   int     `json:"code,omitempty"`
	Limits []Limit `json:"limits"`
}

// Limit is one limit that a request would be charged to, in order.
type Limit struct {
	Level     string        `json:"level"`
	Of        string        `json:"of,omitempty"` // what a burst or concurrency limit belongs to
	Tier      string        `json:"tier"`
	Key       string        `json:"key"`
	Algorithm string        `json:"algorithm"`
	Count     int64         `json:"count"`
	Window    time.Duration `json:"window,omitempty"`
	Bytes     bool          `json:"bytes,omitempty"`
	Soft      bool          `json:"soft,omitempty"` // exceeded requests pass
	// What the counter says now.
	Remaining int64         `json:"remaining"`
	Reset     time.Duration `json:"reset,omitempty"`
}

var algorithms = [...]string{
	limit.FixedWindow:   "fixedWindow",
	limit.SlidingWindow: "slidingWindow",
	limit.TokenBucket:   "tokenBucket",
	limit.Concurrency:   "concurrency",
}

// Explain lists the limits that a request would meet. It needs what Check
// needs (operation, grant, address, and the fields that conditions look at)
// and charges nothing.
func (t *Throttle) Explain(x *exchange.Exchange) Explanation {
	e := Explanation{Limits: []Limit{}}
	g := t.grant(x)
	if g == nil {
		return e
	}
	op := &t.operations[x.Operation.ID]
	switch {
	case op.fault != nil:
		e.Code = op.fault.Code
	case g.fault != nil:
		e.Code = g.fault.Code
	}
	c := t.charges.Get().(*charge)
	defer t.release(c)
	if denied := t.collect(c, x, op, g); denied != nil {
		e.Code = denied.fault.Code
	}
	now := t.options.Now()
	for _, counter := range c.counters {
		e.Limits = append(e.Limits, t.explain(x, now, counter))
	}
	return e
}

func (t *Throttle) explain(x *exchange.Exchange, now int64, counter *limit.Counter) Limit {
	k := t.kinds[counter.Rule()]
	s := t.table.Look(now, counter)
	return Limit{
		Level: k.level, Of: k.of, Tier: k.tier, Key: k.key(x),
		Algorithm: algorithms[s.Algorithm], Count: s.Count, Window: time.Duration(s.Window),
		Bytes: s.Bytes, Soft: s.Soft,
		Remaining: s.Remaining, Reset: time.Duration(s.Reset),
	}
}
