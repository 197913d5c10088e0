package cache

import (
	"bytes"
	"container/list"
	"slices"
	"sync"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
)

const (
	shards   = 16
	variants = 16 // answers of one key at most: the eldest goes
	places   = 256
)

// shard is a part of the memory, with a lock of its own. What was not asked for
// the longest goes first.
type shard struct {
	mu      sync.Mutex
	most    int64
	size    int64
	items   map[uint64]*list.Element
	order   list.List // of *item, the latest in front
	flights map[uint64]*flight
	lone    [places]uint64 // hashes of keys whose last answer was not kept

	// epochs count invalidations, by place of the key: an answer that was asked
	// for before one is not kept.
	epochs [places]atomic.Uint32
}

// item is all that is stored for a key.
type item struct {
	key     []byte
	hash    uint64
	size    int64
	entries []*entry
}

func (s *shard) init(most int64) {
	s.most = most
	s.items, s.flights = map[uint64]*list.Element{}, map[uint64]*flight{}
}

func (c *Cache) shard(hash uint64) *shard { return &c.shards[hash%shards] }

// place is that of a key in the shard's small tables.
func place(hash uint64) int { return int(hash / shards % places) }

func (s *shard) epoch(hash uint64) uint32 { return s.epochs[place(hash)].Load() }

// find gives the stored answer that a request would get, fresh or not.
func (c *Cache) find(x *exchange.Exchange, v *visit) *entry {
	s := c.shard(v.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.item(v)
	if it == nil {
		return nil
	}
	for _, e := range it.entries {
		if !e.varies(&x.Request) {
			s.order.MoveToFront(s.items[v.hash])
			return e
		}
	}
	return nil
}

// item gives a key's; another key of the same hash has none.
func (s *shard) item(v *visit) *item {
	if at := s.items[v.hash]; at != nil {
		if it := at.Value.(*item); bytes.Equal(it.key, v.key) {
			return it
		}
	}
	return nil
}

// keep stores an answer, unless what it tells has been changed meanwhile.
func (c *Cache) keep(v *visit, e *entry) {
	s := c.shard(v.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch(v.hash) != v.epoch || e.size() > s.most {
		return
	}
	it := s.item(v)
	if it == nil {
		s.remove(s.items[v.hash])
		it = &item{key: slices.Clone(v.key), hash: v.hash}
		it.size = int64(len(it.key))
		s.size += it.size
		s.items[v.hash] = s.order.PushFront(it)
	}
	s.replace(it, e)
	for s.size > s.most && s.order.Len() > 0 {
		s.remove(s.order.Back())
		c.counts.evicted.Add(1)
	}
}

// replace puts an entry in the place of the one that answers the same requests.
func (s *shard) replace(it *item, e *entry) {
	before := it.size
	kept := make([]*entry, 0, len(it.entries)+1)
	kept = append(kept, e)
	it.size += e.size()
	for _, other := range it.entries {
		if len(kept) < variants && !e.twin(other) {
			kept = append(kept, other)
		} else {
			it.size -= other.size()
		}
	}
	it.entries = kept
	s.size += it.size - before
}

func (s *shard) remove(at *list.Element) {
	if at == nil {
		return
	}
	it := s.order.Remove(at).(*item)
	delete(s.items, it.hash)
	s.size -= it.size
}

// forget makes what is stored for a key invalid, and what is on its way.
func (c *Cache) forget(v *visit) {
	s := c.shard(v.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs[place(v.hash)].Add(1)
	if s.item(v) != nil {
		s.remove(s.items[v.hash])
	}
}

// counts are what Stats tells.
type counts struct{ hits, misses, validated, evicted atomic.Uint64 }

// Stats is the state of the cache.
type Stats struct {
	Answers   int    `json:"answers"`
	Bytes     int64  `json:"bytes"`
	Hits      uint64 `json:"hits"` // since the start, as all that follow
	Misses    uint64 `json:"misses"`
	Validated uint64 `json:"validated"`
	Evicted   uint64 `json:"evicted"`
}

// Stats counts answers and memory.
func (c *Cache) Stats() Stats {
	s := Stats{Hits: c.counts.hits.Load(), Misses: c.counts.misses.Load(), Validated: c.counts.validated.Load(), Evicted: c.counts.evicted.Load()}
	for i := range c.shards {
		shard := &c.shards[i]
		shard.mu.Lock()
		s.Bytes += shard.size
		for at := shard.order.Front(); at != nil; at = at.Next() {
			s.Answers += len(at.Value.(*item).entries)
		}
		shard.mu.Unlock()
	}
	return s
}
