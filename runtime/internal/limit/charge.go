package limit

import (
	"runtime"
	"slices"
)

// Charge is what one request has taken of its counters. It is used for one
// request after another, by one goroutine at a time; keep it in a pool.
type Charge struct {
	table    *Table
	claim    *claim
	counters []*Counter
	levels   []level // of each counter
	now      int64
	settled  bool // given back
	open     bool // Done has something to do
}

// level is one counter of a charge.
type level struct {
	slot  *slot // while it is locked
	rule  *Rule
	taken value // after the charge
	over  bool
}

// Decision is the outcome of Take.
type Decision struct {
	// Refused is the counter that refused, by its place in the list; Passed
	// when none did.
	Refused int
	// Wait is how long until that counter may let a use pass again, in
	// nanoseconds; 0 when nobody knows.
	Wait int64
	// Over has the bit of each Soft counter whose limit was spent.
	Over uint64
}

// Passed is Decision.Refused when every counter was charged.
const Passed = -1

// MaxCounters is how many counters one Take can hold.
const MaxCounters = 64

// usual is how many counters most requests meet. A charge lives as long as its
// request: room for all would be 2.5 KB for each that waits for a backend.
const usual = 8

// NewCharge makes an empty Charge.
func (t *Table) NewCharge() *Charge {
	c := &Charge{table: t, claim: t.claims.get(), levels: make([]level, 0, usual)}
	runtime.AddCleanup(c, t.claims.put, c.claim)
	return c
}

// Take charges one use to every counter, or to none when one of them refuses;
// of several the first is named. The counters of all requests stand in one
// common order, each at most once, and are kept until Done.
func (c *Charge) Take(now int64, counters []*Counter) Decision {
	c.counters, c.now, c.settled, c.open = counters, now, false, false
	for n := 1; ; n++ {
		d, ok := c.take(now)
		if ok || n == retries {
			if d.Refused != Passed {
				c.counters = nil
			}
			return d
		}
		runtime.Gosched()
	}
}

// retries is how often Take tries to have a slot in a shard whose slots are
// all locked or in flight, before it refuses.
const retries = 8

// take locks the counters one after the other until one refuses. It gives
// false when there was no memory for one.
func (c *Charge) take(now int64) (Decision, bool) {
	c.levels = slices.Grow(c.levels[:0], len(c.counters))[:len(c.counters)]
	over := uint64(0)
	for i, counter := range c.counters {
		s := c.table.at(counter, c.claim)
		if s == nil {
			s = c.table.acquire(counter, c.claim, now)
		}
		if s == nil {
			c.claim.release()
			return Decision{Refused: i}, false
		}
		r := counter.rule
		l := &c.levels[i]
		l.slot, l.rule = s, r
		if r.plain && now < s.value.end && s.value.count < uint64(r.Count) {
			continue
		}
		at := r.roll(&s.value, now)
		if !r.full(s.value) {
			continue
		}
		if !r.Soft {
			r.prohibit(&s.value, at)
			d := Decision{Refused: i, Wait: r.wait(s.value, now)}
			c.claim.release()
			return d, true
		}
		over |= 1 << i
	}
	c.commit(over)
	return Decision{Refused: Passed, Over: over}, true
}

// commit charges the locked slots and lets them go.
func (c *Charge) commit(over uint64) {
	for i := range c.levels {
		l := &c.levels[i]
		l.over = over&(1<<i) != 0
		switch {
		case l.rule.Bytes:
			c.open = true
		case l.over:
		case l.rule.plain:
			l.slot.value.count++
		default:
			c.open = c.open || l.rule.Algorithm == Concurrency
			l.rule.add(&l.slot.value, 1)
		}
		l.taken = l.slot.value
	}
	c.claim.release()
}

// States appends what the counters said right after they were charged.
func (c *Charge) States(to []State) []State {
	for i := range c.counters {
		l := &c.levels[i]
		to = append(to, l.rule.state(l.taken, c.now))
	}
	return to
}

// Refund gives back what was charged, except what is in flight. It does
// nothing for a counter whose window has passed.
func (c *Charge) Refund(now int64) {
	if c.settled {
		return
	}
	c.settled = true
	for i, counter := range c.counters {
		r := counter.rule
		if r.Algorithm == Concurrency || r.Bytes || c.levels[i].over {
			continue
		}
		c.change(counter, func(v *value) {
			r.roll(v, now)
			r.undo(v, c.levels[i].taken)
		})
	}
}

// Done releases what is in flight and charges the bytes that passed, unless
// they were refunded. The charge is empty afterwards.
func (c *Charge) Done(now, bytes int64) {
	if c.open {
		c.complete(now, bytes)
	}
	c.counters = nil
}

// Open tells whether Done has anything to do, so that it needs the time.
func (c *Charge) Open() bool { return c.open }

func (c *Charge) complete(now, bytes int64) {
	for i, counter := range c.counters {
		r := counter.rule
		switch {
		case r.Algorithm == Concurrency && !c.levels[i].over:
			c.change(counter, func(v *value) { r.undo(v, value{}) })
		case r.Bytes && bytes > 0 && !c.settled:
			s := c.table.acquire(counter, c.claim, now)
			if s != nil {
				r.roll(&s.value, now)
				r.add(&s.value, bytes)
			}
			c.claim.release()
		}
	}
	c.open = false
}

// change does something to a counter that is still there.
func (c *Charge) change(counter *Counter, f func(*value)) {
	if s := c.table.present(counter, c.claim); s != nil {
		f(&s.value)
	}
	c.claim.release()
}
