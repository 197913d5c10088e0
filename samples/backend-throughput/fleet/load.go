package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mgw/samples/internal/harness"
)

// Plan says when each gateway gets its requests, counted from the begin.
type Plan [][]time.Duration

// NewPlan makes a plan of what each gateway is to get in a second, at each
// moment.
func NewPlan(gateways int, length time.Duration, rate func(gateway int, at time.Duration) float64) Plan {
	const step = time.Millisecond
	plan := make(Plan, gateways)
	for i := range plan {
		due := float64(i) / float64(gateways) // not all at the same moment
		for at := time.Duration(0); at < length; at += step {
			for due += rate(i, at) * step.Seconds(); due >= 1; due-- {
				plan[i] = append(plan[i], at)
			}
		}
	}
	return plan
}

// Shot is one request and what came of it.
type Shot struct {
	Gateway    int
	Sent, Done time.Time
	Status     int
}

// linesEach is how many connections a gateway gets: so many requests may be
// under way there.
const linesEach = 16

// Offer sends requests as planned, whether or not earlier ones were answered as
// long as a connection is free. An empty token is none.
func Offer(ctx context.Context, gateways []*harness.Gateway, path, token string, plan Plan) ([]Shot, error) {
	var lines []*harness.Line
	defer func() {
		for _, l := range lines {
			l.Close()
		}
	}()
	for i := range linesEach * len(gateways) {
		l, err := harness.OpenLine(ctx, gateways[i%len(gateways)].HTTP, path, token)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	next := make([]atomic.Int64, len(gateways))
	shots, errs := make([][]Shot, len(lines)), make([]error, len(lines))
	start := time.Now().Add(10 * time.Millisecond)
	var group sync.WaitGroup
	for i, l := range lines {
		group.Go(func() {
			g := i % len(gateways)
			for ctx.Err() == nil {
				n := int(next[g].Add(1)) - 1
				if n >= len(plan[g]) {
					return
				}
				time.Sleep(time.Until(start.Add(plan[g][n])))
				s := Shot{Gateway: g, Sent: time.Now()}
				if s.Status, errs[i] = l.Send(); errs[i] != nil {
					return
				}
				s.Done = time.Now()
				shots[i] = append(shots[i], s)
			}
		})
	}
	group.Wait()
	return slices.Concat(shots...), errors.Join(append(errs, ctx.Err())...)
}
