package lease

import (
	"math"
)

// machine is one limit on one node: what it holds, what it knows of the
// server, what it says next. It does no I/O and reads no clock. Its caller
// serialises all methods; requests work on hot alone.
//
//	poll      what to send now, if anything; due says when to poll again
//	answered  the server's answer to a call, in time or not
//	failed    a call that will not be answered
//	suspended the node's clocks came apart
type machine struct {
	spec Spec
	hot  *hot
	due  int64 // when to poll next, without a request's kick

	// The server's time is between now+lo and now+hi, as of the call sent at
	// heard.
	known  bool
	lo, hi int64
	heard  int64 // 0: by hearsay
	trip   int64 // round trip, smoothed

	nonce  uint64
	flying bool
	flight call

	failing   bool
	lost      int  // calls without an answer, one after the other
	offline   bool // told by the caller: no call is answered
	settled   bool // told by the caller: all nodes count by the same number of them
	backoff   int64
	dried     int64 // last wait for tokens that are out elsewhere
	notBefore int64 // no ask until then
	nodes     int64

	// What was seen of the server's state; carried in each call.
	seen, id, gross, most int64
	mixed                 bool  // tokens in hand come from before the server forgot: none is given back
	report                bool  // the server forgot: say what was seen
	resume                int64 // first window to take tokens of, after the server's clock was stepped

	account int64 // shape smooth: carried instead

	// Of the window counted: tokens taken before it, and those reported.
	counted, before, reported int64
	filled                    int64 // when tokens came last

	renounced int64 // last window that tokens were asked in
	share     int64 // as the server said last
	shares    int64 // those of all nodes
	inUse     int64 // share of window shareAt that may have been taken
	shareAt   int64
	ack       bool // a withdrawal is to be acknowledged

	// Demand: attempts when last looked, and their rate in a second.
	lookedAt, attempts int64
	rate               float64
	asked, missed      int64 // attempts, and those in vain, at the last ask

	stats machineStats
}

type machineStats struct {
	granted, returned, stranded, calls, late, failures, shares int64
}

func newMachine(s Spec, h *hot) *machine {
	m := &machine{spec: s, hot: h, nodes: 1, renounced: noWindow, shareAt: noWindow, seen: noWindow, counted: noWindow, resume: noWindow}
	if s.Count == 0 {
		h.dry.Store(never)
	}
	return m
}

// hearsay is the server's time as another call told it, for a limit that has
// not been asked for yet.
func (m *machine) hearsay(lo, hi, nodes int64) {
	if m.heard == 0 && !m.known {
		m.known, m.lo, m.hi, m.nodes = true, lo, hi, nodes
	}
}

// window is the server's window at now, never one that has not begun.
func (m *machine) window(now int64) int64 {
	return (now + m.lo - m.drifted(now)) / m.spec.period()
}

// end is when a window certainly is not over yet.
func (m *machine) end(window, now int64) int64 {
	return (window+1)*m.spec.period() - m.hi - m.drifted(now) - int64(guard)
}

// begin is when a window has certainly begun.
func (m *machine) begin(window, now int64) int64 {
	return window*m.spec.period() - m.lo + m.drifted(now)
}

// drifted is how far the clocks may have come apart since the server was heard.
func (m *machine) drifted(now int64) int64 {
	if m.heard == 0 {
		return 0
	}
	return max(0, now-m.heard) / drift
}

