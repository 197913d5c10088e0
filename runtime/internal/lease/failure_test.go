package lease

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// watched drives limits and keeps what was taken by window, the longest wait
// of a request, and when tokens came.
type watched struct {
	tally
	longest atomic.Int64
	lastAt  atomic.Int64
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func watch(t *testing.T, limits []*Limit, rate float64) *watched {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watched{cancel: cancel}
	t.Cleanup(w.end)
	for _, l := range limits {
		w.wg.Go(func() {
			tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				w.wg.Go(func() {
					begin := time.Now()
					token, err := l.Acquire(ctx)
					for took := int64(time.Since(begin)); ; {
						old := w.longest.Load()
						if old >= took || w.longest.CompareAndSwap(old, took) {
							break
						}
					}
					if err == nil {
						w.add(token)
						w.lastAt.Store(time.Now().UnixNano())
					}
				})
			}
		})
	}
	return w
}

func (w *watched) end() { w.cancel(); w.wg.Wait() }

// grows waits until more tokens were taken.
func (w *watched) grows(t *testing.T, within time.Duration, n int64, what string) {
	t.Helper()
	from := w.taken.Load()
	eventually(t, within, what, func() bool { return w.taken.Load() >= from+n })
}

func (w *watched) check(t *testing.T, limit int64, windows int64) {
	t.Helper()
	w.end()
	for i, n := range w.windows {
		if n > limit*windows {
			t.Errorf("%d of %d taken in window %d", n, limit, i)
		}
	}
	// The machine that runs this may be slow; a request that waited for Redis
	// to hang up would have waited much longer.
	if d := time.Duration(w.longest.Load()); d > 400*time.Millisecond {
		t.Errorf("a request waited %v", d)
	}
}

// Redis goes away in all the ways it can; requests go on within the shares.
func TestLosingRedisLeavesEachNodeItsShare(t *testing.T) {
	for name, ways := range map[string]struct{ away, back func(s *server) }{
		"killed":  {func(s *server) { s.kill() }, func(s *server) { s.start() }},
		"hanging": {func(s *server) { s.signal(syscall.SIGSTOP) }, func(s *server) { s.signal(syscall.SIGCONT) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := startRedis(t)
			spec := Spec{Key: "backend", Count: 90, Window: time.Second, Reserve: true}
			limits := startNodes(t, 3, Options{URLs: []string{s.url()}}, spec)
			w := watch(t, limits, 100)
			w.grows(t, 3*time.Second, 100, "leases to be taken")
			ways.away(s)
			for _, l := range limits {
				eventually(t, 30*time.Second, "the nodes to be on their shares", func() bool { return l.Stats().OnShare })
			}
			w.grows(t, 4*time.Second, 150, "shares to be taken")
			ways.back(s)
			for _, l := range limits {
				eventually(t, 30*time.Second, "leases again", func() bool { st := l.Stats(); return !st.OnShare && st.Share == 30 })
			}
			w.grows(t, 4*time.Second, 150, "leases to be taken again")
			w.check(t, spec.Count, 1)
		})
	}
}

func TestRestartedEmptyRedisGrantsNoWindowTwice(t *testing.T) {
	s := startRedis(t)
	spec := Spec{Key: "backend", Count: 60, Window: time.Second, Reserve: true, OnFailure: Closed}
	limits := startNodes(t, 2, Options{URLs: []string{s.url()}}, spec)
	w := watch(t, limits, 200)
	for range 3 {
		w.grows(t, 3*time.Second, 70, "tokens to be taken")
		s.kill()
		s.start()
	}
	w.grows(t, 4*time.Second, 100, "tokens to be taken after the restarts")
	w.check(t, spec.Count, 1)
}

func TestANodeCutOffKeepsToItsShareAndTheOthersLeaveIt(t *testing.T) {
	s := startRedis(t)
	spec := Spec{Key: "backend", Count: 90, Window: time.Second, Reserve: true}
	limits := startNodes(t, 3, Options{URLs: []string{s.url()}}, spec)
	w := watch(t, limits, 150)
	w.grows(t, 3*time.Second, 100, "leases to be taken")
	_ = limits[0].leases.store.client.Close() // the others' connections go on
	eventually(t, 30*time.Second, "the node to be on its share", func() bool { return limits[0].Stats().OnShare })
	before := limits[0].Stats().Taken
	w.grows(t, 5*time.Second, 300, "tokens to be taken")
	if limits[0].Stats().Taken == before {
		t.Error("the node took nothing of its share")
	}
	w.check(t, spec.Count, 1)
}

