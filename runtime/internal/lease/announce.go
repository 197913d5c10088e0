package lease

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// seenAt is what the last announcement told about a slot.
type seenAt struct {
	lo, hi, nodes, since int64
	// settled: the announcement before was answered too, so that each other
	// node has announced itself since this one did, and counts it.
	settled bool
}

// presences are the slots' state as announcements told it.
type presences struct {
	mu    sync.Mutex
	slots []seenAt
}

func (p *presences) at(slot int) (seenAt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot >= len(p.slots) {
		return seenAt{}, false
	}
	return p.slots[slot], true
}

func (p *presences) forget() {
	p.mu.Lock()
	p.slots = nil
	p.mu.Unlock()
}

// set takes what was told and gives the slots whose data was lost since.
func (p *presences) set(next []seenAt) (lost map[int]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.slots {
		next[i].settled = p.slots[i].since == next[i].since
		if !next[i].settled {
			if lost == nil {
				lost = map[int]bool{}
			}
			lost[i] = true
		}
	}
	p.slots = next
	return lost
}

// health is whether Redis answers, for logs, statistics and limits that come
// once.
type health struct {
	down     atomic.Bool
	row      atomic.Int64 // failures one after the other
	failures atomic.Int64
	last     atomic.Pointer[string]
}

// enough failures one after the other make an outage.
const enough = 3

// note counts a batch: some of it was answered, or failure says why not.
func (h *health) note(log *slog.Logger, answered bool, failure error) {
	if failure != nil {
		h.failures.Add(1)
		text := reason(failure)
		h.last.Store(&text)
	}
	if answered {
		h.row.Store(0)
		if h.down.CompareAndSwap(true, false) {
			log.Info("redis answers again: limits are the cluster's")
		}
		return
	}
	if h.row.Add(1) >= enough && h.down.CompareAndSwap(false, true) {
		log.Warn("redis does not answer: limits go on as onFailure says", "error", reason(failure))
	}
}

// announce says that the node is there until ctx ends, and forgets limits that
// nobody uses.
func (r *runner) announce(ctx context.Context) {
	every := r.ls.options.Announce
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r.announceOnce(ctx)
		r.ls.sweep()
		if r.ls.health.down.Load() {
			timer.Reset(min(every, time.Duration(lastFailure)))
			continue
		}
		timer.Reset(every)
	}
}

func (r *runner) announceOnce(ctx context.Context) {
	s := r.ls.store
	// Connections are made here, without a request that waits.
	ctx, cancel := context.WithTimeout(ctx, s.dial+s.timeout)
	defer cancel()
	sent, _ := r.ls.now()
	told, err := s.announceAll(ctx, 10*r.ls.options.Announce)
	mono, _ := r.ls.now()
	if err != nil {
		if ctx.Err() == nil || context.Cause(ctx) == context.DeadlineExceeded {
			r.ls.health.note(r.ls.options.Logger, false, err)
		}
		return
	}
	next := make([]seenAt, len(told))
	for i, p := range told {
		next[i] = seenAt{lo: p.time - mono, hi: p.time - sent, nodes: p.nodes, since: p.since}
	}
	if mono-sent < int64(s.timeout) {
		r.ls.health.note(r.ls.options.Logger, true, nil)
	}
	r.remind(next, r.presence.set(next))
}

// remind makes limits call that have something to say without a request:
// those whose state was lost tell what they saw of it, and those whose share
// is not what it should be, nodes having come or gone, ask for it.
func (r *runner) remind(slots []seenAt, lost map[int]bool) {
	limits := r.ls.reserved()
	if lost != nil {
		limits = r.ls.all()
	}
	for _, l := range limits {
		slot := r.ls.store.slot(l.spec.Key)
		l.mu.Lock()
		say := l.m.seen != noWindow && (lost[slot] || l.spec.Reserve && l.m.share != l.spec.Count/slots[slot].nodes)
		l.m.report = l.m.report || say
		l.mu.Unlock()
		if say {
			l.kick()
		}
	}
}

// maxSweep bounds the limits looked at in one sweep; a map gives others each
// time.
const maxSweep = 20_000

// sweep forgets limits that were not looked up for two windows. Whoever holds
// one may go on using it.
func (ls *Leases) sweep() {
	mono, _ := ls.now()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	seen := 0
	for key, l := range ls.limits {
		if !l.spec.Reserve && l.waiting.Load() == 0 && mono-l.usedAt.Load() > 2*l.spec.period()+int64(10*time.Second) {
			delete(ls.limits, key)
		}
		if seen++; seen == maxSweep {
			return
		}
	}
}
