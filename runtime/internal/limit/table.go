package limit

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Table holds the counters of many keys in bounded memory. All methods are
// safe for concurrent use.
type Table struct {
	seed   maphash.Seed
	shards [sources << shardBits]shard
	// floor is the latest time by which a counter was given up: whoever comes
	// with an earlier one must not find it fresh.
	floor atomic.Int64

	mu    sync.Mutex // rules
	rules atomic.Pointer[[]*Rule]
	names map[identity]uint32

	claims claims
}

// identity is what makes two rules count together.
type identity struct {
	name      string
	source    Source
	algorithm Algorithm
	window    int64
	shift     uint
}

// Budget is the memory in bytes that the keys of each source may take.
type Budget struct{ Verified, Address int64 }

const (
	shardBits = 6
	// bytesPerKey is a slot and its place in an index that is a third full or
	// more.
	bytesPerKey = 48
	// minPerShard keeps eviction's samples apart from the locks that are held.
	minPerShard = 4 * slabSize
	maxPerShard = 1<<slotBits - slabSize
)

// New makes an empty table. A budget too small to work with is raised to some
// 800 KB, one too large lowered to 3 GB.
func New(budget Budget) *Table {
	t := &Table{seed: maphash.MakeSeed(), names: map[identity]uint32{}}
	t.rules.Store(&[]*Rule{})
	for source, bytes := range [sources]int64{budget.Verified, budget.Address} {
		capacity := min(max(bytes/bytesPerKey>>shardBits, minPerShard), maxPerShard)
		for i := range 1 << shardBits {
			t.shards[source<<shardBits|i].init(int(capacity))
		}
	}
	return t
}

// Rule registers a limit. The name says what is counted, for statistics, and
// joins the rule to an earlier one (see Rule).
func (t *Table) Rule(name string, source Source, l Limit) (*Rule, error) {
	r := &Rule{Limit: l, Name: name, source: source}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := identity{name, source, l.Algorithm, l.Window, r.shift}
	rules := *t.rules.Load()
	if id, ok := t.names[key]; ok {
		before := rules[id]
		r.id, r.salt, r.cell = id, before.salt, before.cell
		// The newest is what eviction measures by.
		next := append([]*Rule(nil), rules...)
		next[id] = r
		t.rules.Store(&next)
		return r, nil
	}
	if len(rules) == maxRules {
		return nil, fmt.Errorf("limit %s: more than %d rules", name, maxRules)
	}
	r.id, r.salt, r.cell = uint32(len(rules)), rand.Uint64(), &cell{}
	next := append(append([]*Rule(nil), rules...), r)
	t.rules.Store(&next)
	t.names[key] = r.id
	return r, nil
}

const maxRules = 1 << 16

func (t *Table) rule(id uint32) *Rule { return (*t.rules.Load())[id] }

// Counter is one key under one rule, and where it was last found. It is bound
// once, shared freely, never copied.
type Counter struct {
	rule *Rule
	hash uint64
	at   atomic.Uint32 // the slot's place and 1; 0 is unknown
}

// Bind makes c the counter of a key under a rule. The key is not kept.
func (t *Table) Bind(c *Counter, r *Rule, key []byte) {
	c.bind(r, maphash.Bytes(t.seed, key))
}

// BindString is Bind for a string.
func (t *Table) BindString(c *Counter, r *Rule, key string) {
	c.bind(r, maphash.String(t.seed, key))
}

func (c *Counter) bind(r *Rule, hash uint64) {
	c.rule = r
	c.hash = max(hash^r.salt, 1) // 0 marks a free slot
	c.at.Store(0)
}

// Rule gives the rule that the counter was bound to.
func (c *Counter) Rule() *Rule { return c.rule }

// shardOf gives the shard that a counter belongs to, and the place of its
// first slot. The hash's top bits choose it, the others the place within.
func (t *Table) shardOf(c *Counter) (*shard, uint32) {
	n := uint32(c.rule.source)<<shardBits | uint32(c.hash>>(64-shardBits))
	return &t.shards[n], n << slotBits
}

// slot gives the slot at a place, nil when its memory was given back.
func (t *Table) slot(place uint32) *slot {
	return t.shards[place>>slotBits].slot(place & (1<<slotBits - 1))
}

// State is what a counter says.
type State struct {
	Limit
	Name      string
	Remaining int64
	Reset     int64 // nanoseconds until the window ends, or the bucket is full
}

func (r *Rule) state(v value, now int64) State {
	s := State{Limit: r.Limit, Name: r.Name}
	s.Remaining = max(r.Count-r.used(v), 0)
	if r.Algorithm != Concurrency {
		s.Reset = max(r.windowEnd(v)-now, 0)
	}
	return s
}

// Look tells what a counter says at a time, without changing it.
func (t *Table) Look(now int64, c *Counter) State {
	claim := t.claims.get()
	defer t.claims.put(claim)
	defer claim.release()
	v := t.look(c, claim, max(now, t.floor.Load()))
	return c.rule.state(v, c.rule.roll(&v, now))
}

func (t *Table) look(c *Counter, claim *claim, now int64) value {
	sh, _ := t.shardOf(c)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	at, ok := sh.find(c.hash)
	if !ok {
		return c.rule.cell.start(c.rule, now)
	}
	s := sh.slot(at)
	s.lock(&t.claims, claim)
	return s.value
}

// Stats tells how full a table is.
type Stats struct {
	Keys     int    `json:"keys"`     // slots taken
	Capacity int    `json:"capacity"` // slots there may be
	Bytes    int64  `json:"bytes"`    // memory in use for them
	Evicted  uint64 `json:"evicted"`  // keys given up while they still counted
	Refused  uint64 `json:"refused"`  // attempts to have a slot that found none
}

// Stats tells how full the table is for each source.
func (t *Table) Stats() (verified, address Stats) {
	var all [sources]Stats
	for i := range t.shards {
		t.shards[i].addTo(&all[i>>shardBits])
	}
	return all[Verified], all[Address]
}