func TestOnFailureOpenAndClosed(t *testing.T) {
	s := startRedis(t)
	n := startNode(t, Options{URLs: []string{s.url()}})
	open := n.limit(t, Spec{Key: "open", Count: 5, Window: time.Second, Reserve: true, OnFailure: Open})
	closed := n.limit(t, Spec{Key: "closed", Count: 5, Window: time.Second, Reserve: true, OnFailure: Closed})
	eventually(t, 30*time.Second, "leases", func() bool { return takes(open, 1) > 0 })
	s.kill()
	eventually(t, 30*time.Second, "the open limit to let all pass", func() bool { return takes(open, 100) == 100 })
	eventually(t, 30*time.Second, "the closed limit's tokens to end", func() bool { return takes(closed, 100) == 0 })
	if _, err := closed.Acquire(context.Background()); err == nil {
		t.Error("closed, but a token was had")
	}
	s.start()
	eventually(t, 30*time.Second, "the open limit to be a limit again", func() bool { return takes(open, 100) < 100 })
	eventually(t, 30*time.Second, "the closed limit to open", func() bool { return takes(closed, 1) == 1 })
}

// The server's clock is stepped in what the scripts read: libfaketime does not
// get along with the allocator of redis-server.
func TestSteppedServerClockCostsAWindowAndServiceGoesOn(t *testing.T) {
	for _, by := range []int{60, -60} {
		t.Run(strconv.Itoa(by), func(t *testing.T) {
			s := startRedis(t)
			client := s.client()
			defer client.Close()
			spec := Spec{Key: "backend", Count: 60, Window: time.Second, Reserve: true}
			limits := startNodes(t, 2, Options{URLs: []string{s.url()}}, spec, func(ls *Leases) {
				ls.store.lease, ls.store.announce = shifted(leaseScript), shifted(announceScript)
			})
			w := watch(t, limits, 100)
			w.grows(t, 3*time.Second, 70, "tokens to be taken")
			client.Set(context.Background(), clockKey, by, 0)
			w.grows(t, 5*time.Second, 120, "tokens to be taken after the step")
			w.check(t, spec.Count, 2)
		})
	}
}

// shifted is a script whose clock can be stepped.
func shifted(script string) *redis.Script {
	return redis.NewScript(strings.Replace(script, "redis.call('TIME')\n",
		"redis.call('TIME')\nclock[1] = clock[1] + tonumber(redis.call('GET', '"+clockKey+"') or 0)\n", 1))
}

func TestSuspendedNodeAsksAnew(t *testing.T) {
	s := startRedis(t)
	var apart atomic.Int64
	base := time.Now()
	n := startNode(t, Options{URLs: []string{s.url()}, Now: func() (int64, int64) {
		now := time.Now()
		return int64(now.Sub(base)) + 1, now.UnixNano() + apart.Load()
	}})
	l := n.limit(t, Spec{Key: "backend", Count: 100, Window: time.Minute, Reserve: true})
	eventually(t, 30*time.Second, "tokens in hand", func() bool { takes(l, 1); return l.Stats().InHand > 0 })
	apart.Store(int64(time.Hour))
	if _, ok := l.Take(); ok {
		t.Error("a token was taken after the suspension")
	}
	eventually(t, 30*time.Second, "the tokens to be dropped", func() bool { return l.Stats().Stranded > 0 })
	eventually(t, 30*time.Second, "new tokens", func() bool { return takes(l, 1) == 1 })
}

func TestClusterWithoutAnyRedisEverHasNoShare(t *testing.T) {
	n := startNode(t, Options{URLs: []string{"redis://127.0.0.1:1"}})
	l := n.limit(t, Spec{Key: "backend", Count: 100, Window: time.Second, Reserve: true})
	eventually(t, 30*time.Second, "Redis to be known as down", func() bool { return !n.Status().Answers })
	begin := time.Now()
	if _, err := l.Acquire(context.Background()); err == nil {
		t.Error("a node never registered has a token")
	}
	if d := time.Since(begin); d > 400*time.Millisecond {
		t.Errorf("the request waited %v", d)
	}
	if n.Status().LastError == "" {
		t.Error("no error is shown")
	}
}

func TestLeavingNodeGivesBackTokensAndShare(t *testing.T) {
	s := startRedis(t)
	spec := Spec{Key: "backend", Count: 1000, Window: time.Minute, Reserve: true}
	o := Options{URLs: []string{s.url()}}
	first, second := startNode(t, o), startNode(t, o)
	a, b := first.limit(t, spec), second.limit(t, spec)
	eventually(t, 30*time.Second, "both to have shares", func() bool { return a.Stats().Share+b.Stats().Share == 1000 })
	eventually(t, 30*time.Second, "tokens in hand", func() bool { takes(a, 1); return a.Stats().InHand > 0 })
	inHand := a.Stats().InHand
	first.stop()
	if st := a.Stats(); st.InHand != 0 || st.Returned < 1 {
		t.Errorf("%d were in hand: %+v", inHand, st)
	}
	client := s.client()
	defer client.Close()
	state := client.HGetAll(context.Background(), b.leases.store.keys(&spec)[0]).Val()
	if state["n:"+first.options.Node] != "" || state["ret"] == "0" {
		t.Errorf("state after leaving: %v", state)
	}
}

