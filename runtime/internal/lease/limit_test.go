package lease

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeTime is a node's clocks, moved by the test.
type fakeTime struct{ mono, apart atomic.Int64 }

func newFakeTime() *fakeTime {
	f := &fakeTime{}
	f.mono.Store(1)
	return f
}

const wallBegin = int64(1_800_000_000e9)

func (f *fakeTime) now() (int64, int64) {
	mono := f.mono.Load()
	return mono, wallBegin + mono + f.apart.Load()
}

func (f *fakeTime) add(d time.Duration) { f.mono.Add(int64(d)) }

// perNode gives a limit without Redis on a clock of the test's.
func perNode(t *testing.T, s Spec) (*Limit, *fakeTime) {
	t.Helper()
	f := newFakeTime()
	ls, err := New(Options{Now: f.now})
	if err != nil {
		t.Fatal(err)
	}
	if !ls.PerNode() {
		t.Fatal("not per node")
	}
	l, err := ls.Limit(s)
	if err != nil {
		t.Fatal(err)
	}
	return l, f
}

// takes counts the tokens that are had at once.
func takes(l *Limit, most int) (n int) {
	for ; n < most; n++ {
		if _, ok := l.Take(); !ok {
			return n
		}
	}
	return n
}

func TestWithoutRedisTheLimitIsOfTheNode(t *testing.T) {
	l, f := perNode(t, Spec{Key: "k", Count: 10, Window: time.Second})
	f.add(400 * time.Millisecond)
	if n := takes(l, 100); n != 10 {
		t.Errorf("%d taken", n)
	}
	if d := l.RetryAfter(); d <= 500*time.Millisecond || d > 600*time.Millisecond {
		t.Errorf("retry after %v", d)
	}
	f.add(500 * time.Millisecond)
	if n := takes(l, 100); n != 0 {
		t.Errorf("%d taken late in the window", n)
	}
	f.add(100 * time.Millisecond)
	if n := takes(l, 100); n != 10 {
		t.Errorf("%d taken in the next window", n)
	}
	if st := l.Stats(); st.Taken != 20 || st.Granted != 20 || st.Calls != 0 {
		t.Errorf("%+v", st)
	}
}

func TestWithoutRedisTheSmoothShapeHoldsItsBound(t *testing.T) {
	l, f := perNode(t, Spec{Key: "k", Count: 100, Window: time.Second, Smooth: true})
	total, most := 0, 0
	for range 1000 {
		f.add(2 * time.Millisecond)
		n := takes(l, 100)
		total, most = total+n, max(most, n)
	}
	if total < 199 || total > 205 || most > 5 {
		t.Errorf("%d in two seconds, %d at once", total, most)
	}
}

func TestALimitOfNoneLetsNothingPass(t *testing.T) {
	for _, smooth := range []bool{false, true} {
		l, f := perNode(t, Spec{Key: "k", Window: time.Second, Smooth: smooth})
		for range 10 {
			f.add(300 * time.Millisecond)
			if n := takes(l, 10); n != 0 {
				t.Errorf("smooth %v: %d taken", smooth, n)
			}
		}
	}
}

func TestTokensReturnedAreTakenAgainInTheirWindowOnly(t *testing.T) {
	l, f := perNode(t, Spec{Key: "k", Count: 2, Window: time.Second})
	a, _ := l.Take()
	l.Take()
	l.Return(a)
	if n := takes(l, 10); n != 1 {
		t.Errorf("%d taken after a return", n)
	}
	f.add(time.Second)
	l.Take()
	l.Return(a)
	if n := takes(l, 10); n != 1 {
		t.Errorf("%d taken: an old window's token counted", n)
	}
	l.Return(Token{})
}

func TestManyTakersNeverTakeMoreThanThereIs(t *testing.T) {
	l, _ := perNode(t, Spec{Key: "k", Count: 5000, Window: time.Hour})
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				if token, ok := l.Take(); ok {
					taken.Add(1)
					if token.Window%3 == 1 {
						l.Return(token)
						taken.Add(-1)
					}
				}
			}
		})
	}
	wg.Wait()
	if taken.Load() > 5000 || taken.Load() == 0 {
		t.Errorf("%d taken", taken.Load())
	}
}

func TestLimitsThatCannotBeKeptAreRefused(t *testing.T) {
	ls, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Spec{
		"no key":            {Count: 1, Window: time.Second},
		"negative":          {Key: "k", Count: -1, Window: time.Second},
		"vast":              {Key: "k", Count: maxCount + 1, Window: time.Second},
		"no window":         {Key: "k", Count: 1},
		"part of a milli":   {Key: "k", Count: 1, Window: time.Second + time.Microsecond},
		"window of decades": {Key: "k", Count: 1, Window: 24 * 366 * 2 * time.Hour},
		"divided twice":     {Key: "k", Count: 1, Window: time.Second, Divided: true, Reserve: true},
		"fallback":          {Key: "k", Count: 1, Window: time.Second, OnFailure: "maybe"},
	} {
		if _, err := ls.Limit(s); !errors.Is(err, errSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{OnFailure: "maybe"}); err == nil {
		t.Error("a fallback that does not exist was accepted")
	}
	for _, bad := range []string{"http://h", "redis://h:port", "redis://u:secret@h?x=y", "://"} {
		if _, err := New(Options{URLs: []string{bad}}); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}

func TestWaitingRequestsAreServedInOrder(t *testing.T) {
	n := startNode(t, Options{})
	l := n.limit(t, Spec{Key: "k", Count: 3, Window: 200 * time.Millisecond, MaxWait: 5 * time.Second})
	for takes(l, 100) == 0 {
	}
	var order []int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 9 {
		eventually(t, 30*time.Second, "the queue to grow", func() bool { return l.waiting.Load() >= 1 || i == 0 })
		wg.Go(func() {
			if _, err := l.Acquire(context.Background()); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
		})
		time.Sleep(3 * time.Millisecond) // so that requests come one after the other
	}
	wg.Wait()
	for i, v := range order {
		if v/3 != i/3 { // tokens of a window are handed out together
			t.Errorf("served in order %v", order)
			break
		}
	}
}

func TestWaitingEndsWithTheRequestAndWithPatience(t *testing.T) {
	n := startNode(t, Options{})
	l := n.limit(t, Spec{Key: "k", Count: 0, Window: time.Hour, MaxWait: 30 * time.Millisecond})
	if _, err := l.Acquire(context.Background()); !errors.Is(err, ErrSpent) {
		t.Errorf("out of patience: %v", err)
	}
	long := n.limit(t, Spec{Key: "long", Count: 0, Window: time.Hour, MaxWait: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for long.waiting.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := long.Acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("client gone: %v", err)
	}
	if long.waiting.Load() != 0 {
		t.Error("still in the queue")
	}
	done := make(chan error, 1)
	go func() { _, err := long.Acquire(context.Background()); done <- err }()
	eventually(t, 30*time.Second, "the request to wait", func() bool { return long.waiting.Load() == 1 })
	n.stop()
	if err := <-done; !errors.Is(err, ErrSpent) {
		t.Errorf("at the end: %v", err)
	}
}
