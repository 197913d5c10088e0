package throttle

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/event"
)

// Decisions is what a traffic manager has decided: throttled keys, key
// templates and blocking conditions. Every node enforces its own counters
// beside them. Its methods are safe for concurrent use; those that a request
// calls neither allocate nor wait for each other.
type Decisions struct {
	options DecisionOptions
	skew    int64 // milliseconds
	seed    maphash.Seed

	shards  [decisionShards]decisionShard
	held    atomic.Int64 // throttled keys
	dropped atomic.Uint64
	offset  offset

	mu        sync.Mutex // of writers of what follows
	templates atomic.Pointer[[]template]
	blocks    atomic.Pointer[blocking]
}

const (
	decisionShards = 64
	// maxDecisions bounds the memory that a manager can make a gateway use, to
	// some 100 MB. What comes beyond is dropped and counted.
	maxDecisions = 2 << 20
)

type decisionShard struct {
	mu   sync.RWMutex
	keys map[uint64]decided // by seeded hash: a request finds them without a string
	// groups are the condition groups of APIs and resources, by the hash of the
	// key without a group's name.
	groups map[uint64]*conditional
	_      [24]byte
}

// decided is a throttled key's state. Times are milliseconds.
type decided struct{ expiry, sent int64 }

// DecisionOptions say how a manager's decisions are taken.
type DecisionOptions struct {
	Now  func() int64  // nanoseconds
	Skew time.Duration // up to which the manager's clock is followed
	// Which kinds of conditions are looked at; the others count as fitting.
	Headers, Queries, Claims bool
}

func (o *DecisionOptions) looksAt(source valueSource) bool {
	return [...]bool{fromHeader: o.Headers, fromQuery: o.Queries, fromClaim: o.Claims}[source]
}

// NewDecisions makes an empty set.
func NewDecisions(o DecisionOptions) *Decisions {
	d := &Decisions{options: o, skew: o.Skew.Milliseconds(), seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].keys = map[uint64]decided{}
		d.shards[i].groups = map[uint64]*conditional{}
	}
	d.templates.Store(&[]template{})
	d.blocks.Store(newBlocking(nil))
	return d
}

func (d *Decisions) hash(key []byte) uint64       { return maphash.Bytes(d.seed, key) }
func (d *Decisions) hashString(key string) uint64 { return maphash.String(d.seed, key) }

// millis is the time in milliseconds, as the manager's clock would say it.
func (d *Decisions) millis() int64 { return d.options.Now()/1e6 - d.offset.millis(d.skew) }

func (d *Decisions) shard(hash uint64) *decisionShard { return &d.shards[hash%decisionShards] }

// throttled tells whether a key is, and for how many milliseconds still.
func (d *Decisions) throttled(hash uint64) (int64, bool) {
	if d.held.Load() == 0 {
		return 0, false
	}
	s := d.shard(hash)
	s.mu.RLock()
	k, ok := s.keys[hash]
	s.mu.RUnlock()
	left := k.expiry - d.millis()
	return left, ok && left >= 0
}

// Apply takes one message of the manager.
func (d *Decisions) Apply(m event.Message) {
	switch m := m.(type) {
	case *event.Decision:
		if m.Sent > 0 {
			d.offset.observe(d.options.Now()/1e6, m.Sent)
		}
		d.decide(m)
	case *event.KeyTemplate:
		d.applyTemplate(m)
	case *event.Block:
		d.applyBlock(m)
	}
}

// Replace takes a manager's whole state: all blocking conditions and key
// templates, and all decisions when complete.
func (d *Decisions) Replace(blocks []event.Block, templates []string, decisions []event.Decision, complete bool) {
	d.replaceBlocks(blocks)
	d.replaceTemplates(templates)
	if complete {
		d.forgetOthers(decisions)
	}
	for i := range decisions {
		d.decide(&decisions[i])
	}
}

