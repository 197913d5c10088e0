package limit

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func mustRule(t testing.TB, table *Table, name string, source Source, l Limit) *Rule {
	t.Helper()
	r, err := table.Rule(name, source, l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func counterOf(table *Table, r *Rule, key string) *Counter {
	c := new(Counter)
	table.BindString(c, r, key)
	return c
}

func TestExactlyNPassWithAnyConcurrency(t *testing.T) {
	for _, n := range []int64{1, 5, 1000} {
		for _, a := range []Algorithm{FixedWindow, SlidingWindow, TokenBucket} {
			t.Run(fmt.Sprint(a, n), func(t *testing.T) {
				table := New(Budget{})
				c := counterOf(table, mustRule(t, table, "r", Verified, Limit{Algorithm: a, Count: n, Window: minute}), "k")
				var passed atomic.Int64
				hammer(func(int) {
					charge := table.NewCharge()
					for range 200 {
						if charge.Take(1000*minute, []*Counter{c}).Refused == Passed {
							passed.Add(1)
						}
						charge.Done(1000*minute, 0)
					}
				})
				if passed.Load() != n {
					t.Errorf("%d passed, want %d", passed.Load(), n)
				}
			})
		}
	}
}

func hammer(f func(worker int)) {
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// Requests of two kinds share key a; those of the first are mostly refused by
// b. Whatever they do, a has room for all that can pass, so that no request of
// the second kind may be refused.
func TestRefusedRequestsTakeNothingFromOthersNotEvenForAMoment(t *testing.T) {
	table := New(Budget{})
	const plain, both = 32 * 500, 10
	a := counterOf(table, mustRule(t, table, "a", Verified, Limit{Count: plain + both, Window: minute}), "k")
	b := counterOf(table, mustRule(t, table, "b", Verified, Limit{Count: both, Window: minute}), "k")
	var refused, passed atomic.Int64
	hammer(func(worker int) {
		charge := table.NewCharge()
		for range 500 {
			if worker%2 == 0 {
				if charge.Take(minute, []*Counter{a}).Refused != Passed {
					refused.Add(1)
				}
			} else if charge.Take(minute, []*Counter{a, b}).Refused == Passed {
				passed.Add(1)
			}
			charge.Done(minute, 0)
		}
	})
	if refused.Load() != 0 || passed.Load() != both {
		t.Errorf("%d unjustly refused, %d passed both", refused.Load(), passed.Load())
	}
	if left := table.Look(minute, a).Remaining; left != 0 {
		t.Errorf("%d left of a", left)
	}
}

func TestStepsBackReopenNoWindow(t *testing.T) {
	table := New(Budget{})
	c := counterOf(table, mustRule(t, table, "r", Verified, Limit{Count: 1, Window: minute}), "k")
	charge := table.NewCharge()
	take := func(now int64) bool { return charge.Take(now, []*Counter{c}).Refused == Passed }
	if !take(10*minute) || take(10*minute+1) || !take(11*minute) {
		t.Fatal("windows do not count")
	}
	if take(10*minute + 2) {
		t.Error("an earlier window was open again")
	}
	table.Sweep(12 * minute)
	if !take(11*minute) || take(12*minute) {
		t.Error("after a sweep an earlier time must count in the window of the sweep")
	}
}

func TestMemoryComesBackAfterTheWindows(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const keys = 1_000_000
	table := New(Budget{Address: 1 << 30})
	r := mustRule(t, table, "r", Address, Limit{Count: 5, Window: minute})
	before := heap()
	fill(table, r, 0, keys, 10*minute)
	each := float64(heap()-before) / keys
	t.Logf("%.1f bytes a key", each)
	if each > 64 {
		t.Errorf("%.1f bytes a key", each)
	}
	table.Sweep(11 * minute)
	if left := heap() - before; left > 1<<20 {
		t.Errorf("%d bytes still in use", left)
	}
	if _, s := table.Stats(); s.Keys != 0 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	runtime.KeepAlive(table)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// fill uses each of n keys once.
func fill(table *Table, r *Rule, from, n int, now int64) {
	charge := table.NewCharge()
	var key [8]byte
	c := new(Counter)
	for i := from; i < from+n; i++ {
		binary.LittleEndian.PutUint64(key[:], uint64(i))
		table.Bind(c, r, key[:])
		charge.Take(now, []*Counter{c})
		charge.Done(now, 0)
	}
}

func TestFloodOfKeysLiftsNoLimitAndKeepsTheBudget(t *testing.T) {
	keys := 10_000_000
	if testing.Short() || raceEnabled {
		keys = 100_000
	}
	table := New(Budget{Verified: 4 << 20, Address: 4 << 20})
	limited := mustRule(t, table, "limited", Address, Limit{Count: 5, Window: minute})
	other := mustRule(t, table, "other", Address, Limit{Count: 500, Window: minute})
	now := 10 * minute
	victim := counterOf(table, limited, "victim")
	trusted := counterOf(table, mustRule(t, table, "trusted", Verified, Limit{Count: 5, Window: minute}), "app")
	charge := table.NewCharge()
	take := func(c *Counter) bool { return charge.Take(now, []*Counter{c}).Refused == Passed }
	for range 5 {
		if !take(victim) || !take(trusted) {
			t.Fatal("refused below the limit")
		}
	}
	before := heap()
	for i := 0; i < keys; i += keys / 10 {
		fill(table, other, i, keys/10, now)
		fill(table, limited, i, 1000, now)
		if take(victim) || take(counterOf(table, limited, "victim")) || take(trusted) {
			t.Fatalf("a limit was lifted after %d keys", i)
		}
	}
	verified, address := table.Stats()
	if grown := heap() - before; grown > 5<<20 || address.Bytes > 4<<20 {
		t.Errorf("heap grew by %d, table takes %d", grown, address.Bytes)
	}
	if address.Keys > address.Capacity || address.Evicted == 0 || verified.Evicted != 0 {
		t.Errorf("address %+v, verified %+v", address, verified)
	}
}

func TestNewKeysStartFromWhatEvictedOnesHadSpent(t *testing.T) {
	for _, a := range []Algorithm{FixedWindow, SlidingWindow, TokenBucket} {
		table := New(Budget{})
		r := mustRule(t, table, "r", Address, Limit{Algorithm: a, Count: 3, Window: minute})
		now := 10 * minute
		capacity := 64 * minPerShard
		fill(table, r, 0, capacity+capacity/8, now) // each once; some are evicted
		fill(table, r, 0, capacity/8, now)
		passed := 0
		charge := table.NewCharge()
		c := counterOf(table, r, "new")
		for charge.Take(now, []*Counter{c}).Refused == Passed {
			passed++
		}
		if passed > 2 {
			t.Errorf("algorithm %d: a new key could have been one used before, and passed %d of 3 times", a, passed)
		}
		if charge.Take(now+3*minute, []*Counter{c}).Refused != Passed {
			t.Errorf("algorithm %d: not forgotten after the window", a)
		}
	}
}

func TestWhatIsInFlightIsNeverGivenUp(t *testing.T) {
	table := New(Budget{})
	flying := counterOf(table, mustRule(t, table, "c", Address, Limit{Algorithm: Concurrency, Count: 2}), "k")
	held := table.NewCharge()
	if held.Take(minute, []*Counter{flying}).Refused != Passed {
		t.Fatal("refused")
	}
	// Each of these has spent more of its limit, so that it is in the way less.
	fill(table, mustRule(t, table, "r", Address, Limit{Count: 1, Window: minute}), 0, 64*minPerShard*5/4, minute)
	table.Sweep(100 * minute)
	if left := table.Look(minute, flying).Remaining; left != 1 {
		t.Errorf("%d left of two with one in flight", left)
	}
	held.Done(minute, 0)
	held.Done(minute, 0)
	if left := table.Look(minute, flying).Remaining; left != 2 {
		t.Errorf("%d left of two after the release", left)
	}
}

func TestABucketThatWasFullSinceTakesNoRefund(t *testing.T) {
	table := New(Budget{})
	c := counterOf(table, mustRule(t, table, "r", Verified, Limit{Algorithm: TokenBucket, Count: 2, Window: minute}), "k")
	late, charge := table.NewCharge(), table.NewCharge()
	late.Take(minute, []*Counter{c})
	for range 2 {
		if charge.Take(3*minute, []*Counter{c}).Refused != Passed {
			t.Fatal("refused")
		}
	}
	late.Refund(3 * minute)
	if charge.Take(3*minute, []*Counter{c}).Refused == Passed {
		t.Error("three at once")
	}
}

func TestRequestsThatOvertakeOneAnotherAreNotRefusedForIt(t *testing.T) {
	for _, a := range []Algorithm{FixedWindow, SlidingWindow, TokenBucket} {
		table := New(Budget{})
		c := counterOf(table, mustRule(t, table, "r", Verified, Limit{Algorithm: a, Count: 3, Window: minute}), "k")
		charge := table.NewCharge()
		for i := range int64(3) {
			if charge.Take(10*minute+100-i, []*Counter{c}).Refused != Passed {
				t.Errorf("algorithm %d: request %d refused", a, i)
			}
		}
	}
}

// Everything at once over few keys at the memory bound: nothing is lost, and
// the race detector is content.
func TestTableInUproar(t *testing.T) {
	table := New(Budget{})
	few := mustRule(t, table, "few", Address, Limit{Count: 1 << 20, Window: minute})
	flight := mustRule(t, table, "flight", Address, Limit{Algorithm: Concurrency, Count: 8})
	sliding := mustRule(t, table, "sliding", Address, Limit{Algorithm: SlidingWindow, Count: 1 << 20, Window: minute})
	var now, inFlight, passed atomic.Int64
	now.Store(minute)
	hammer(func(worker int) {
		charge := table.NewCharge()
		own := counterOf(table, sliding, fmt.Sprint("own", worker))
		for i := range 300 {
			list := []*Counter{
				counterOf(table, few, fmt.Sprint(i%3)), own,
				counterOf(table, few, fmt.Sprint("flood", worker, i)), counterOf(table, flight, "all"),
			}
			d := charge.Take(now.Load(), list)
			if d.Refused == Passed {
				passed.Add(1)
				if n := inFlight.Add(1); n > 8 {
					t.Errorf("%d in flight", n)
				}
				inFlight.Add(-1)
				if i%5 == 0 {
					charge.Refund(now.Load())
				}
			}
			charge.Done(now.Load(), 0)
			if i%50 == 0 {
				table.Sweep(now.Add(minute / 4))
				table.Look(now.Load(), own)
				table.Stats()
			}
		}
	})
	if passed.Load() == 0 {
		t.Error("nothing passed")
	}
	table.Sweep(now.Load() + 10*minute)
	if _, s := table.Stats(); s.Keys != 0 {
		t.Errorf("%d keys left", s.Keys)
	}
}

// A counter may remember a place that another key of the same request has by
// now, and holds.
func TestAnOldPlaceIsNotLetGoForTheNewKeyInIt(t *testing.T) {
	table := New(Budget{})
	r := mustRule(t, table, "r", Verified, Limit{Count: 5, Window: minute})
	charge := table.NewCharge()
	old := counterOf(table, r, "old")
	charge.Take(minute, []*Counter{old})
	place := old.at.Load()
	table.Sweep(2 * minute)
	next := new(Counter)
	for i := 0; next.at.Load() != place; i++ {
		next = counterOf(table, r, fmt.Sprint(i))
		charge.Take(2*minute, []*Counter{next})
	}
	s := table.at(next, charge.claim)
	if table.at(old, charge.claim) != nil || !table.claims.held(s.owner.Load()) {
		t.Error("the slot of the new key is not locked any more")
	}
}

// A pool may forget charges at any time; what they locked with is used again.
func TestForgottenChargesLeaveNothingBehind(t *testing.T) {
	table := New(Budget{})
	c := counterOf(table, mustRule(t, table, "r", Verified, Limit{Count: 1 << 20, Window: minute}), "k")
	hammer(func(worker int) {
		for i := range 20 {
			table.NewCharge().Take(minute, []*Counter{c})
			if i == worker%20 {
				runtime.GC()
			}
		}
	})
	if used := 1<<20 - table.Look(minute, c).Remaining; used != 20*64 {
		t.Errorf("%d uses counted", used)
	}
	table.claims.mu.Lock()
	defer table.claims.mu.Unlock()
	if table.claims.count == 20*64 {
		t.Error("no claim was used twice")
	}
}
