package limit

import (
	"fmt"
	"testing"
	"time"
)

const minute = int64(time.Minute)

func bench(b *testing.B, algorithms ...Algorithm) {
	b.ReportAllocs()
	t := New(Budget{1 << 20, 1 << 20})
	var counters []*Counter
	for i, a := range algorithms {
		r, err := t.Rule(fmt.Sprint("r", i), Verified, Limit{Algorithm: a, Count: 1 << 30, Window: minute})
		if err != nil {
			b.Fatal(err)
		}
		c := new(Counter)
		t.BindString(c, r, fmt.Sprint("key", i))
		counters = append(counters, c)
	}
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

func BenchmarkFiveMixed(b *testing.B) {
	bench(b, FixedWindow, SlidingWindow, TokenBucket, FixedWindow, Concurrency)
}
