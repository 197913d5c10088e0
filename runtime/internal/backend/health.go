package backend

import (
	"sync"
	"sync/atomic"
	"time"
)

// How long a target that failed is avoided: firstHold, then twice as long each
// time that it fails again when it is tried, up to mostHold.
const (
	firstHold = time.Second
	mostHold  = time.Minute
)

// health is what is known of a target from the requests that it was sent and
// the checks that it was asked. Its zero value is a target in good health.
//
// A target that failed is held: requests go to others. After a while one
// request at a time may try it. One that had taken a request and fallen silent
// is tried by requests that can be sent to another target when it does so
// again; others dare it only where none of these has come for mostHold.
type health struct {
	trouble atomic.Bool // something of the below is not zero

	mu       sync.Mutex
	down     bool  // the checks say so
	streak   int   // checks in a row that said the contrary of down
	failures int   // times in a row that it was tried and failed
	until    int64 // it is held
	mute     bool  // it had taken the request that it failed on
	trying   bool  // a request is on its way to find out
}

// holds says how long the nth failure in a row holds a target.
func holds(n int) time.Duration {
	if n > 6 {
		return mostHold
	}
	return min(firstHold<<(n-1), mostHold)
}

// open tells whether a request may be sent to the target.
func (h *health) open(now int64, repeatable bool) bool {
	if !h.trouble.Load() {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.allows(now, repeatable)
}

func (h *health) allows(now int64, repeatable bool) bool {
	switch {
	case h.down:
		return false
	case h.failures == 0:
		return true
	case h.trying || now < h.until:
		return false
	}
	return !h.mute || repeatable || now >= h.until+int64(mostHold)
}

// claim is open for the request that is about to be sent. Where try is given,
// it alone finds out how the target is, and ends that by answered, failed or
// spared.
func (h *health) claim(now int64, repeatable bool) (try, ok bool) {
	if !h.trouble.Load() {
		return false, true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.allows(now, repeatable) {
		return false, false
	}
	h.trying = h.failures > 0
	return h.trying, true
}

// answered notes that the target lives; true when that is news.
func (h *health) answered() bool {
	if !h.trouble.Load() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	news := h.failures > 0
	h.release()
	return news
}

// release ends a hold.
func (h *health) release() {
	h.failures, h.until, h.mute, h.trying = 0, 0, false, false
	h.trouble.Store(h.down || h.streak > 0)
}

// failed notes a failure; true when the target was thought to live. Of many
// requests that fail together the first counts: the others had been sent
// before it was known.
func (h *health) failed(now int64, try, mute bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures > 0 && !try {
		h.mute = h.mute || mute
		return false
	}
	h.failures++
	h.until = now + int64(holds(h.failures))
	h.mute, h.trying = mute, false
	h.trouble.Store(true)
	return h.failures == 1
}

// spared ends a try, if that has told nothing yet.
func (h *health) spared() {
	h.mu.Lock()
	h.trying = false
	h.mu.Unlock()
}

// checked notes what a check found; true when it turns the target's state,
// which takes as many in a row as are given.
func (h *health) checked(well bool, healthy, unhealthy int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if well != h.down {
		h.streak = 0
		h.trouble.Store(h.down || h.failures > 0)
		return false
	}
	h.streak++
	h.trouble.Store(true)
	if well && h.streak < healthy || !well && h.streak < unhealthy {
		return false
	}
	h.down, h.streak = !well, 0
	if well { // what it failed before is over, too
		h.release()
	}
	return true
}

// word names the state.
func (h *health) word() string {
	if !h.trouble.Load() {
		return "up"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.down:
		return "down"
	case h.failures > 0:
		return "avoided"
	}
	return "up"
}
