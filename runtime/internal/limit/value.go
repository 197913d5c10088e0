package limit

import (
	"math"
	"math/bits"
)

// value is what a counter remembers, by algorithm:
//
//	FixedWindow    end of the window, uses in it; Count+1 while prohibited
//	SlidingWindow  end of the window, uses in the previous (high half) and in this one
//	TokenBucket    when the bucket will be full again, nothing
//	Concurrency    nothing, uses in flight
type value struct {
	end   int64
	count uint64
}

// roll moves a value to the window that now lies in. A now before the value's
// window leaves it as it is.
func (r *Rule) roll(v *value, now int64) {
	if now < v.end {
		return
	}
	switch r.Algorithm {
	case FixedWindow:
		v.end, v.count = now-now%r.Window+r.Window, 0
	case SlidingWindow:
		start := now - now%r.Window
		previous := uint64(0)
		if start == v.end {
			previous = v.count << 32
		}
		v.end, v.count = start+r.Window, previous
	case TokenBucket:
		v.end = now
	}
}

// used gives how much of the limit a rolled value has spent.
func (r *Rule) used(v value, now int64) int64 {
	switch r.Algorithm {
	case SlidingWindow:
		return int64(r.weighted(v, now)+v.count&math.MaxUint32) << r.shift
	case TokenBucket:
		// Rounded up: a part of a token is none.
		return (max(v.end-now, 0) + r.interval - 1) / r.interval
	}
	return int64(v.count)
}

// weighted is the part of the previous window that still counts, rounded up.
func (r *Rule) weighted(v value, now int64) uint64 {
	previous := v.count >> 32
	if previous == 0 {
		return 0
	}
	left := uint64(min(max(v.end-now, 0), r.Window))
	hi, lo := bits.Mul64(previous, left)
	lo, carry := bits.Add64(lo, uint64(r.Window)-1, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(r.Window))
	return q
}

// full tells whether a rolled value refuses one more use.
func (r *Rule) full(v value, now int64) bool {
	switch r.Algorithm {
	case FixedWindow, Concurrency:
		return v.count >= uint64(r.Count)
	case TokenBucket:
		return v.end-now > r.tolerance-r.interval
	}
	return r.used(v, now) >= r.Count
}

// add charges n to a rolled value.
func (r *Rule) add(v *value, now, n int64) {
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
		v.end = min(max(v.end, now)+int64(lo), math.MaxInt64/2)
	default:
		v.count = min(v.count+uint64(n), math.MaxInt64)
	}
}

// undo gives one use back, whose charge had made the value end at end. It does
// nothing when the window has changed, or the bucket been full, since.
func (r *Rule) undo(v *value, end, now int64) {
	switch r.Algorithm {
	case TokenBucket:
		if end > now {
			v.end -= r.interval
		}
	case SlidingWindow:
		if v.end == end && v.count&math.MaxUint32 > 0 {
			v.count--
		}
	case Concurrency:
		if v.count > 0 {
			v.count--
		}
	case FixedWindow:
		// A prohibited key stays so.
		if v.end == end && v.count > 0 && v.count <= uint64(r.Count) {
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
	previous, current, end := v.count>>32, v.count&math.MaxUint32, v.end
	if current > most {
		previous, current, end = current, 0, end+r.Window
	}
	// previous * (end-t) / Window <= most - current
	hi, lo := bits.Mul64(most-current, uint64(r.Window))
	if previous == 0 || hi >= previous {
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
		return v.end + r.Window
	}
	return v.end
}

// merge makes v at least as spent as w.
func (r *Rule) merge(v *value, w value, now int64) {
	r.roll(&w, now)
	r.roll(v, now)
	switch {
	case r.Algorithm == TokenBucket:
		v.end = max(v.end, w.end)
	case w.end > v.end:
		*v = w
	case w.end == v.end && r.Algorithm == SlidingWindow:
		v.count = max(v.count>>32, w.count>>32)<<32 | max(v.count&math.MaxUint32, w.count&math.MaxUint32)
	case w.end == v.end:
		v.count = max(v.count, w.count)
	}
}
