package limit

import (
	"runtime"
	"sync/atomic"
)

// slot is one key's place. Two share a cache line. Its lock guards the value,
// and the hash against change.
type slot struct {
	owner atomic.Uint64
	hash  atomic.Uint64 // 0: nobody's
	value value
}

// slabSize is how many slots are allocated and given back together: as many as
// a word has bits.
const slabSize = 64

// slab is 2304 bytes, a size class of the allocator, and holds no pointer for
// the collector to follow. Rules stand apart because only upkeep needs them.
type slab struct {
	slots [slabSize]slot
	rules [slabSize]uint32 // guarded by the shard
}

// spins is how often a lock is looked at before others may run: it is held for
// some 100 ns, or for as long as its holder is not scheduled.
const spins = 32

// grab locks a slot that nobody, or the same claim, locked last. It is the
// part of tryLock that is worth inlining: a slot whose word names the same
// claim is free, as it was locked in an earlier turn.
func (s *slot) grab(c *claim) bool {
	word := s.owner.Load()
	return word>>turnBits == c.id && s.owner.CompareAndSwap(word, c.word())
}

// tryLock gives false when somebody else holds the slot.
func (s *slot) tryLock(cs *claims, c *claim) bool {
	word := s.owner.Load()
	if word>>turnBits != c.id && cs.held(word) {
		return false
	}
	return s.owner.CompareAndSwap(word, c.word())
}

func (s *slot) lock(cs *claims, c *claim) {
	for n := 1; !s.tryLock(cs, c); n++ {
		if n%spins == 0 {
			runtime.Gosched()
		}
	}
}

// unlock lets a single slot go before the turn ends.
func (s *slot) unlock() { s.owner.Store(0) }
