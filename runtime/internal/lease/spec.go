package lease

import (
	"errors"
	"fmt"
	"time"
)

// Fallback is what a limit does while Redis cannot be reached.
type Fallback string

const (
	Share  Fallback = "share"  // the node's part of the limit; the default
	Open   Fallback = "open"   // no limit
	Closed Fallback = "closed" // nothing passes
)

// Spec is a limit of the cluster: Count in each Window.
type Spec struct {
	Key    string
	Count  int64
	Window time.Duration // whole milliseconds
	// Smooth spreads tokens over the window; without it windows are aligned to
	// the epoch.
	Smooth bool
	// Reserve keeps the nodes' shares in Redis, so that a node that cannot
	// reach it and the others together stay within Count. Each node then calls
	// in each window: for the few limits of backends. Without it a share is
	// Count by the nodes last seen, exact only while all lose Redis together.
	Reserve bool
	// Divided gives each node Count by the number of nodes, rounded up, without
	// asking Redis: for keys that anybody can make as many of as he likes.
	Divided bool
	// OnFailure: Options.OnFailure where empty.
	OnFailure Fallback
	// MaxWait is how long Acquire waits for tokens when there are none.
	MaxWait time.Duration
}

// The times of the rules. Proofs of the package comment refer to them.
const (
	guard    = 2 * time.Millisecond  // tokens are not used this close to the end of their window
	tokenTTL = 40 * time.Millisecond // life of a token of the shape smooth
	burstFor = 50 * time.Millisecond // of the rate is the burst of the shape smooth
	askWait  = 20 * time.Millisecond // a request waits for one ask
	stepped  = 50 * time.Millisecond // a clock further off than round trip and this was stepped
	jumped   = 50 * time.Millisecond // wall and monotonic clock apart by more than this: suspended
	holdFor  = 10 * time.Minute      // a silent node's share is held back
	drift    = 10000                 // clocks differ by at most one part in this
)

// maxCount bounds Count so that the script's arithmetic is exact.
const maxCount = 1 << 40

var errSpec = errors.New("lease: a limit that cannot be kept")

func (s *Spec) validate() error {
	switch {
	case s.Key == "":
		return fmt.Errorf("%w: no key", errSpec)
	case s.Count < 0 || s.Count > maxCount:
		return fmt.Errorf("%w: count %d is not between 0 and %d", errSpec, s.Count, int64(maxCount))
	case s.Window < 10*time.Millisecond || s.Window > 366*24*time.Hour || s.Window%time.Millisecond != 0:
		return fmt.Errorf("%w: window %v is not of whole milliseconds between 10ms and 366 days", errSpec, s.Window)
	}
	if s.Divided && (s.Reserve || s.Smooth) {
		return fmt.Errorf("%w: divided, and of another kind as well", errSpec)
	}
	switch s.OnFailure {
	case Share, Open, Closed:
		return nil
	}
	return fmt.Errorf("%w: on failure %q", errSpec, s.OnFailure)
}

// period is the length of a window of the server: shares and prediction of the
// shape smooth are kept by the second.
func (s *Spec) period() int64 {
	if s.Smooth {
		return int64(time.Second)
	}
	return int64(s.Window)
}

// burst is what the shape smooth may let through at once; 0 for the other.
func (s *Spec) burst() int64 {
	if !s.Smooth {
		return 0
	}
	return max(1, int64(float64(s.Count)*float64(burstFor)/float64(s.Window)))
}

func (s *Spec) hold() time.Duration { return max(holdFor, 4*time.Duration(s.period())) }

// cost is the time between two tokens at a part of the limit.
func (s *Spec) cost(part int64) int64 {
	if part <= 0 {
		return 0
	}
	return max(1, int64(s.Window)/part)
}

// horizon is how far ahead tokens are asked for.
func (s *Spec) horizon() int64 {
	if s.Smooth {
		return int64(10 * time.Millisecond)
	}
	return min(max(int64(s.Window)/10, int64(20*time.Millisecond)), int64(time.Second))
}

// look is how often tokens in hand are compared with demand.
func (s *Spec) look() int64 { return max(s.horizon()/4, int64(5*time.Millisecond)) }
