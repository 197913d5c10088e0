package limit

import (
	"sync"
	"sync/atomic"
)

// cell is what a rule's evicted keys had spent at most. New keys start from
// it, since each of them might be one of those: counts are over-, never
// underestimated.
type cell struct {
	until atomic.Int64 // when value says nothing any more
	mu    sync.Mutex
	value value
}

// fold takes in the value of a key that is given up.
func (c *cell) fold(r *Rule, v value, now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.merge(&c.value, v, now)
	raise(&c.until, r.idleAt(c.value))
}

// start gives the value that a new key begins with.
func (c *cell) start(r *Rule, now int64) value {
	var v value
	if now < c.until.Load() {
		c.mu.Lock()
		v = c.value
		c.mu.Unlock()
	}
	r.roll(&v, now)
	return v
}

// raise makes a hold now at least.
func raise(a *atomic.Int64, now int64) {
	for old := a.Load(); old < now && !a.CompareAndSwap(old, now); old = a.Load() {
	}
}
