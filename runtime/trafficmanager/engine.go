package trafficmanager

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/event"
)

// engine counts events and decides. Its workers take batches from the queue;
// what they decide is in the ledger at once and goes on to the committer.
type engine struct {
	plan    *plan
	queue   *queue
	ledger  *ledger
	commit  *committer
	counter func() counter // one for each worker
	// claim, if any, leaves the batches that no other manager has counted.
	claim func([]*batch) []*batch
	now   func() int64 // nanoseconds
	log   *slog.Logger

	handled atomic.Uint64 // events
	late    atomic.Uint64 // see tally
	long    atomic.Uint64
	unknown atomic.Uint64
}

// run counts with so many workers until stop, then what is left.
func (g *engine) run(workers int, stop <-chan struct{}) {
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { g.work(stop) })
	}
	group.Wait()
}

func (g *engine) work(stop <-chan struct{}) {
	counter, tally := g.counter(), newTally()
	var batches []*batch
	for {
		if batches = g.queue.take(batches[:0], stop); len(batches) == 0 {
			return
		}
		g.evaluate(batches, tally, counter)
		clear(batches)
	}
}

func (g *engine) evaluate(batches []*batch, t *tally, c counter) {
	t.reset()
	handled := 0
	for _, b := range batches {
		handled += len(b.events)
	}
	if g.claim != nil {
		batches = g.claim(batches)
	}
	now := g.now()
	for _, b := range batches {
		t.add(g.plan, b, now)
	}
	g.decide(t.uses, c.count(now, t.uses))
	g.late.Add(uint64(t.late))
	g.long.Add(uint64(t.long))
	if t.unknown > 0 && g.unknown.Add(uint64(t.unknown)) == uint64(t.unknown) {
		g.log.Warn("events name tiers that the policies do not have: give the manager the policies of the gateways' projects")
	}
	g.handled.Add(uint64(handled))
}

// decide makes decisions of verdicts that are news.
func (g *engine) decide(uses []use, verdicts []verdict) {
	var fresh []*held
	for _, v := range verdicts {
		u := &uses[v.use]
		if g.ledger.throttles(u.key, v.expiry) {
			continue
		}
		d, err := newHeld(&event.Decision{
			Key: u.key, Throttled: true, Expiry: v.expiry, Sent: v.decided,
			Conditional: u.of.conditional, Conditions: u.of.conditions,
		})
		if err != nil { // strings, numbers and booleans always encode
			g.log.Error("a decision cannot be encoded", "error", err)
			continue
		}
		if g.ledger.add(d) {
			fresh = append(fresh, d)
		}
	}
	g.commit.add(fresh)
}

// storeTimeout bounds a call of the store.
const storeTimeout = 2 * time.Second