// poll looks at demand and tokens and gives the call to send, if any. need is
// the number of requests that wait.
func (m *machine) poll(now, need int64) (call, bool) {
	m.observe(now)
	m.expire(now)
	m.due = never
	if m.flying || m.spec.Count == 0 {
		return call{}, false
	}
	if !m.known {
		if need == 0 && !m.demanded() && !m.spec.Reserve {
			return call{}, false
		}
		return m.probe(now)
	}
	w := m.window(now)
	alone := m.offline && !m.spec.Reserve
	if alone {
		m.failing = true
	}
	if m.shareAt == w && !m.failing && !m.resign(now) {
		m.wake(m.begin(w+1, now))
		return call{}, false
	}
	if m.failing && m.shareAt != w && m.unsure(w, now) {
		return m.probe(now)
	}
	if m.failing && (m.shareAt == w || m.fallBack(w, now)) {
		m.wake(m.begin(w+1, now))
		return m.probe(now)
	}
	if alone { // one announcement is enough to find out
		m.notBefore = now + lastFailure
		m.hot.dry.Store(m.notBefore)
		m.plan(w, now, m.hot.left(now), need)
		return call{}, false
	}
	return m.lease(w, now, need)
}

// lease is poll while Redis answers, or answered in this window.
func (m *machine) lease(w, now, need int64) (call, bool) {
	c := call{asked: w}
	left := m.hot.left(now)
	blocked := now < m.notBefore
	if w < m.resume {
		m.wake(m.begin(m.resume, now))
		m.rest(now, m.due)
		m.hot.dry.Store(m.due)
		return c, false
	}
	if !blocked {
		c.want, c.need = m.wants(left, need, now)
	}
	c.back = m.surplus(left, need, now)
	checkIn := m.spec.Reserve && m.renounced != w
	send := c.want > 0 || c.need > 0 || c.back > 0
	if !send && !(blocked && m.failing) {
		send = checkIn || m.ack || m.report
	}
	if !send {
		m.plan(w, now, left, need)
		return c, false
	}
	return m.send(c, now), true
}

// wants gives how many tokens to ask for.
func (m *machine) wants(left, need, now int64) (want, waiting int64) {
	demanded := m.demanded()
	waiting = max(0, need-left)
	prefetch := m.spec.Count >= 20*m.nodes
	if !prefetch {
		if left == 0 && m.hot.missed.Load() != m.missed {
			want = 1
		}
		return max(want, waiting), waiting
	}
	low := int64(math.Ceil(m.rate * float64(m.trip) * 1.5 / 1e9))
	m.hot.low.Store(low)
	if waiting == 0 && (left > low || !demanded) || m.spec.Smooth && m.full(now) {
		return 0, waiting
	}
	want = int64(math.Ceil(m.rate*float64(m.spec.horizon())/1e9)) - left
	return min(max(want, waiting, 1), maxChunk), waiting
}

// What is asked for at once, and what a slot takes: its count never overflows.
const maxChunk, maxSlot = 1 << 24, 1 << 30

// demanded tells whether requests came since the last ask.
func (m *machine) demanded() bool {
	return m.hot.taken.Load()+m.hot.missed.Load() != m.asked
}

// full tells that no slot is free for tokens that expire at another time.
func (m *machine) full(now int64) bool {
	for i := range m.hot.slots {
		s := &m.hot.slots[i]
		if s.word.Load()&tokenMask == 0 || now >= s.until.Load() {
			return false
		}
	}
	return true
}

// surplus takes tokens out of the slot that demand will not need soon.
func (m *machine) surplus(left, need, now int64) int64 {
	if m.spec.Smooth || m.mixed || m.failing || left == 0 || need > 0 || now-m.filled < 2*m.spec.look() {
		return 0
	}
	rest := m.end(m.seen, now) - now
	if rest < 3*m.trip+int64(guard) {
		return 0
	}
	keep := int64(math.Ceil(m.rate * float64(min(rest, 2*m.spec.horizon())) / 1e9))
	if m.rate*float64(min(rest, 2*m.spec.horizon()))/1e9 < 0.2 {
		keep = 0
	}
	if left <= keep+keep/2 {
		return 0
	}
	return m.hot.slots[0].remove(left - keep)
}

