package limit

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

const minute = int64(time.Minute)

// countersFor gives a counter of each algorithm, none of which is ever spent.
func countersFor(b *testing.B, t *Table, key string, algorithms []Algorithm) []*Counter {
	var counters []*Counter
	for i, a := range algorithms {
		r := mustRule(b, t, fmt.Sprint("r", i), Verified, Limit{Algorithm: a, Count: 1 << 30, Window: minute})
		counters = append(counters, counterOf(t, r, key))
	}
	return counters
}

func bench(b *testing.B, algorithms ...Algorithm) {
	b.ReportAllocs()
	t := New(Budget{})
	counters := countersFor(b, t, "key", algorithms)
	charge := t.NewCharge()
	now := 1000 * minute
	for b.Loop() {
		now += 100
		if d := charge.Take(now, counters); d.Refused != Passed {
			b.Fatal(d)
		}
		charge.Done(now, 0)
	}
}

func BenchmarkFiveFixedWindows(b *testing.B) {
	bench(b, FixedWindow, FixedWindow, FixedWindow, FixedWindow, FixedWindow)
}

// Each core has keys of its own: the time for one falls with their number.
func BenchmarkFiveFixedWindowsOnAllCores(b *testing.B) {
	b.ReportAllocs()
	t := New(Budget{})
	var cores atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		five := make([]Algorithm, 5)
		counters := countersFor(b, t, fmt.Sprint("key", cores.Add(1)), five)
		charge := t.NewCharge()
		now := 1000 * minute
		for pb.Next() {
			now += 100
			charge.Take(now, counters)
			charge.Done(now, 0)
		}
	})
}

// A key that has to be looked up first, among a million.
func BenchmarkLookUp(b *testing.B) {
	b.ReportAllocs()
	t := New(Budget{Address: 1 << 30})
	r := mustRule(b, t, "r", Address, Limit{Count: 1 << 30, Window: minute})
	fill(t, r, 0, 1<<20, minute)
	charge := t.NewCharge()
	var key [8]byte
	c := new(Counter)
	counters := []*Counter{c}
	n := uint64(0)
	for b.Loop() {
		n += 0x9E3779B97F4A7C15
		binary.LittleEndian.PutUint64(key[:], n>>44)
		t.Bind(c, r, key[:])
		charge.Take(minute, counters)
		charge.Done(minute, 0)
	}
}

func BenchmarkFiveMixed(b *testing.B) {
	bench(b, FixedWindow, SlidingWindow, TokenBucket, FixedWindow, Concurrency)
}
