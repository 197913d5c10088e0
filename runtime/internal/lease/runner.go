package lease

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// runner carries calls between machines and Redis. Its loop is the only one
// that polls; answers come in from the goroutines that sent.
type runner struct {
	ls     *Leases
	timers timers
	kicked []*Limit
	sends  sync.WaitGroup
	free   chan struct{} // places for batches on their way

	presence presences
}

// sending is a call on its way.
type sending struct {
	limit *Limit
	call  call
}

// maxBatch bounds what waits for one round trip.
const maxBatch = 64

func (r *runner) init(ls *Leases) {
	r.ls = ls
	r.free = make(chan struct{}, connections)
	for range connections {
		r.free <- struct{}{}
	}
}

func (r *runner) run(ctx context.Context) {
	var announcer sync.WaitGroup
	if r.ls.store != nil {
		announcer.Go(func() { r.announce(ctx) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.ls.wake:
		case <-timer.C:
		}
		timer.Reset(r.round(ctx))
	}
	close(r.ls.ended)
	announcer.Wait()
	r.sends.Wait()
	if r.ls.store != nil {
		r.leave()
	}
}

// idle is how long the loop sleeps when nothing is due; clocks are compared
// that often.
const idle = 100 * time.Millisecond

// round looks at all limits that want it and sends what they have to say. It
// gives the time to the next round.
func (r *runner) round(ctx context.Context) time.Duration {
	r.compareClocks()
	r.kicked = r.ls.pushed(r.kicked[:0])
	mono, _ := r.ls.now()
	for len(r.timers) > 0 && r.timers[0].when <= mono {
		r.kicked = append(r.kicked, heap.Pop(&r.timers).(*Limit))
	}
	var batch []sending
	for i, l := range r.kicked {
		if batch == nil && r.ls.store != nil {
			select { // while no place is free, asks gather
			case <-r.free:
				batch = make([]sending, 0, min(maxBatch, len(r.kicked)-i))
			case <-ctx.Done():
				return 0
			}
		}
		if c, ok := r.visit(l); ok {
			batch = append(batch, sending{l, c})
		}
		if len(batch) == maxBatch {
			r.send(batch)
			batch = nil
		}
	}
	clear(r.kicked)
	if len(batch) > 0 {
		r.send(batch)
	} else if batch != nil {
		r.free <- struct{}{}
	}
	if len(r.timers) == 0 {
		return idle
	}
	mono, _ = r.ls.now()
	return min(idle, max(0, time.Duration(r.timers[0].when-mono)))
}

// visit polls one limit.
func (r *runner) visit(l *Limit) (call, bool) {
	l.kicked.Store(false)
	if l.local {
		r.visitLocal(l)
		return call{}, false
	}
	mono, _ := r.ls.now()
	l.mu.Lock()
	if p, ok := r.presence.at(r.ls.store.slot(l.spec.Key)); ok {
		l.m.hearsay(p.lo, p.hi, p.nodes)
		l.m.settled = p.settled
	}
	l.m.offline = r.ls.health.down.Load()
	l.serve(mono)
	c, ok := l.m.poll(mono, int64(len(l.queue)))
	l.serve(mono)
	when := l.m.due
	l.mu.Unlock()
	r.timers.set(l, when)
	return c, ok
}

// visitLocal serves those who wait for a limit of this node.
func (r *runner) visitLocal(l *Limit) {
	mono, _ := r.ls.now()
	if !l.spec.Smooth {
		l.openWindow(mono)
	}
	l.mu.Lock()
	l.serve(mono)
	waiting := len(l.queue) > 0
	l.mu.Unlock()
	when := int64(never)
	if waiting {
		when = mono + int64(l.retryLocal(mono))
	}
	r.timers.set(l, when)
}

// send runs a batch and takes its answers in.
func (r *runner) send(batch []sending) {
	r.sends.Go(func() {
		results := r.ls.store.calls(context.Background(), batch)
		mono, _ := r.ls.now()
		answered := false
		var failure error
		for i := range batch {
			l, res := batch[i].limit, &results[i]
			l.mu.Lock()
			if res.err != nil {
				failure = res.err
				l.m.failed(mono, batch[i].call.nonce)
			} else {
				answered = true
				l.m.answered(mono, batch[i].call.nonce, res.answer)
				r.ls.ahead.Store(res.answer.time - mono)
			}
			l.serve(mono)
			l.mu.Unlock()
		}
		r.ls.health.note(r.ls.options.Logger, answered, failure)
		r.free <- struct{}{}
		for i := range batch {
			batch[i].limit.kick()
		}
	})
}

// compareClocks looks whether wall and monotonic clock came apart; then all
// tokens in hand are void.
func (r *runner) compareClocks() {
	mono, wall := r.ls.now()
	by := wall - mono - r.ls.base.Load()
	if by < int64(jumped) && by > -int64(jumped) {
		r.ls.base.Store(wall - mono) // slewed, not stepped
		return
	}
	r.presence.forget()
	for _, l := range r.ls.all() {
		if l.local {
			continue
		}
		l.mu.Lock()
		l.m.suspended()
		l.mu.Unlock()
		l.kick()
	}
	r.ls.options.Logger.Warn("wall and monotonic clock came apart: tokens in hand were dropped", "by", time.Duration(by))
	r.ls.base.Store(wall - mono)
}

// leave gives back what is in hand and the shares.
func (r *runner) leave() {
	var batch []sending
	flush := func() {
		if len(batch) > 0 {
			r.ls.store.calls(context.Background(), batch)
			batch = nil
		}
	}
	mono, _ := r.ls.now()
	for _, l := range r.ls.all() {
		l.mu.Lock()
		if !l.local && (l.spec.Reserve || l.hot.left(mono) > 0) {
			batch = append(batch, sending{l, l.m.leave(mono)})
		}
		l.mu.Unlock()
		if len(batch) == maxBatch {
			flush()
		}
	}
	flush()
	ctx, cancel := context.WithTimeout(context.Background(), r.ls.store.timeout)
	defer cancel()
	_, _ = r.ls.store.announceAll(ctx, 0) // who is gone is forgotten after a while in any case
	_ = r.ls.store.client.Close()
}

// all gives the limits that are remembered.
func (ls *Leases) all() []*Limit {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	out := make([]*Limit, 0, len(ls.limits))
	for _, l := range ls.limits {
		out = append(out, l)
	}
	return out
}

// reserved gives those that keep shares in Redis.
func (ls *Leases) reserved() []*Limit {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	return slices.Clone(ls.firm)
}

// timers is a heap of limits by when they want to be looked at.
type timers []*Limit

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].when < t[j].when }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}
func (t *timers) Push(x any) {
	l := x.(*Limit)
	l.index = len(*t)
	*t = append(*t, l)
}
func (t *timers) Pop() any {
	old := *t
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	l.index = -1
	return l
}

func (t *timers) set(l *Limit, when int64) {
	l.when = when
	switch {
	case l.index >= 0 && when == never:
		heap.Remove(t, l.index)
	case l.index >= 0:
		heap.Fix(t, l.index)
	case when != never:
		heap.Push(t, l)
	}
}
