// Package clock gives the one time that limits, credentials and logs are
// judged by: wall-clock nanoseconds that never run backwards.
//
// It starts at the wall clock and goes on with the monotonic one, so that a
// step of the wall clock does not reopen a window. Where the two drift apart
// (NTP, a suspended machine), Follow lets the clock run a little faster or
// slower until they agree again.
package clock

import (
	"context"
	"sync/atomic"
	"time"
)

// Clock is safe for concurrent use; reading it takes one look at the monotonic
// clock. Its zero value is not usable.
type Clock struct {
	base time.Time // carries the monotonic reading that all others count from
	wall int64
	// line is how the offset to base+elapsed develops; replaced by Follow.
	line atomic.Pointer[line]
}

// line says: at elapsed since, the clock was ahead of base+elapsed by offset;
// from then on it gains gain nanoseconds in each second, until it has gained
// most.
type line struct {
	since, offset int64
	gain, most    int64
}

// New starts a clock at the wall clock's time.
func New() *Clock {
	now := time.Now()
	c := &Clock{base: now, wall: now.UnixNano()}
	c.line.Store(&line{})
	return c
}

// Now gives nanoseconds since the Unix epoch. Of two calls, one after the
// other, the second never gives less.
func (c *Clock) Now() int64 {
	elapsed := int64(time.Since(c.base))
	return c.wall + elapsed + c.line.Load().at(elapsed)
}

// Time is Now as a time.Time without monotonic reading.
func (c *Clock) Time() time.Time { return time.Unix(0, c.Now()) }

func (l *line) at(elapsed int64) int64 {
	if l.gain == 0 {
		return l.offset
	}
	gained := (elapsed - l.since) / int64(time.Millisecond) * l.gain / 1000
	if l.gain > 0 {
		return l.offset + min(gained, l.most)
	}
	return l.offset + max(gained, l.most)
}

// How Follow behaves: it looks once in followEvery and corrects by at most
// followRate nanoseconds a second, a twentieth, which no window notices.
const (
	followEvery = time.Second
	followRate  = int64(50 * time.Millisecond)
	// Less is the jitter of the two readings, not drift.
	followIgnore = int64(time.Millisecond)
)

// Follow keeps the clock near the wall clock until ctx ends.
func (c *Clock) Follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			c.correct(int64(now.Sub(c.base)), now.UnixNano())
		}
	}
}

// correct bends the line, at elapsed, towards the wall clock.
func (c *Clock) correct(elapsed, wall int64) {
	offset := c.line.Load().at(elapsed)
	behind := wall - (c.wall + elapsed + offset)
	next := &line{since: elapsed, offset: offset}
	if behind > followIgnore || behind < -followIgnore {
		next.most = behind
		next.gain = max(-followRate, min(followRate, behind))
	}
	c.line.Store(next)
}
