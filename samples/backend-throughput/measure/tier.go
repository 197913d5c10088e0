package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"mgw/samples/internal/harness"
)

// tierLimit is what the tier of /labels lets through in a minute.
const tierLimit = 10

// tier sends sixty requests in a minute to three gateways that share a tier by
// leases: in turn, to one after the other, and to whichever chance picks.
func tier(ctx context.Context, b *bench) (err error) {
	const nodes, requests = 3, 60
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.Kill()) }()
	f, err := b.Start(ctx, nodes, func(int) string { return redis.Address }, "--throttlingConfig.clusterMode=lease")
	defer func() { err = errors.Join(err, f.End()) }()
	if err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		pick func(request int) int
	}{
		{"in turn", func(n int) int { return n % nodes }},
		{"one gateway after the other", func(n int) int { return n * nodes / requests }},
		{"at random", func(int) int { return rand.IntN(nodes) }},
	} {
		if err := f.Backend.Reset(ctx); err != nil {
			return err
		}
		time.Sleep(harness.UntilWindow(time.Now(), time.Minute, time.Minute)) // a new one each time
		answers := map[int]int{}
		for n := range requests {
			g := f.Gateways[way.pick(n)]
			a, err := harness.Request{URL: g.HTTP + "/stock/labels"}.Send(ctx)
			if err != nil {
				return err
			}
			answers[a.Status]++
			time.Sleep(100 * time.Millisecond)
		}
		counts, err := f.Backend.Counts(ctx, "/labels")
		if err != nil {
			return err
		}
		b.say("%s: %d of %d requests reached the backend, answers %v", way.name, counts.Reached, requests, answers)
		if counts.Reached != tierLimit {
			return fmt.Errorf("%s: %d reached the backend, want %d", way.name, counts.Reached, tierLimit)
		}
	}
	return nil
}
