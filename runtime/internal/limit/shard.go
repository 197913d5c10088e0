package limit

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// shard is a part of a table: slots in slabs, and an open-addressed index from
// hash to slot.
//
// Finding takes no lock. It may miss a slot while the index changes, so a miss
// counts only under the lock, which whoever adds or removes holds.
type shard struct {
	slabs []atomic.Pointer[slab] // as many as the capacity asks for; nil is not allocated
	index atomic.Pointer[index]

	mu       sync.Mutex
	vacant   []uint64 // free slots of each slab that was ever allocated, a bit each
	open     []uint32 // slabs with vacant slots, or given back
	taken    int
	capacity int
	hand     uint32 // where eviction goes on
	bytes    int64

	evicted, refused uint64
}

// index holds, for each key, its slot's number and 1 in the low bits and some
// of its hash in the others.
type index []atomic.Uint32

const (
	slotBits = 20
	slotMask = 1<<slotBits - 1
	minIndex = 16
)

func entry(hash uint64, at uint32) uint32 {
	return tagOf(hash) | (at + 1)
}

// tagOf takes bits that choose neither shard nor place in the index.
func tagOf(hash uint64) uint32 { return uint32(hash>>12) &^ slotMask }

func (sh *shard) init(capacity int) {
	sh.capacity = capacity
	sh.slabs = make([]atomic.Pointer[slab], (capacity+slabSize-1)/slabSize)
	sh.index.Store(newIndex(minIndex))
}

func newIndex(size int) *index {
	ix := make(index, size)
	return &ix
}

// slot gives a slot by number, nil when its slab was given back.
func (sh *shard) slot(at uint32) *slot {
	if slab := sh.slabs[at/slabSize].Load(); slab != nil {
		return &slab.slots[at%slabSize]
	}
	return nil
}

// find gives the number of the slot that holds a hash.
func (sh *shard) find(hash uint64) (uint32, bool) {
	ix := *sh.index.Load()
	mask := uint64(len(ix) - 1)
	tag := tagOf(hash)
	for pos, n := hash&mask, 0; n < len(ix); pos, n = (pos+1)&mask, n+1 {
		e := ix[pos].Load()
		if e == 0 {
			break
		}
		if e&^slotMask != tag {
			continue
		}
		at := e&slotMask - 1
		if s := sh.slot(at); s != nil && s.hash.Load() == hash {
			return at, true
		}
	}
	return 0, false
}

// link puts a slot into the index. The shard is locked.
func (sh *shard) link(hash uint64, at uint32) {
	if ix := *sh.index.Load(); sh.taken*4 > len(ix)*3 {
		sh.resize(len(ix) * 2)
	}
	sh.index.Load().put(hash, at)
}

func (ix *index) put(hash uint64, at uint32) {
	mask := uint64(len(*ix) - 1)
	pos := hash & mask
	for (*ix)[pos].Load() != 0 {
		pos = (pos + 1) & mask
	}
	(*ix)[pos].Store(entry(hash, at))
}

// resize makes the index anew. Who reads the old one meanwhile finds what was
// there, or asks again under the lock.
func (sh *shard) resize(size int) {
	old := *sh.index.Load()
	ix := newIndex(size)
	for i := range old {
		if e := old[i].Load(); e != 0 {
			at := e&slotMask - 1
			ix.put(sh.slot(at).hash.Load(), at)
		}
	}
	sh.index.Store(ix)
	sh.bytes += int64(size-len(old)) * 4
}

// unlink takes a slot out of the index and moves up those behind that would
// not be found any more. The shard is locked.
func (sh *shard) unlink(hash uint64, at uint32) {
	ix := *sh.index.Load()
	mask := uint64(len(ix) - 1)
	hole := hash & mask
	for ix[hole].Load()&slotMask != at+1 {
		hole = (hole + 1) & mask
	}
	for pos := (hole + 1) & mask; ; pos = (pos + 1) & mask {
		e := ix[pos].Load()
		if e == 0 {
			break
		}
		home := sh.slot(e&slotMask-1).hash.Load() & mask
		if (pos-home)&mask >= (pos-hole)&mask {
			ix[hole].Store(e)
			hole = pos
		}
	}
	ix[hole].Store(0)
}

// allocate gives a slot that is nobody's. The shard is locked and below its
// capacity.
func (sh *shard) allocate() uint32 {
	if len(sh.open) == 0 {
		sh.open = append(sh.open, uint32(len(sh.vacant)))
		sh.vacant = append(sh.vacant, 0)
	}
	n := sh.open[len(sh.open)-1]
	if sh.slabs[n].Load() == nil {
		sh.slabs[n].Store(new(slab))
		sh.vacant[n] = 1<<slabSize - 1
		sh.bytes += slabBytes
	}
	bit := bits.TrailingZeros64(sh.vacant[n])
	sh.vacant[n] &^= 1 << bit
	if sh.vacant[n] == 0 {
		sh.open = sh.open[:len(sh.open)-1]
	}
	sh.taken++
	return n*slabSize + uint32(bit)
}

const slabBytes = 2304

// give takes a slot back that is nobody's any more, and its slab's memory when
// it was the last. The shard is locked.
func (sh *shard) give(at uint32) {
	n := at / slabSize
	if sh.vacant[n] == 0 {
		sh.open = append(sh.open, n)
	}
	sh.vacant[n] |= 1 << (at % slabSize)
	sh.taken--
	if sh.vacant[n] == 1<<slabSize-1 {
		sh.slabs[n].Store(nil)
		sh.bytes -= slabBytes
	}
}

func (sh *shard) addTo(s *Stats) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s.Keys += sh.taken
	s.Capacity += sh.capacity
	s.Bytes += sh.bytes
	s.Evicted += sh.evicted
	s.Refused += sh.refused
}