// send completes a call; from now on it may be executed.
func (m *machine) send(c call, now int64) call {
	m.nonce++
	m.stats.calls++
	c.nonce, c.sent = m.nonce, now
	c.seen, c.id, c.gross, c.most = m.seen, m.id, m.gross, m.most
	if m.spec.Smooth {
		c.seen = m.account
	}
	if taken := m.hot.taken.Load() - m.before; m.counted == m.seen && taken > m.reported {
		c.used, m.reported = taken-m.reported, taken
	}
	c.share = -1
	if m.spec.Reserve {
		c.share, c.shares = m.share, m.shares
		if m.shareAt != noWindow {
			c.share = max(c.share, m.inUse)
		}
	}
	if c.asked != noWindow {
		m.renounced = max(m.renounced, c.asked)
	}
	m.stats.returned += c.back
	m.missed = m.hot.missed.Load()
	m.asked = m.hot.taken.Load() + m.missed
	m.flying, m.flight = true, c
	m.hot.quiet.Store(never)
	return c
}

// probe asks for nothing but the time.
func (m *machine) probe(now int64) (call, bool) {
	if m.offline && !m.spec.Reserve {
		m.notBefore = now + lastFailure
	}
	if now < m.notBefore {
		m.wake(m.notBefore)
		m.rest(now, min(m.notBefore, m.due))
		return call{}, false
	}
	return m.send(call{asked: noWindow}, now), true
}

// leave is the last call: everything goes back. Nothing can be taken after.
func (m *machine) leave(now int64) call {
	c := call{asked: noWindow, leaving: true}
	m.hot.dry.Store(never)
	m.hot.mode.Store(int32(leased))
	m.expire(now)
	for i := range m.hot.slots {
		n := m.hot.slots[i].drain()
		if m.spec.Smooth || m.mixed || m.shareAt != noWindow {
			m.stats.stranded += n
			continue
		}
		c.back += n
	}
	c = m.send(c, now)
	m.share, m.shareAt, m.inUse = 0, noWindow, 0
	return c
}

// plan sets when to look again, no call being needed now.
func (m *machine) plan(w, now, left, need int64) {
	m.hot.quiet.Store(0)
	if now < m.notBefore {
		m.rest(now, m.notBefore)
		if need > 0 || m.failing || m.demanded() {
			m.wake(m.notBefore)
		}
	}
	if left > 0 {
		m.wake(now + m.spec.look())
	}
	if m.spec.Reserve || need > 0 {
		m.wake(m.begin(w+1, now))
	}
}

func (m *machine) wake(at int64) { m.due = min(m.due, at) }

// rest keeps requests from calling for tokens before a time.
func (m *machine) rest(now, until int64) {
	if until > now {
		m.hot.quiet.Store(until)
	}
}

// observe updates the rate of attempts.
func (m *machine) observe(now int64) {
	const smoothing = 0.2e9 // nanoseconds
	dt := now - m.lookedAt
	if m.lookedAt == 0 {
		m.lookedAt, m.attempts = now, m.hot.taken.Load()+m.hot.missed.Load()
		return
	}
	if dt < 1e6 {
		return
	}
	attempts := m.hot.taken.Load() + m.hot.missed.Load()
	part := 1 - math.Exp(-float64(dt)/smoothing)
	m.rate += (float64(attempts-m.attempts)*1e9/float64(dt) - m.rate) * part
	m.lookedAt, m.attempts = now, attempts
}

// expire drops tokens whose time is over.
func (m *machine) expire(now int64) {
	for i := range m.hot.slots {
		s := &m.hot.slots[i]
		if s.word.Load()&tokenMask != 0 && now >= s.until.Load() {
			m.strand(s.drain())
		}
	}
	if m.shareAt != noWindow && m.known && m.window(now) > m.shareAt {
		m.endShare()
	}
}

func (m *machine) strand(n int64) { m.stats.stranded += n }

// drop gives up all tokens at once.
func (m *machine) drop() {
	for i := range m.hot.slots {
		m.strand(m.hot.slots[i].drain())
		m.hot.slots[i].until.Store(0) // judged by a clock that is not believed any more
	}
	m.hot.mode.Store(int32(leased))
	m.shareAt, m.inUse = noWindow, 0
}
