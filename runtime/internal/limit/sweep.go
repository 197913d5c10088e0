package limit

// sweepStep is how many slots are looked at before a shard is let go: some
// tens of microseconds.
const sweepStep = 16 * slabSize

// Sweep gives up the keys that say nothing any more and returns their memory.
// It holds up nobody for long; one pass a second is plenty.
func (t *Table) Sweep(now int64) {
	claim := t.claims.get()
	defer t.claims.put(claim)
	for i := range t.shards {
		sh := &t.shards[i]
		for from := 0; from >= 0; {
			from = t.sweep(sh, from, claim, now)
		}
	}
}

// sweep looks at some slabs of a shard and gives the next one, -1 after the
// last.
func (t *Table) sweep(sh *shard, from int, claim *claim, now int64) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	to := min(from+sweepStep/slabSize, len(sh.vacant))
	for n := from; n < to; n++ {
		t.sweepSlab(sh, uint32(n), claim, now)
	}
	if to < len(sh.vacant) {
		return to
	}
	if size := len(*sh.index.Load()); sh.taken*8 < size && size > minIndex {
		sh.resize(max(minIndex, indexFor(sh.taken)))
	}
	return -1
}

// indexFor gives the size of an index that is half full at most.
func indexFor(keys int) int {
	size := minIndex
	for size < keys*2 {
		size *= 2
	}
	return size
}

func (t *Table) sweepSlab(sh *shard, n uint32, claim *claim, now int64) {
	slab := sh.slabs[n].Load()
	if slab == nil {
		return
	}
	for i := range slab.slots {
		s := &slab.slots[i]
		if s.hash.Load() == 0 || !s.tryLock(&t.claims, claim) {
			continue
		}
		if t.rule(slab.rules[i]).idle(s.value, now) {
			t.drop(sh, n*slabSize+uint32(i), s, now)
		} else {
			s.unlock()
		}
	}
}
