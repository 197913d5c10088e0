package lease

import "time"

// Waiting times after a refusal and after a failure.
const (
	firstDry, lastDry         = int64(10 * time.Millisecond), int64(160 * time.Millisecond)
	firstFailure, lastFailure = int64(5 * time.Millisecond), int64(250 * time.Millisecond)
)

// answered takes the answer to a call. One that comes late, twice or after
// another changes nothing.
func (m *machine) answered(now int64, nonce uint64, a answer) {
	if !m.flying || nonce != m.flight.nonce {
		m.stats.late++
		return
	}
	c := m.flight
	off := m.heard != 0 && m.off(c.sent, now, a.time)
	m.flying, m.failing, m.lost, m.notBefore = false, false, 0, 0
	m.backoff, m.ack, m.report = 0, false, false
	m.hot.quiet.Store(0)
	if mode(m.hot.mode.Load()) == open {
		m.hot.mode.Store(int32(leased))
	}
	m.known, m.heard = true, c.sent
	m.lo, m.hi = a.time-now, a.time-c.sent
	m.trip += (now - c.sent - m.trip) / 4
	m.nodes = a.nodes
	if off {
		m.restart(a.window)
		return
	}
	m.remember(a)
	m.keepShare(c, a)
	if c.asked == noWindow || c.asked != a.window {
		return
	}
	if a.granted > 0 {
		m.stats.granted += a.granted
		m.hold(c, now, a)
	}
	if a.left == 0 && a.granted < max(c.want, c.need) {
		m.exhausted(now, a)
	} else {
		m.dried = 0
	}
}

// off tells that the server's clock is not where it must be, whenever between
// sending and answer it was read.
func (m *machine) off(sent, now, time int64) bool {
	slack := int64(stepped) + m.drifted(now)
	return time < sent+m.lo-slack || time > now+m.hi+slack
}

// restart forgets all that was judged by the server's former clock. Service
// resumes with the server's next window.
func (m *machine) restart(window int64) {
	m.drop()
	m.resume = window + 1
	m.renounced = window
	m.seen, m.counted, m.mixed, m.account = noWindow, noWindow, false, 0
}

// remember keeps what later calls tell a server that forgot.
func (m *machine) remember(a answer) {
	m.account = max(m.account, a.account)
	if a.window != m.seen {
		if !m.spec.Smooth && m.shareAt != a.window {
			m.strand(m.hot.slots[0].drain())
		}
		m.seen, m.id, m.gross, m.most, m.mixed = a.window, a.id, a.gross, a.most, false
		m.count(a.window)
		return
	}
	if a.id != m.id {
		m.id, m.gross, m.mixed = a.id, 0, true
	}
	m.gross = max(m.gross, a.gross)
	m.most = max(m.most, a.most)
}

// count begins to count what is taken in a window.
func (m *machine) count(window int64) {
	if m.counted != window {
		m.counted, m.before, m.reported = window, m.hot.taken.Load(), 0
	}
}

// hold takes a grant in hand.
func (m *machine) hold(c call, now int64, a answer) {
	if m.spec.Smooth {
		m.holdSmooth(c, now, a)
		return
	}
	until := m.end(a.window, c.sent)
	s := &m.hot.slots[0]
	if until <= now {
		m.strand(a.granted)
		return
	}
	m.hot.dry.Store(0)
	m.filled = now
	if s.window.Load() != a.window || s.until.Load() <= now {
		m.strand(s.drain())
		s.fill(a.granted, until, a.window)
		return
	}
	// Both ends are certain: the later one counts.
	s.until.Store(max(until, s.until.Load()))
	s.add(a.granted)
}

func (m *machine) holdSmooth(c call, now int64, a answer) {
	until := c.sent + int64(tokenTTL-guard)
	for i := range m.hot.slots {
		s := &m.hot.slots[i]
		if until > now && (s.word.Load()&tokenMask == 0 || now >= s.until.Load()) {
			m.hot.dry.Store(0)
			m.strand(s.drain())
			s.fill(a.granted, until, a.window)
			return
		}
	}
	m.strand(a.granted)
}

// exhausted decides when to ask again. It is final for a window when nothing
// of it is left elsewhere that could come back.
func (m *machine) exhausted(now int64, a answer) {
	if m.spec.Smooth {
		// Nodes that ask for each token of their own would ask too often.
		own := min(m.nodes*m.spec.cost(m.spec.Count), int64(m.spec.horizon()))
		m.notBefore = now + max(a.wait, own, int64(time.Millisecond))
		if a.wait > int64(askWait) {
			m.hot.dry.Store(m.notBefore)
		}
		return
	}
	m.dried = min(max(2*m.dried, firstDry), lastDry)
	m.notBefore = min(now+m.dried, m.begin(a.window+1, now))
	if a.open && a.out <= 0 && a.held == 0 {
		m.notBefore = m.begin(a.window+1, now)
	}
	m.hot.dry.Store(m.notBefore)
}

// failed is told that no answer will come, or none in time.
func (m *machine) failed(now int64, nonce uint64) {
	if !m.flying || nonce != m.flight.nonce {
		return
	}
	m.flying, m.failing = false, true
	m.lost++
	m.stats.failures++
	m.backoff = min(max(2*m.backoff, firstFailure), lastFailure)
	m.notBefore = now + m.backoff
	m.hot.quiet.Store(0)
	if m.hot.left(now) == 0 {
		m.hot.dry.Store(m.notBefore)
	}
}

// suspended is told that the wall and the monotonic clock came apart: nobody
// knows how much time has passed.
func (m *machine) suspended() {
	m.drop()
	m.known, m.heard, m.lo, m.hi = false, 0, 0, 0
	m.flying, m.notBefore = false, 0
	m.seen, m.counted, m.resume, m.mixed = noWindow, noWindow, noWindow, false
	m.hot.quiet.Store(0)
}
