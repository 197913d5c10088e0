package lease

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTheSmoothShapeHoldsItsBoundAcrossNodes(t *testing.T) {
	s := startRedis(t)
	spec := Spec{Key: "backend", Count: 500, Window: time.Second, Smooth: true, Reserve: true}
	limits := startNodes(t, 3, Options{URLs: []string{s.url()}}, spec)
	var mu sync.Mutex
	var times []int64
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	begin := time.Now()
	for _, l := range limits {
		wg.Go(func() {
			for ctx.Err() == nil {
				before := int64(time.Since(begin))
				if _, ok := l.Take(); ok {
					mu.Lock()
					times = append(times, before)
					mu.Unlock()
					continue
				}
				time.Sleep(500 * time.Microsecond)
			}
		})
	}
	wg.Wait()
	slices.Sort(times)
	const margin = 25 // taken by a goroutine that was not running between reading the clock and taking
	bound := 500 + 25 + 20 + margin
	first, most := 0, 0
	for last := range times {
		for times[last]-times[first] >= int64(time.Second) {
			first++
		}
		most = max(most, last-first+1)
	}
	t.Logf("%d taken in 3 s, at most %d in a second", len(times), most)
	if most > bound {
		t.Errorf("%d in a second, bound %d", most, bound)
	}
	if len(times) < 500 {
		t.Errorf("only %d taken", len(times))
	}
}
