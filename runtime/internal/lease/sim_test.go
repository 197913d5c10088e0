package lease

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// chaos is what may happen in a schedule.
type chaos struct {
	nodes      int
	seconds    int
	spec       Spec
	load       float64 // of the limit, all nodes together
	loss       float64 // part of messages, each way
	slow       float64 // part of messages that take up to 100 ms
	partitions bool    // a node and the server do not reach each other for a while
	outages    bool    // the server answers nobody for a while; calls wait and run late
	losses     bool    // the server restarts without data
	steps      bool    // the server's clock
	suspends   bool    // of nodes
	closes     bool    // nodes leave and others come
}

// sim is one schedule: true time, a server after the model, nodes with clocks
// of their own, a network that delays, loses, repeats and reorders.
type sim struct {
	chaos
	t      testing.TB
	rng    *rand.Rand
	now    int64 // true time
	server *model
	ahead  int64 // the server's clock
	downTo int64
	events events
	serial int
	all    []*simNode

	taken   map[int64]int64 // in windows of the server, at the moment of taking
	times   []int64
	extra   map[int64]int64 // what a server that lost its data may grant again
	stepped []int64         // when the server's clock was
	log     []string
}

type simNode struct {
	s       *sim
	name    string
	hot     hot
	m       *machine
	start   int64
	skew    int64 // parts in a million
	asleep  int64 // monotonic time lost in suspension
	base    int64 // wall minus monotonic, as last compared
	rate    float64
	cutTo   int64
	sleepTo int64
	wait    []int64 // until when requests wait
	gone    bool
	wakeAt  int64

	granted, given map[int64]int64 // by the server; sent back
	taken          map[int64]int64
	mark           int64
}

type event struct {
	at     int64
	serial int
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

const ms = int64(time.Millisecond)

func (s *sim) at(t int64, do func()) {
	s.serial++
	heap.Push(&s.events, event{max(t, s.now), s.serial, do})
}

func (s *sim) after(d int64, do func()) { s.at(s.now+d, do) }

// between gives a random number of a range.
func (s *sim) between(from, to int64) int64 { return from + s.rng.Int64N(to-from) }

func (s *sim) chance(p float64) bool { return s.rng.Float64() < p }

func (s *sim) serverTime() int64 { return (s.now + s.ahead) / 1000 * 1000 }

func (s *sim) window() int64 { return s.serverTime() / s.spec.period() }

func (s *sim) fail(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.log[max(0, len(s.log)-200):] {
		s.t.Log(line)
	}
	s.t.Fatalf("at %.4f: "+format, append([]any{float64(s.now%1e12) / 1e9}, args...)...)
}

func (s *sim) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%.4f ", float64(s.now%1e12)/1e9)+fmt.Sprintf(format, args...))
	if len(s.log) > 1500 {
		s.log = append(s.log[:0], s.log[500:]...)
	}
}

