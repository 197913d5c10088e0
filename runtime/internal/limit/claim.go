package limit

import (
	"sync"
	"sync/atomic"
)

// Locking several slots costs one atomic operation a slot, and one to let all
// of them go: a slot is locked by writing a claim's number and its current turn
// into it, and is held for as long as that is still the claim's turn. Letting
// go is ending the turn. Locking and unlocking slot by slot would be twice as
// many, which at 10 ns each is more than all the counting.

// claim is what one Charge, or one piece of upkeep, locks slots with. A
// goroutine at a time uses it.
type claim struct {
	id   uint64
	turn uint64 // as in page; only the user of the claim changes it
	now  *atomic.Uint64
}

// The owner word of a slot: 22 bits of claim, 42 of turn. That a turn comes
// round again after 2^42 would make an untouched slot look locked until the
// claim's next turn.
const (
	turnBits = 42
	turnMask = 1<<turnBits - 1
)

func (c *claim) word() uint64 { return c.id<<turnBits | c.turn }

// release lets go of every slot that was locked in this turn.
func (c *claim) release() {
	// Turn 0 is no turn: a slot whose owner is zero is nobody's.
	c.turn = max((c.turn+1)&turnMask, 1)
	c.now.Store(c.turn)
}

// page holds the turns of some claims, each in a cache line of its own.
type page [64]struct {
	turn atomic.Uint64
	_    [56]byte
}

// claims are all claims of a table. There are as many as were ever used at
// once.
type claims struct {
	mu    sync.Mutex
	free  []*claim
	count uint64
	pages atomic.Pointer[[]*page]
}

func (cs *claims) get() *claim {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if n := len(cs.free); n > 0 {
		c := cs.free[n-1]
		cs.free = cs.free[:n-1]
		// Who had it may have forgotten it; only the turn's end tells that all
		// its doings are over.
		c.turn = c.now.Load()
		return c
	}
	id := cs.count
	cs.count++
	var pages []*page
	if p := cs.pages.Load(); p != nil {
		pages = *p
	}
	if int(id/64) == len(pages) {
		pages = append(append([]*page(nil), pages...), new(page))
		cs.pages.Store(&pages)
	}
	c := &claim{id: id, turn: 1, now: &pages[id/64][id%64].turn}
	c.now.Store(1)
	return c
}

func (cs *claims) put(c *claim) {
	cs.mu.Lock()
	cs.free = append(cs.free, c)
	cs.mu.Unlock()
}

// held tells whether an owner word is of a turn that goes on.
func (cs *claims) held(word uint64) bool {
	if word == 0 {
		return false
	}
	id := word >> turnBits
	return (*cs.pages.Load())[id/64][id%64].turn.Load() == word&turnMask
}
