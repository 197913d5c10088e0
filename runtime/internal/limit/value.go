package limit

import (
	"math"
	"math/bits"
)

// value is what a counter remembers, by algorithm:
//
//	FixedWindow    end of the window; uses in it, Count+1 while prohibited
//	SlidingWindow  time last seen; uses in the previous window (high half) and in its own
//	TokenBucket    when the bucket will be full again; time last seen
//	Concurrency    nothing; uses in flight
//
// Two that decide by the very time remember the last one: of requests that
// read the clock in one order and come here in the other, the second must not
// be judged as if the first had come later.
type value struct {
	end   int64
	count uint64
}

// roll moves a value to the window that now lies in, and gives the time to go
// on with. A now before what the value has seen leaves it as it is.
func (r *Rule) roll(v *value, now int64) int64 {
	switch r.Algorithm {
	case FixedWindow:
		if now >= v.end {
			v.end, v.count = now-now%r.Window+r.Window, 0
		}
	case SlidingWindow:
		return r.slide(v, now)
	case TokenBucket:
		now = max(now, int64(v.count))
		v.end, v.count = max(v.end, now), uint64(now)
	}
	return now
}

func (r *Rule) slide(v *value, now int64) int64 {
	if now <= v.end {
		return v.end
	}
	switch start := now - now%r.Window; {
	case start <= v.end: // the same window
	case start-r.Window <= v.end:
		v.count <<= 32
	default:
		v.count = 0
	}
	v.end = now
	return now
}

// windowEnd gives the end of the window that a rolled value counts in, or when
// a bucket will be full.
func (r *Rule) windowEnd(v value) int64 {
	if r.Algorithm == SlidingWindow {
		return v.end - v.end%r.Window + r.Window
	}
	return v.end
}

// used gives how much of the limit a rolled value has spent.
func (r *Rule) used(v value) int64 {
	switch r.Algorithm {
	case SlidingWindow:
		return int64(r.weighted(v)+v.count&math.MaxUint32) << r.shift
	case TokenBucket:
		// Rounded up: a part of a token is none.
		return (v.end - int64(v.count) + r.interval - 1) / r.interval
	}
	return int64(v.count)
}

// weighted is the part of the previous window that still counts, rounded up.
func (r *Rule) weighted(v value) uint64 {
	previous := v.count >> 32
	if previous == 0 {
		return 0
	}
	hi, lo := bits.Mul64(previous, uint64(r.windowEnd(v)-v.end))
	lo, carry := bits.Add64(lo, uint64(r.Window)-1, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(r.Window))
	return q
}

// full tells whether a rolled value refuses one more use.
func (r *Rule) full(v value) bool {
	switch r.Algorithm {
	case FixedWindow, Concurrency:
		return v.count >= uint64(r.Count)
	case TokenBucket:
		return v.end-int64(v.count) > r.tolerance-r.interval
	}
	return r.used(v) >= r.Count
}

// add charges n to a rolled value.
func (r *Rule) add(v *value, n int64) {
	switch r.Algorithm {
	case SlidingWindow:
		if r.shift > 0 {
			n = (n + 1<<r.shift - 1) >> r.shift
		}
		current := min(v.count&math.MaxUint32+uint64(n), math.MaxUint32)
		v.count = v.count>>32<<32 | current
	case TokenBucket:
		hi, lo := bits.Mul64(uint64(n), uint64(r.interval))
		if hi > 0 || lo > math.MaxInt64/4 {
			lo = math.MaxInt64 / 4
		}
		v.end = min(v.end+int64(lo), math.MaxInt64/2)
	default:
		v.count = min(v.count+uint64(n), math.MaxInt64)
	}
}

// undo gives one use back from a rolled value; then is what it was right after
// the charge. It does nothing when the window has changed, or the bucket been
// full, since.
func (r *Rule) undo(v *value, then value) {
	switch r.Algorithm {
	case TokenBucket:
		if then.end > int64(v.count) {
			v.end -= r.interval
		}
	case SlidingWindow:
		if r.windowEnd(*v) == r.windowEnd(then) && v.count&math.MaxUint32 > 0 {
			v.count--
		}
	case Concurrency:
		if v.count > 0 {
			v.count--
		}
	case FixedWindow:
		// A prohibited key stays so.
		if v.end == then.end && v.count > 0 && v.count <= uint64(r.Count) {
			v.count--
		}
	}
}

// prohibit begins the time in which a key stays refused.
func (r *Rule) prohibit(v *value, now int64) {
	if r.Prohibit > 0 && v.count <= uint64(r.Count) {
		v.end, v.count = max(v.end, now+r.Prohibit), uint64(r.Count)+1
	}
}

// wait gives how long after now a full value lets a use pass again, if nothing
// else happens. For Concurrency nobody knows.
func (r *Rule) wait(v value, now int64) int64 {
	switch r.Algorithm {
	case FixedWindow:
		return v.end - now
	case TokenBucket:
		return v.end - now - (r.tolerance - r.interval)
	case SlidingWindow:
		return r.slidingWait(v, now)
	}
	return 0
}

// slidingWait looks for the moment when the previous window's share has become
// small enough: in this window, else in the next one.
func (r *Rule) slidingWait(v value, now int64) int64 {
	most := uint64(r.Count-1) >> r.shift // what may be used already
	previous, current, end := v.count>>32, v.count&math.MaxUint32, r.windowEnd(v)
	if current > most {
		previous, current, end = current, 0, end+r.Window
	}
	// previous * (end-t) / Window <= most - current
	hi, lo := bits.Mul64(most-current, uint64(r.Window))
	if hi >= previous {
		return max(end-r.Window-now, 0)
	}
	share, _ := bits.Div64(hi, lo, previous)
	return max(end-int64(min(share, uint64(r.Window)))-now, 0)
}

// idle tells whether a value says nothing any more: a fresh one would decide
// the same.
func (r *Rule) idle(v value, now int64) bool {
	if r.Algorithm == Concurrency {
		return v.count == 0
	}
	return now >= r.idleAt(v)
}

// idleAt gives the time from which on a value says nothing.
func (r *Rule) idleAt(v value) int64 {
	if r.Algorithm == SlidingWindow && v.count&math.MaxUint32 > 0 {
		return r.windowEnd(v) + r.Window
	}
	return r.windowEnd(v)
}

// merge makes v at least as spent as w.
func (r *Rule) merge(v *value, w value, now int64) {
	now = r.roll(v, r.roll(&w, now))
	r.roll(&w, now)
	switch r.Algorithm {
	case TokenBucket:
		v.end = max(v.end, w.end)
	case SlidingWindow:
		v.count = max(v.count>>32, w.count>>32)<<32 | max(v.count&math.MaxUint32, w.count&math.MaxUint32)
	default:
		// The ends differ where a key is prohibited.
		if w.end > v.end {
			*v = w
		} else if w.end == v.end {
			v.count = max(v.count, w.count)
		}
	}
}