// run plays one schedule and checks the invariants all the way.
func (c chaos) run(t testing.TB, seed uint64) *sim {
	s := &sim{chaos: c, t: t, rng: rand.New(rand.NewPCG(seed, 17)), server: newModel(), taken: map[int64]int64{}, extra: map[int64]int64{}}
	s.spec.Key = "k"
	if s.spec.OnFailure == "" {
		s.spec.OnFailure = Share
	}
	s.now = 1_800_000_000e9 + s.between(0, 3600e9)
	s.ahead = s.between(-5000, 5000) * ms
	byName := map[string]*simNode{}
	s.server.onGrant = func(_, node string, w, n int64) { byName[node].granted[w] += n }
	for range c.nodes {
		n := s.join()
		byName[n.name] = n
	}
	end := s.now + int64(c.seconds)*1e9
	s.plan(end, byName)
	for len(s.events) > 0 && s.events[0].at < end {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	return s
}

// plan draws what happens to the schedule.
func (s *sim) plan(end int64, byName map[string]*simNode) {
	span := end - s.now
	some := func(do func()) {
		for range s.rng.IntN(4) {
			s.after(s.between(0, span), do)
		}
	}
	pick := func() *simNode { return s.all[s.rng.IntN(len(s.all))] }
	if s.partitions {
		some(func() {
			n := pick()
			n.cutTo = s.now + s.between(1, 3000)*ms
			s.note("%s cut for %v", n.name, n.cutTo-s.now)
		})
	}
	if s.outages {
		some(func() { s.downTo = s.now + s.between(1, 3000)*ms; s.note("server down for %v", s.downTo-s.now) })
	}
	if s.losses {
		some(s.loseData)
	}
	if s.steps {
		some(func() {
			by := s.between(-60_000, 60_000) * ms
			if by > -200*ms && by < 200*ms {
				by = 300 * ms
			}
			s.ahead += by
			s.stepped = append(s.stepped, s.now)
			s.note("server clock stepped by %v", time.Duration(by))
		})
	}
	if s.suspends {
		some(func() { n := pick(); by := s.between(60, 5000) * ms; n.suspend(by) })
	}
	if s.closes {
		some(func() {
			if n := pick(); !n.gone {
				n.leave()
				fresh := s.join()
				byName[fresh.name] = fresh
			}
		})
	}
}

// loseData restarts the server empty, and keeps what it may grant again.
func (s *sim) loseData() {
	if st := s.server.state[s.spec.Key]; st != nil && st.window == s.window() {
		best := int64(0)
		for _, n := range s.all {
			if n.m.seen == st.window && !n.gone {
				best = max(best, n.m.most)
			}
		}
		s.extra[st.window] += max(0, st.base+st.gross-st.ret-best)
	}
	s.server.empty()
	s.note("server restarted empty")
}

func (s *sim) join() *simNode {
	n := &simNode{
		s: s, name: fmt.Sprintf("n%d", len(s.all)), start: s.now - s.between(1, 1e15), skew: s.between(-50, 50),
		granted: map[int64]int64{}, given: map[int64]int64{}, taken: map[int64]int64{}, wakeAt: never,
	}
	n.m = newMachine(s.spec, &n.hot)
	n.base = n.wall() - n.mono()
	s.all = append(s.all, n)
	n.shift()
	n.after(s.between(0, 100*ms), n.announce)
	n.after(s.between(0, 10*ms), n.arrive)
	n.after(1, n.poll)
	return n
}

// after runs something on the node, when it is awake.
func (n *simNode) after(d int64, do func()) {
	var then func()
	then = func() {
		if n.s.now < n.sleepTo {
			n.s.at(n.sleepTo, then)
			return
		}
		do()
	}
	n.s.after(d, then)
}

// shift gives the node another part of the load.
func (n *simNode) shift() {
	perSecond := float64(n.s.spec.Count) / n.s.spec.Window.Seconds() * n.s.load
	n.rate = perSecond / float64(n.s.nodes)
	switch n.s.rng.IntN(4) {
	case 0:
		n.rate = perSecond * 0.9
	case 1:
		n.rate = perSecond / 100
	}
	n.s.after(n.s.between(300*ms, 3000*ms), n.shift)
}

func (n *simNode) mono() int64 {
	run := n.s.now - n.start - n.asleep
	return run + run/1_000_000*n.skew
}

func (n *simNode) wall() int64 { return n.s.now }

func (n *simNode) apart() bool {
	by := n.wall() - n.mono() - n.base
	return by >= int64(jumped) || by <= -int64(jumped)
}

func (n *simNode) arrive() {
	if n.gone {
		return
	}
	n.after(int64(n.s.rng.ExpFloat64()*1e9/n.rate)+1, n.arrive)
	if !n.take() && !n.apart() {
		if n.mono() >= n.hot.dry.Load() {
			n.wait = append(n.wait, n.s.now+20*ms)
		}
		n.poll()
	}
}

// take is Limit.Take, checked.
func (n *simNode) take() bool {
	if n.apart() {
		return false
	}
	token, ok := n.hot.take(n.mono())
	if !ok {
		return false
	}
	s := n.s
	if !n.hot.spare(n.mono()) {
		n.after(0, n.poll)
	}
	w := s.window()
	s.taken[w]++
	s.times = append(s.times, s.serverTime())
	if mode(n.hot.mode.Load()) == leased && !s.spec.Smooth && n.m.shareAt != token.Window {
		n.taken[token.Window]++
		if got := n.granted[token.Window] - n.given[token.Window]; n.taken[token.Window] > got {
			s.fail("%s took %d of window %d, was granted %d less what it gave back", n.name, n.taken[token.Window], token.Window, got)
		}
		if token.Window != w && len(s.stepped) == 0 {
			s.fail("%s took a token of window %d in %d", n.name, token.Window, w)
		}
	}
	return true
}

func (n *simNode) poll() {
	if n.gone {
		return
	}
	if n.apart() {
		n.m.suspended()
		n.base = n.wall() - n.mono()
		if n.hot.left(n.mono()) != 0 {
			n.s.fail("%s has tokens after a suspension", n.name)
		}
	}
	n.serve()
	before := n.hot.left(n.mono())
	c, ok := n.m.poll(n.mono(), int64(len(n.wait)))
	if ok {
		if c.back > 0 && n.hot.left(n.mono()) != before-c.back {
			n.s.fail("%s gives back %d, had %d, has %d", n.name, c.back, before, n.hot.left(n.mono()))
		}
		n.given[c.seen] += c.back
		n.s.note("%s sends %d: asked %d want %d need %d back %d share %d", n.name, c.nonce, c.asked, c.want, c.need, c.back, c.share)
		n.transmit(c)
	}
	n.serve()
	if due := n.m.due; due != never && due != n.wakeAt {
		n.wakeAt = due
		n.after(max(1, due-n.mono())+due%7, func() {
			if n.wakeAt == due {
				n.wakeAt = never
				n.poll()
			}
		})
	}
}

// serve lets those who wait take what came.
func (n *simNode) serve() {
	for len(n.wait) > 0 {
		if n.wait[0] >= n.s.now {
			if n.hot.left(n.mono()) == 0 && mode(n.hot.mode.Load()) == leased || !n.take() {
				return
			}
		}
		n.wait = n.wait[1:]
	}
}

// delay is how long a message takes; false: it is lost.
func (n *simNode) delay() (int64, bool) {
	s := n.s
	if s.chance(s.loss) {
		return 0, false
	}
	d := s.between(20_000, 600_000)
	if s.chance(s.slow) {
		d = s.between(1, 100) * ms
	}
	return d, true
}

func (n *simNode) transmit(c call) {
	s := n.s
	n.after(20*ms, func() {
		n.m.failed(n.mono(), c.nonce)
		n.poll()
	})
	d, ok := n.delay()
	if !ok || s.now < n.cutTo && s.chance(0.5) {
		return
	}
	s.after(max(d, n.cutTo-s.now), func() { n.execute(c) })
}

func (n *simNode) execute(c call) {
	s := n.s
	if s.now < s.downTo { // what a hanging server finds when it goes on
		if s.chance(0.5) {
			s.at(s.downTo+s.between(0, 5*ms), func() { n.execute(c) })
		}
		return
	}
	a := s.server.run(n.name, s.serverTime()/1000, &c, &s.spec)
	s.checkServer()
	for range 1 + s.rng.IntN(10)/9 { // now and then twice
		d, ok := n.delay()
		if !ok || s.now < n.cutTo {
			continue
		}
		n.after(d, func() { n.receive(c, a) })
	}
}

// checkServer holds the server to its own rules.
func (s *sim) checkServer() {
	st := s.server.state[s.spec.Key]
	if !s.spec.Smooth && st.base+st.gross-st.ret > s.spec.Count && !s.losses && !s.steps {
		s.fail("granted %d - returned %d > %d", st.base+st.gross, st.ret, s.spec.Count)
	}
	if st.sum > s.spec.Count || st.sum < 0 || st.ren < 0 || st.ren+st.prev > st.sum {
		s.fail("shares %d, of which renounced %d and %d", st.sum, st.ren, st.prev)
	}
}

func (n *simNode) receive(c call, a answer) {
	s := n.s
	if n.gone {
		return
	}
	current := n.m.flying && n.m.flight.nonce == c.nonce
	before, words := *n.m, [2]uint64{n.hot.slots[0].word.Load(), n.hot.slots[1].word.Load()}
	if current && n.apart() {
		n.poll() // the runner compares clocks before it looks at answers
		current = false
		before, words = *n.m, [2]uint64{n.hot.slots[0].word.Load(), n.hot.slots[1].word.Load()}
	}
	off := current && n.m.heard != 0 && n.m.off(c.sent, n.mono(), a.time)
	n.m.answered(n.mono(), c.nonce, a)
	if !current {
		before.stats.late++
		if before != *n.m || words != [2]uint64{n.hot.slots[0].word.Load(), n.hot.slots[1].word.Load()} {
			s.fail("%s: a late answer to %d changed something", n.name, c.nonce)
		}
		return
	}
	s.note("%s got %d: window %d granted %d left %d out %d held %d share %d off %v", n.name, c.nonce, a.window, a.granted, a.left, a.out, a.held, a.share, off)
	if off && (n.hot.left(n.mono()) != 0 || n.m.resume != a.window+1) {
		s.fail("%s goes on after the server's clock was stepped", n.name)
	}
	n.poll()
}

func (n *simNode) announce() {
	s := n.s
	if n.gone {
		return
	}
	n.after(500*ms, n.announce)
	d, ok := n.delay()
	sent := n.mono()
	if !ok || s.now < n.cutTo || s.now < s.downTo {
		return
	}
	p := s.server.announce(n.name, s.serverTime()/1000, 5_000_000)
	n.after(d, func() {
		if n.gone || n.apart() {
			return
		}
		if n.mark != 0 && n.mark != p.since {
			n.m.report = n.m.seen != noWindow
		}
		n.mark = p.since
		n.m.hearsay(p.time-n.mono(), p.time-sent, p.nodes)
		if s.spec.Reserve && n.m.seen != noWindow && n.m.share != s.spec.Count/max(1, p.nodes) {
			n.m.report = true
		}
		n.poll()
	})
}

func (n *simNode) suspend(by int64) {
	if n.s.now < n.sleepTo {
		return
	}
	n.sleepTo = n.s.now + by
	if n.s.chance(0.7) { // else the process is stopped: its clocks go on
		n.asleep += by
	}
	n.s.note("%s suspended for %v", n.name, time.Duration(by))
}

func (n *simNode) leave() {
	if n.s.now < n.sleepTo {
		return
	}
	c := n.m.leave(n.mono())
	n.given[c.seen] += c.back
	n.gone = true
	n.s.note("%s leaves", n.name)
	if d, ok := n.delay(); ok && n.s.now >= n.cutTo {
		n.s.after(d, func() {
			if n.s.now >= n.s.downTo {
				n.s.server.run(n.name, n.s.serverTime()/1000, &c, &n.s.spec)
				n.s.server.announce(n.name, n.s.serverTime()/1000, 0)
			}
		})
	}
}
