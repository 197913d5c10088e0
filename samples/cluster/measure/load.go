package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mgw/samples/internal/harness"
)

// sample is one request. It was due at a time of the schedule, whether or not
// it could be sent then.
type sample struct {
	gateway         int
	due, sent, done time.Time
	status          int
}

// linesEach is how many connections a gateway gets.
const linesEach = 4

// offer sends so many requests a second, spread evenly over the gateways and
// over the time, whether or not earlier ones were answered as long as a
// connection is free.
func offer(ctx context.Context, gateways []*harness.Gateway, path, token string, rate int, d time.Duration) ([]sample, error) {
	n := linesEach * len(gateways)
	lines := make([]*harness.Line, n)
	for i := range lines {
		l, err := harness.OpenLine(ctx, gateways[i%len(gateways)].HTTP, path, token)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		lines[i] = l
	}
	perLine := int(d.Seconds()*float64(rate)) / n
	all, errs := make([][]sample, n), make([]error, n)
	start := time.Now().Add(10 * time.Millisecond)
	var group sync.WaitGroup
	for i, l := range lines {
		group.Go(func() {
			for k := range perLine {
				s := sample{gateway: i % len(gateways), due: start.Add(time.Duration(k*n+i) * time.Second / time.Duration(rate))}
				time.Sleep(time.Until(s.due))
				s.sent = time.Now()
				if s.status, errs[i] = l.Send(); errs[i] != nil || ctx.Err() != nil {
					return
				}
				s.done = time.Now()
				all[i] = append(all[i], s)
			}
		})
	}
	group.Wait()
	return slices.Concat(all...), errors.Join(errs...)
}

// achieved is the rate that a load really had.
func achieved(all []sample) float64 {
	if len(all) == 0 {
		return 0
	}
	first, last := all[0].sent, all[0].done
	for _, s := range all {
		if s.sent.Before(first) {
			first = s.sent
		}
		if s.done.After(last) {
			last = s.done
		}
	}
	return float64(len(all)) / last.Sub(first).Seconds()
}

// quantile of what each request took from when it was sent.
func quantile(all []sample, q float64) time.Duration {
	took := make([]time.Duration, len(all))
	for i, s := range all {
		took[i] = s.done.Sub(s.sent)
	}
	return at(took, q)
}

// at gives a quantile; it sorts.
func at[T int | float64 | time.Duration](all []T, q float64) T {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// allAre checks the statuses of a load.
func allAre(all []sample, status int) error {
	for _, s := range all {
		if s.status != status {
			return fmt.Errorf("a request was answered %d, want %d", s.status, status)
		}
	}
	return nil
}
