package lease

import (
	"slices"
	"testing"
	"time"
)

// inHand gives a limit that never runs dry, without anything running.
func inHand(t testing.TB, s Spec) *Limit {
	t.Helper()
	ls, err := New(Options{URLs: []string{"redis://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ls.store.client.Close() })
	l, err := ls.Limit(s)
	if err != nil {
		t.Fatal(err)
	}
	mono, _ := ls.now()
	l.hot.slots[0].fill(maxSlot, mono+int64(time.Hour), 7)
	return l
}

func BenchmarkTake(b *testing.B) {
	l := inHand(b, Spec{Key: "k", Count: 1000, Window: time.Second})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := l.Take(); !ok {
			b.Fatal("no token")
		}
	}
}

func BenchmarkTakeParallel(b *testing.B) {
	l := inHand(b, Spec{Key: "k", Count: 1000, Window: time.Second})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Take()
		}
	})
}

func BenchmarkTakeNothingLeft(b *testing.B) {
	l := inHand(b, Spec{Key: "k", Count: 1000, Window: time.Second})
	l.hot.slots[0].drain()
	l.hot.quiet.Store(never)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := l.Take(); ok {
			b.Fatal("a token")
		}
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	l := inHand(t, Spec{Key: "k", Count: 1000, Window: time.Second})
	if n := testing.AllocsPerRun(1000, func() {
		token, _ := l.Take()
		l.Return(token)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTakeWithTokensInHandIsFast(t *testing.T) {
	if raceEnabled {
		t.Skip("not a measurement with the race detector")
	}
	l := inHand(t, Spec{Key: "k", Count: 1000, Window: time.Second})
	times := make([]time.Duration, 100_000)
	for i := range times {
		begin := time.Now()
		l.Take()
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	p50, p99 := times[len(times)/2], times[len(times)*99/100]
	t.Logf("p50 %v, p99 %v", p50, p99)
	if p99 > 5*time.Microsecond {
		t.Errorf("p99 is %v", p99)
	}
}
