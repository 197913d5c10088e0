package lease

// fallBack begins what the limit does without Redis; true: on the share.
func (m *machine) fallBack(w, now int64) bool {
	switch m.spec.OnFailure {
	case Open:
		m.hot.mode.Store(int32(open))
		return false
	case Closed:
		return false
	}
	part := m.mayTake(w, now)
	if part <= 0 {
		return false
	}
	m.count(w)
	m.shareAt, m.inUse = w, part
	m.stats.shares++
	m.hot.dry.Store(0)
	if m.spec.Smooth {
		m.hot.pace.set(now, m.spec.cost(part), 0)
		m.hot.mode.Store(int32(paced))
		return true
	}
	m.strand(m.hot.slots[0].drain())
	m.hot.slots[0].fill(min(part, maxSlot), m.end(w, now), w)
	return true
}

// unsure tells that one call was lost, which on a busy machine is no outage:
// another one, which renounces nothing, finds out before the limit goes on
// without Redis for a window.
func (m *machine) unsure(w, now int64) bool {
	if m.offline || m.lost > 1 {
		return false
	}
	return m.spec.OnFailure == Open || m.spec.OnFailure == Share && m.mayTake(w, now) > 0
}

// mayTake is the node's share of a window; 0 where it has none, or renounced
// it, or holds tokens of the window yet.
func (m *machine) mayTake(w, now int64) int64 {
	if m.hot.left(now) > 0 || w < m.resume {
		return 0
	}
	if !m.spec.Reserve {
		if !m.offline || !m.settled {
			return 0 // others go on taking, or take by another number of nodes
		}
		part := m.spec.Count / max(1, m.nodes)
		if m.counted == w {
			part -= m.hot.taken.Load() - m.before
		}
		return part
	}
	last := m.renounced
	if m.spec.Smooth && last != noWindow {
		last++
	}
	if m.heard == 0 || now-m.heard > int64(m.spec.hold())*9/10 || w <= last {
		return 0
	}
	return m.share
}

// resign leaves the share for leases, Redis having answered. Of a reserved
// share that was touched, or might have been, that has to wait for the next
// window.
func (m *machine) resign(now int64) bool {
	if m.spec.Smooth {
		if m.spec.Reserve {
			return false
		}
		m.endShare()
		return true
	}
	s := &m.hot.slots[0]
	until, window := s.until.Load(), s.window.Load()
	n := s.drain()
	if m.spec.Reserve && n != min(m.inUse, maxSlot) {
		s.fill(n, until, window)
		return false
	}
	m.shareAt, m.inUse = noWindow, 0
	return true
}

// endShare is the end of the window that the share was for.
func (m *machine) endShare() {
	m.hot.mode.Store(int32(leased))
	m.strand(m.hot.slots[0].drain())
	m.shareAt, m.inUse = noWindow, 0
}

// keepShare takes the server's word for the share. A withdrawal is
// acknowledged by the next call.
func (m *machine) keepShare(c call, a answer) {
	if !m.spec.Reserve || a.share < 0 || c.leaving {
		return
	}
	m.share, m.shares = a.share, a.shares
	m.ack = a.share < c.share
}