func TestADividedLimitIsEachNodesPartAndAsksRedisForNothing(t *testing.T) {
	s := startRedis(t)
	nodes := []*Leases{}
	for _, l := range startNodes(t, 3, Options{URLs: []string{s.url()}}, Spec{Key: "backend", Count: 90, Window: time.Second, Reserve: true}) {
		nodes = append(nodes, l.leases)
		eventually(t, 30*time.Second, "three nodes", func() bool { p, _ := l.leases.runner.presence.at(0); return p.nodes == 3 })
	}
	keys := map[string]bool{}
	for i := range 50 {
		keys["address"+strconv.Itoa(i)] = true
	}
	for key := range keys {
		for _, n := range nodes {
			l, err := n.Limit(Spec{Key: key, Count: 10, Window: time.Hour, Divided: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := takes(l, 20); got != 4 {
				t.Fatalf("%d taken at a node, want a third of 10, rounded up", got)
			}
		}
	}
	client := s.client()
	defer client.Close()
	if left, _ := client.Keys(t.Context(), "*address*").Result(); len(left) > 0 {
		t.Errorf("Redis knows %v", left)
	}
}

func TestKeysThatComeOnceAskOnceAndTogether(t *testing.T) {
	s := startRedis(t)
	n := startNode(t, Options{URLs: []string{s.url()}})
	eventually(t, 30*time.Second, "the node to be known", func() bool { p, ok := n.runner.presence.at(0); return ok && p.nodes == 1 })
	time.Sleep(1100 * time.Millisecond) // a server that is new grants nothing of longer windows for a second
	before := s.calls()
	var wg sync.WaitGroup
	var ok atomic.Int64
	const keys = 60
	for i := range keys {
		wg.Go(func() {
			l, err := n.Limit(Spec{Key: "user" + strconv.Itoa(i), Count: 10, Window: time.Minute, MaxWait: 3 * time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := l.Acquire(context.Background()); err == nil {
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	if ok.Load() != keys {
		t.Errorf("%d of %d had a token", ok.Load(), keys)
	}
	if calls := s.calls() - before; calls > keys*3/2 {
		t.Errorf("%d calls for %d keys", calls, keys)
	}
}

// Keys of tiers keep no shares in Redis: while all nodes lose it each goes on
// with its part, known keys and new ones, and nobody waits.
func TestKeysOfTiersGoOnWithTheirPartWithoutRedis(t *testing.T) {
	s := startRedis(t)
	o := Options{URLs: []string{s.url()}}
	known := Spec{Key: "known", Count: 40, Window: time.Second}
	limits := startNodes(t, 2, o, Spec{Key: "backend", Count: 100, Window: time.Second, Reserve: true})
	nodes := []*Leases{limits[0].leases, limits[1].leases}
	for _, n := range nodes {
		l, _ := n.Limit(known)
		eventually(t, 30*time.Second, "a token", func() bool { return takes(l, 1) == 1 })
		eventually(t, 30*time.Second, "both nodes to count two", func() bool {
			p, ok := n.runner.presence.at(0)
			return ok && p.nodes == 2 && p.settled
		})
	}
	s.kill()
	for _, n := range nodes {
		eventually(t, 30*time.Second, "Redis to be known as down", func() bool { return !n.Status().Answers })
	}
	for _, key := range []string{"known", "new"} {
		for _, n := range nodes {
			sp := known
			sp.Key = key
			l, _ := n.Limit(sp)
			var c tally
			begin := time.Now()
			eventually(t, 30*time.Second, "tokens of two windows", func() bool {
				if token, err := l.Acquire(context.Background()); err == nil {
					c.add(token)
				}
				return len(c.windows) >= 2 && time.Since(begin) > time.Second
			})
			for w, n := range c.windows {
				if n > 20 {
					t.Errorf("%s: %d of 20 taken in window %d", key, n, w)
				}
			}
		}
	}
	opened, _ := nodes[0].Limit(Spec{Key: "open", Count: 5, Window: time.Minute, OnFailure: Open})
	eventually(t, 30*time.Second, "the open limit to let all pass", func() bool { return takes(opened, 50) == 50 })
	s.start()
	eventually(t, 30*time.Second, "the open limit to be a limit again", func() bool { return takes(opened, 50) < 50 })
}

func TestSharesOfALongWindowComeBackAfterANewRedis(t *testing.T) {
	s := startRedis(t)
	limits := startNodes(t, 2, Options{URLs: []string{s.url()}}, Spec{Key: "backend", Count: 100, Window: time.Hour, Reserve: true})
	for range 2 {
		for _, l := range limits {
			eventually(t, 30*time.Second, "a share", func() bool { return l.Stats().Share == 50 })
		}
		s.kill()
		s.start()
	}
	for _, l := range limits {
		eventually(t, 30*time.Second, "a share", func() bool { return l.Stats().Share == 50 })
	}
}
