package lease

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The dialler of go-redis sleeps for up to a second after its client was closed.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// node is a gateway's leases, running.
type node struct {
	*Leases
	stop func()
}

func startNode(t testing.TB, o Options, prepare ...func(*Leases)) *node {
	t.Helper()
	ls, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(ls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { ls.Run(ctx); close(done) }()
	n := &node{Leases: ls, stop: sync.OnceFunc(func() { cancel(); <-done })}
	t.Cleanup(n.stop)
	return n
}

func (n *node) limit(t testing.TB, s Spec) *Limit {
	t.Helper()
	l, err := n.Limit(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// startNodes starts n nodes with a limit and waits until they know each other.
func startNodes(t testing.TB, n int, o Options, s Spec, prepare ...func(*Leases)) []*Limit {
	t.Helper()
	limits := make([]*Limit, n)
	for i := range limits {
		limits[i] = startNode(t, o, prepare...).limit(t, s)
	}
	for _, l := range limits {
		eventually(t, 30*time.Second, "the nodes to see each other", func() bool {
			st := l.Stats()
			return st.Nodes == int64(n) && (!s.Reserve || st.Share == s.Count/int64(n))
		})
	}
	return limits
}

// tally counts tokens by window.
type tally struct {
	mu      sync.Mutex
	windows map[int64]int64
	taken   atomic.Int64
}

func (c *tally) add(t Token) {
	c.taken.Add(1)
	c.mu.Lock()
	if c.windows == nil {
		c.windows = map[int64]int64{}
	}
	c.windows[t.Window]++
	c.mu.Unlock()
}

// offer makes requests at a rate until ctx ends.
func offer(ctx context.Context, wg *sync.WaitGroup, l *Limit, rate func() float64, got func(Token)) {
	wg.Go(func() {
		begin, sent := time.Now(), 0.0
		due := 0.0
		for ctx.Err() == nil {
			time.Sleep(time.Millisecond)
			now := time.Since(begin).Seconds()
			due += rate() * (now - sent)
			sent = now
			for ; due >= 1; due-- {
				wg.Go(func() {
					if t, err := l.Acquire(ctx); err == nil {
						got(t)
					}
				})
			}
		}
	})
}

func constant(rate float64) func() float64 { return func() float64 { return rate } }

func TestTheClusterNeverTakesMoreThanTheLimitInAWindow(t *testing.T) {
	s := startRedis(t)
	spec := Spec{Key: "backend", Count: 1000, Window: time.Second, Reserve: true}
	const nodes = 5
	// What a call is granted whose answer comes too late is lost: that is what a
	// busy machine must not make of this test.
	limits := startNodes(t, nodes, Options{URLs: []string{s.url()}, Timeout: 2 * time.Second}, spec)
	for name, rate := range map[string]func(i int) func() float64{
		"evenly": func(int) func() float64 { return constant(3000.0 / nodes) },
		"nine tenths at one": func(i int) func() float64 {
			return constant(map[bool]float64{true: 2700, false: 300.0 / (nodes - 1)}[i == 0])
		},
		"four fifths of limit": func(i int) func() float64 {
			return constant(map[bool]float64{true: 720, false: 80.0 / (nodes - 1)}[i == 0])
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c tally
			ctx, cancel := context.WithTimeout(context.Background(), 3500*time.Millisecond)
			defer cancel()
			var wg sync.WaitGroup
			before := s.calls()
			for i, l := range limits {
				offer(ctx, &wg, l, rate(i), c.add)
			}
			wg.Wait()
			t.Logf("taken %v, %d calls in 3.5 s", c.windows, s.calls()-before)
			for w, n := range c.windows {
				if n > spec.Count {
					t.Errorf("window %d: %d taken", w, n)
				}
			}
			if c.taken.Load() < 1000 {
				t.Errorf("only %d taken", c.taken.Load())
			}
		})
	}
}