// decide stores a decision. Of two about one key the later expiry wins, of
// equal ones the later sent; one that is past says nothing any more.
func (d *Decisions) decide(m *event.Decision) {
	if m.Expiry < d.millis() && m.Throttled {
		return
	}
	hash := d.hashString(m.Key)
	s := d.shard(hash)
	s.mu.Lock()
	old, known := s.keys[hash]
	switch {
	case !known && !m.Throttled: // nothing to take back
	case known && (old.expiry > m.Expiry || old.expiry == m.Expiry && old.sent > m.Sent) && m.Expiry != 0:
	case !known && d.held.Load() >= maxDecisions:
		d.dropped.Add(1)
	case !m.Throttled:
		delete(s.keys, hash)
		d.held.Add(-1)
	default:
		if !known {
			d.held.Add(1)
		}
		s.keys[hash] = decided{m.Expiry, m.Sent}
	}
	s.mu.Unlock()
	if m.Throttled && m.Conditional {
		d.index(m)
	}
}

// forgetOthers drops the keys that a complete list does not have.
func (d *Decisions) forgetOthers(decisions []event.Decision) {
	keep := make(map[uint64]bool, len(decisions))
	for i := range decisions {
		keep[d.hashString(decisions[i].Key)] = true
	}
	d.sweepKeys(func(hash uint64, _ decided) bool { return !keep[hash] })
}

// Sweep forgets what has expired.
func (d *Decisions) Sweep() {
	if d.held.Load() == 0 {
		return
	}
	now := d.millis()
	d.sweepKeys(func(_ uint64, k decided) bool { return k.expiry < now })
	d.sweepGroups(now)
}

func (d *Decisions) sweepKeys(gone func(uint64, decided) bool) {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		for hash, k := range s.keys {
			if gone(hash, k) {
				delete(s.keys, hash)
				d.held.Add(-1)
			}
		}
		if len(s.keys) == 0 {
			s.keys = map[uint64]decided{} // a map keeps the memory of its largest moment
		}
		s.mu.Unlock()
	}
}

// DecisionStats is how much is held.
type DecisionStats struct {
	Keys        int64  `json:"keys"`
	Templates   int    `json:"keyTemplates"`
	Blocks      int    `json:"blockingConditions"`
	Dropped     uint64 `json:"dropped"` // there were too many
	ClockOffset int64  `json:"clockOffsetMillis"`
}

// Stats counts what is held.
func (d *Decisions) Stats() DecisionStats {
	return DecisionStats{
		Keys:        d.held.Load(),
		Templates:   len(*d.templates.Load()),
		Blocks:      d.blocks.Load().count,
		Dropped:     d.dropped.Load(),
		ClockOffset: d.offset.millis(d.skew),
	}
}

// offset estimates how far the manager's clock is behind ours: by the least
// difference between a message's arrival and when it says it was sent, within
// the last two minutes. A message that took long tells nothing.
type offset struct {
	mu              sync.Mutex
	minute          int64
	current, before int64
	seen            [2]bool // current, before
	estimate        atomic.Int64
}

// delay is what a message may take: less is no skew.
const delay = 250

func (o *offset) observe(arrived, sent int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if minute := arrived / 60_000; minute != o.minute {
		o.before, o.seen[1] = o.current, o.seen[0] && minute == o.minute+1
		o.minute, o.seen[0] = minute, false
	}
	if d := arrived - sent; !o.seen[0] || d < o.current {
		o.current, o.seen[0] = d, true
	}
	least := o.current
	if o.seen[1] {
		least = min(least, o.before)
	}
	if least > -delay && least < delay {
		least = 0
	}
	o.estimate.Store(least)
}

// millis is what to add to a time of the manager's: 0 when its clock is off by
// more than the bound, since then it tells nothing.
func (o *offset) millis(bound int64) int64 {
	if e := o.estimate.Load(); e >= -bound && e <= bound {
		return e
	}
	return 0
}
