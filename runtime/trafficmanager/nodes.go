package trafficmanager

import (
	"fmt"
	"math"
	"sync"
)

// nodes recognises batches that were received before. Gateways number theirs
// and send one again when they do not know whether it arrived; by its time the
// numbers of a gateway that was restarted are told from those before.
type nodes struct {
	mu    sync.Mutex
	known map[string]*node
}

// node is one gateway. The slot for a batch is its number modulo their count.
type node struct {
	slots   [nodeSlots]slot
	seen    int64 // when it was heard last
	nearest int64 // the least that a batch of late was older than now
	since   int64 // when nearest was begun anew
}

type slot struct{ number, sent uint64 }

const (
	nodeSlots = 4096
	maxNodes  = 1024
	// nearestFor is how long nearest may stem from, since clocks drift.
	nearestFor = int64(10 * 60 * 1e9)
)

func newNodes() *nodes { return &nodes{known: map[string]*node{}} }

// stamp is what the header fields tell of a batch.
type stamp struct {
	node   string
	number uint64
	sent   int64 // milliseconds by the gateway's clock
}

// id names the batch among those of all gateways.
func (s *stamp) id() string { return fmt.Sprintf("%s:%d:%d", s.node, s.number, s.sent) }

// accept tells whether a batch is new and take has taken it, and with which age.
func (n *nodes) accept(s stamp, now int64, take func(age int64) bool) (taken, repeated bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.node(s.node, now)
	at := &k.slots[s.number%nodeSlots]
	if s.number <= at.number && uint64(s.sent) <= at.sent {
		return false, true
	}
	if !take(k.age(s.sent, now)) {
		return false, false
	}
	*at = slot{s.number, uint64(s.sent)}
	return true, false
}

// node gives a gateway's state; of too many the one that has been silent for
// the longest time is forgotten.
func (n *nodes) node(name string, now int64) *node {
	k := n.known[name]
	if k == nil {
		if len(n.known) >= maxNodes {
			n.forget()
		}
		k = &node{nearest: math.MaxInt64, since: now}
		n.known[name] = k
	}
	k.seen = now
	return k
}

func (n *nodes) forget() {
	oldest, when := "", int64(math.MaxInt64)
	for name, k := range n.known {
		if k.seen < when {
			oldest, when = name, k.seen
		}
	}
	delete(n.known, oldest)
}

// age gives how long before now a batch's first event happened. Clocks differ,
// so the freshest batch of a gateway is taken to have just happened.
func (k *node) age(sent, now int64) int64 {
	const ms = 1_000_000
	if sent <= 0 || sent > math.MaxInt64/ms {
		return 0
	}
	behind := now - sent*ms
	if now-k.since > nearestFor {
		k.nearest, k.since = math.MaxInt64, now
	}
	k.nearest = min(k.nearest, behind)
	return behind - k.nearest
}

// count gives how many gateways are known.
func (n *nodes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.known)
}
