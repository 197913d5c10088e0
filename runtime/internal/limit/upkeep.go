package limit

// acquire gives the locked slot of a counter, made when there is none. It
// gives nil when no memory can be had right now: all that might be given up
// is locked or in flight.
func (t *Table) acquire(c *Counter, claim *claim, now int64) *slot {
	for {
		if s := t.at(c, claim); s != nil {
			return s
		}
		if !t.resolve(c, now) {
			return nil
		}
	}
}

// resolve finds or makes the slot of a counter and remembers its place.
func (t *Table) resolve(c *Counter, now int64) bool {
	sh, first := t.shardOf(c)
	at, ok := sh.find(c.hash)
	if !ok {
		at, ok = t.insert(sh, c, now)
	}
	if ok {
		c.at.Store((first | at) + 1)
	}
	return ok
}

// insert makes a counter's slot, unless somebody else has just done so.
func (t *Table) insert(sh *shard, c *Counter, now int64) (uint32, bool) {
	// A claim of its own, so that what the caller has locked already is locked
	// for eviction too.
	claim := t.claims.get()
	defer t.claims.put(claim)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if at, ok := sh.find(c.hash); ok {
		return at, true
	}
	if sh.taken >= sh.capacity && !t.evict(sh, claim, now) {
		return 0, false
	}
	at := sh.allocate()
	s := sh.slot(at)
	// Somebody with an old place may just be looking whose it is.
	s.lock(&t.claims, claim)
	s.value = c.rule.cell.start(c.rule, max(now, t.floor.Load()))
	s.hash.Store(c.hash)
	sh.slabs[at/slabSize].Load().rules[at%slabSize] = c.rule.id
	sh.link(c.hash, at)
	s.unlock()
	return at, true
}

// samples is how many keys eviction chooses from, tries how many it looks at
// when none of those can be given up.
const (
	samples = 16
	tries   = 512
)

// evict gives up one key of a locked shard: one that says nothing any more,
// else the one that has spent the least part of its limit.
func (t *Table) evict(sh *shard, claim *claim, now int64) bool {
	best, share := -1, 2.0
	for n := 0; n < tries && (n < samples || best < 0); n++ {
		at := sh.hand
		sh.hand = (sh.hand + 1) % uint32(len(sh.vacant)*slabSize)
		spent, ok := t.spent(sh, at, claim, now)
		if ok && spent < share {
			best, share = int(at), spent
		}
		if share < 0 {
			break
		}
	}
	if best < 0 {
		sh.refused++
		return false
	}
	s := sh.slot(uint32(best))
	if !s.tryLock(&t.claims, claim) {
		return false
	}
	t.drop(sh, uint32(best), s, now)
	return true
}

// spent gives what part of its limit a key has used: negative when it says
// nothing any more, false when it cannot be given up.
func (t *Table) spent(sh *shard, at uint32, claim *claim, now int64) (float64, bool) {
	slab := sh.slabs[at/slabSize].Load()
	if slab == nil || sh.vacant[at/slabSize]&(1<<(at%slabSize)) != 0 {
		return 0, false
	}
	s := &slab.slots[at%slabSize]
	if !s.tryLock(&t.claims, claim) {
		return 0, false
	}
	defer s.unlock()
	r, v := t.rule(slab.rules[at%slabSize]), s.value
	if r.idle(v, now) {
		return -1, true
	}
	r.roll(&v, now)
	return float64(r.used(v)) / float64(r.Count), r.Algorithm != Concurrency
}

// drop gives a locked slot of a locked shard back, and folds what it says.
func (t *Table) drop(sh *shard, at uint32, s *slot, now int64) {
	r := t.rule(sh.slabs[at/slabSize].Load().rules[at%slabSize])
	if !r.idle(s.value, now) {
		r.cell.fold(r, s.value, now)
		sh.evicted++
	}
	raise(&t.floor, now)
	sh.unlink(s.hash.Load(), at)
	s.hash.Store(0)
	s.unlock()
	sh.give(at)
}

// present gives the locked slot of a counter, nil when there is none.
func (t *Table) present(c *Counter, claim *claim) *slot {
	if s := t.at(c, claim); s != nil {
		return s
	}
	sh, first := t.shardOf(c)
	sh.mu.Lock()
	at, ok := sh.find(c.hash)
	sh.mu.Unlock()
	if !ok {
		return nil
	}
	c.at.Store((first | at) + 1)
	return t.at(c, claim)
}

// at gives the locked slot that a counter was last found in, nil when that is
// another's now.
func (t *Table) at(c *Counter, claim *claim) *slot {
	at := c.at.Load()
	if at == 0 {
		return nil
	}
	s := t.slot(at - 1)
	// Another key's slot may be one that this claim holds already: looked at
	// before it is locked, it is not let go by mistake.
	if s == nil || s.hash.Load() != c.hash {
		return nil
	}
	if !s.grab(claim) {
		s.lock(&t.claims, claim)
	}
	if s.hash.Load() == c.hash {
		return s
	}
	s.unlock()
	return nil
}
