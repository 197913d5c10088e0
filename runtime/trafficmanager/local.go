package trafficmanager

import (
	"time"

	"mgw/runtime/internal/limit"
)

// verdict says that a use has spent its limit.
type verdict struct {
	use     int   // its place in the list
	expiry  int64 // milliseconds since the epoch: when the key may be used again
	decided int64 // milliseconds since the epoch
}

// counter charges uses and gives those whose limit is spent, known ones again
// or not. It belongs to one worker.
type counter interface {
	count(now int64, uses []use) []verdict
}

// localCounter counts in this process, by the gateways' counting core.
type localCounter struct {
	table   *limit.Table
	take    *limit.Charge
	counter limit.Counter
	list    [1]*limit.Counter
	out     []verdict
}

func newLocalCounter(table *limit.Table) *localCounter {
	c := &localCounter{table: table, take: table.NewCharge()}
	c.list[0] = &c.counter
	return c
}

func (c *localCounter) count(now int64, uses []use) []verdict {
	c.out = c.out[:0]
	for i := range uses {
		u := &uses[i]
		c.table.BindString(&c.counter, u.of.rule, u.key)
		if wait := c.charge(now, u); wait > 0 {
			c.out = append(c.out, verdict{i, milliseconds(now + wait), now / int64(time.Millisecond)})
		}
	}
	return c.out
}

// milliseconds rounds up: a key is free after it, not at it.
func milliseconds(ns int64) int64 {
	const ms = int64(time.Millisecond)
	return (ns + ms - 1) / ms
}

// charge counts a use, and gives how long its key stays throttled, 0 while it
// is not. The N-th use spends a limit of N.
func (c *localCounter) charge(now int64, u *use) int64 {
	if u.of.limit.Bytes {
		if d := c.take.Take(now, c.list[:]); d.Refused != limit.Passed {
			return d.Wait
		}
		c.take.Done(now, u.amount)
		return c.spent(now)
	}
	for range u.amount {
		d := c.take.Take(now, c.list[:])
		if d.Refused != limit.Passed {
			return d.Wait
		}
		c.take.Done(now, 0)
	}
	return c.spent(now)
}

// spent gives how long it takes until one more use would pass, 0 when it would
// pass now.
func (c *localCounter) spent(now int64) int64 {
	if c.table.Look(now, &c.counter).Remaining > 0 {
		return 0
	}
	d := c.take.Take(now, c.list[:])
	if d.Refused != limit.Passed {
		return d.Wait
	}
	c.take.Refund(now) // the window ended meanwhile
	c.take.Done(now, 0)
	return 0
}
