// Package limit counts: how often a key was used under a rule, and whether it
// may be used once more.
//
// A Table holds the counters of all keys in a bounded amount of memory. A
// Counter names one key under one Rule; a Charge checks and charges several
// counters in one step, so that a request refused by one of them is charged by
// none, and no request is refused that some serial order of the requests would
// have let through. What was charged can be given back, released, or completed
// with the bytes that passed.
//
// Time is an argument everywhere, in nanoseconds since the Unix epoch. A time
// before the window that a counter is in counts in that window: a step
// backwards reopens nothing. The package does no I/O, starts no goroutine,
// survives no restart and knows nothing of requests or tiers.
package limit

import (
	"fmt"
	"math"
)

// Algorithm is how a rule counts.
type Algorithm uint8

const (
	// FixedWindow counts within windows that are aligned to the epoch.
	FixedWindow Algorithm = iota
	// SlidingWindow adds to the current window the share of the previous one
	// that a window ending now would still cover, as if its uses had been
	// spread evenly.
	SlidingWindow
	// TokenBucket refills evenly (GCRA): Count at once, then one each
	// Window/Count.
	TokenBucket
	// Concurrency counts what is in flight. Window does not matter.
	Concurrency
)

// Limit is what a rule allows.
type Limit struct {
	Algorithm Algorithm
	Count     int64
	Window    int64 // nanoseconds
	// Bytes are charged afterwards, by Charge.AddBytes; before, a use is only
	// refused when Count is spent.
	Bytes bool
	// Prohibit is how long a key stays refused after its first refusal, at
	// least to the end of its window. FixedWindow alone knows it.
	Prohibit int64
	// Soft limits let pass what exceeds them, and say so.
	Soft bool
}

// Source is where the keys of a rule come from. Each source has a budget of
// its own, so that what anyone can make up does not displace what was verified.
type Source uint8

const (
	Verified Source = iota
	Address
	sources
)

// Rule is a limit within a table. The counters of a rule go on under a later
// rule of the same name, source, algorithm and window, whatever its Count.
type Rule struct {
	Limit
	Name   string
	source Source
	id     uint32
	salt   uint64
	cell   *cell // shared by the rules of one id
	plain  bool  // counts requests in fixed windows

	// interval is what one token of a bucket takes to come, tolerance what all
	// of them take.
	interval, tolerance int64
	// shift scales byte counts that a sliding window could not hold otherwise.
	shift uint
}

// maxSliding is the largest count that half a word holds.
const maxSliding = math.MaxUint32 >> 1

// prepare fills in what follows from the limit.
func (r *Rule) prepare() error {
	if r.Count < 1 {
		return fmt.Errorf("limit %s: count %d is not positive", r.Name, r.Count)
	}
	r.plain = r.Algorithm == FixedWindow && !r.Bytes
	if r.Algorithm == Concurrency {
		return nil
	}
	if r.Window < 1 || r.Window > math.MaxInt64/4 || r.Prohibit < 0 || r.Prohibit > math.MaxInt64/4 {
		return fmt.Errorf("limit %s: window or prohibit time out of range", r.Name)
	}
	switch r.Algorithm {
	case SlidingWindow:
		if r.Count > maxSliding && !r.Bytes {
			return fmt.Errorf("limit %s: a sliding window counts to %d at most", r.Name, maxSliding)
		}
		for r.Count>>r.shift > maxSliding {
			r.shift++
		}
	case TokenBucket:
		if r.Count > r.Window {
			return fmt.Errorf("limit %s: a token bucket cannot give more than one each nanosecond", r.Name)
		}
		// Rounded up, so that never more than Count come in a Window.
		r.interval = (r.Window + r.Count - 1) / r.Count
		r.tolerance = r.interval * r.Count
	}
	return nil
}
