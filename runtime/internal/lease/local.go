package lease

import "time"

// takeLocal is Take without Redis.
func (l *Limit) takeLocal(mono int64) (Token, bool) {
	if t, ok := l.hot.try(mono); ok {
		l.hot.taken.Add(1)
		return t, true
	}
	if !l.spec.Smooth && mono >= l.hot.slots[0].until.Load() {
		l.openWindow(mono)
	}
	return l.hot.take(mono)
}

// openWindow fills in the tokens of the window that has begun.
func (l *Limit) openWindow(mono int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.hot.slots[0]
	if mono < s.until.Load() {
		return
	}
	length := int64(l.spec.Window)
	now := l.leases.options.Time()
	window := now / length
	l.m.strand(s.drain())
	if window > s.window.Load() {
		n := min(l.part(), maxSlot)
		s.fill(n, mono+(window+1)*length-now, window)
		l.m.stats.granted += n
	}
}

// part is how much of the limit this node has.
func (l *Limit) part() int64 {
	if !l.spec.Divided || l.leases.store == nil {
		return l.spec.Count
	}
	nodes := int64(1)
	if p, ok := l.leases.runner.presence.at(l.leases.store.slot(l.spec.Key)); ok {
		nodes = p.nodes
	}
	return (l.spec.Count + nodes - 1) / nodes
}

func (l *Limit) retryLocal(mono int64) time.Duration {
	wait := l.hot.slots[0].until.Load() - mono
	if l.spec.Smooth {
		wait = l.hot.pace.next.Load() + l.hot.pace.cost.Load() - l.hot.pace.most.Load() - mono
	}
	return time.Duration(max(wait, int64(time.Millisecond)))
}

// startLocal makes the limit one of this node.
func (l *Limit) startLocal(mono int64) {
	l.local = true
	if l.spec.Smooth {
		cost := l.spec.cost(l.spec.Count)
		l.hot.pace.set(mono, cost, l.spec.burst()*cost)
		l.hot.mode.Store(int32(paced))
	}
}
