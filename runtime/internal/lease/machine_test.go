package lease

import (
	"testing"
	"time"
)

// asked drives a machine to hold a share of 10 and to have asked in window 5
// of a second, on a server whose clock is the node's.
func asked(t *testing.T, s Spec) (*machine, *hot, int64) {
	t.Helper()
	h := new(hot)
	m := newMachine(s, h)
	now := 5*int64(time.Second) + int64(100*time.Millisecond)
	for range 2 { // the first call asks for the time alone
		c, ok := m.poll(now, 0)
		if !ok {
			t.Fatal("no call is sent")
		}
		now += int64(time.Millisecond)
		m.answered(now, c.nonce, answer{time: now, window: 5, share: 10, shares: 10, nodes: 1, id: 7, left: 90, open: true})
	}
	if m.renounced != 5 || m.share != 10 {
		t.Fatalf("renounced %d, share %d", m.renounced, m.share)
	}
	return m, h, now
}

// lose sends what the machine has to say and loses it.
func lose(t *testing.T, m *machine, now int64) call {
	t.Helper()
	c, ok := m.poll(now, 0)
	if !ok {
		t.Fatal("no call is sent")
	}
	m.failed(now+int64(20*time.Millisecond), c.nonce)
	return c
}

func TestOneLostCallAtTheEdgeOfAWindowDoesNotPutTheNodeOnItsShare(t *testing.T) {
	m, h, now := asked(t, Spec{Key: "k", Count: 100, Window: time.Second, Reserve: true, OnFailure: Share})
	m.report = true // something to say, late in window 5
	lose(t, m, now)
	now = 6*int64(time.Second) + int64(time.Millisecond)
	c, ok := m.poll(now, 1)
	if !ok || c.asked != noWindow || h.left(now) != 0 {
		t.Fatalf("sent %v, asked in window %d with %d tokens; want a call that renounces nothing", ok, c.asked, h.left(now))
	}
	now += int64(time.Millisecond)
	m.answered(now, c.nonce, answer{time: now, window: 6, share: 10, shares: 10, nodes: 1, id: 7, left: 100, open: true})
	if c, ok = m.poll(now, 1); !ok || c.asked != 6 || m.shareAt != noWindow {
		t.Errorf("sent %v, asked in window %d, on the share of %d; want a lease of window 6", ok, c.asked, m.shareAt)
	}
}

func TestTwoLostCallsPutTheNodeOnItsShare(t *testing.T) {
	m, h, now := asked(t, Spec{Key: "k", Count: 100, Window: time.Second, Reserve: true, OnFailure: Share})
	m.report = true
	lose(t, m, now)
	now = 6*int64(time.Second) + int64(time.Millisecond)
	lose(t, m, now)
	now += int64(21 * time.Millisecond)
	m.poll(now, 1)
	if h.left(now) != 10 || m.shareAt != 6 {
		t.Errorf("%d tokens of the share of window %d, want 10 of window 6", h.left(now), m.shareAt)
	}
}

func TestOneLostCallDoesNotOpenALimit(t *testing.T) {
	m, h, now := asked(t, Spec{Key: "k", Count: 100, Window: time.Second, Reserve: true, OnFailure: Open})
	m.report = true
	lose(t, m, now)
	now += int64(30 * time.Millisecond)
	lose(t, m, now)
	if mode(h.mode.Load()) == open {
		t.Error("one lost call opened the limit")
	}
	m.poll(now+int64(30*time.Millisecond), 1)
	if mode(h.mode.Load()) != open {
		t.Error("two lost calls did not")
	}
}

// A node that was announced once does not know yet of those that came with it,
// nor they of it.
func TestALimitWithoutSharesHasAPartOnceAllNodesCountTheSame(t *testing.T) {
	for _, settled := range []bool{false, true} {
		h := new(hot)
		m := newMachine(Spec{Key: "k", Count: 40, Window: time.Second, OnFailure: Share}, h)
		m.offline, m.settled = true, settled
		m.hearsay(0, 0, 2)
		now := 5*int64(time.Second) + int64(100*time.Millisecond)
		m.poll(now, 1)
		if want := map[bool]int64{false: 0, true: 20}[settled]; h.left(now) != want {
			t.Errorf("settled %v: %d tokens, want %d", settled, h.left(now), want)
		}
	}
}
