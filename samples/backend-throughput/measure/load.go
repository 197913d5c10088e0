package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"mgw/samples/backend-throughput/fleet"
)

// shape gives what a gateway gets in a second, in parts of the limit.
type shape func(gateways, gateway int, at time.Duration) float64

// evenly spreads so many times the limit.
func evenly(times float64) shape {
	return func(gateways, _ int, _ time.Duration) float64 { return times / float64(gateways) }
}

// skewed puts nine tenths on one gateway, on another every four seconds.
func skewed(times float64) shape {
	return func(gateways, gateway int, at time.Duration) float64 {
		if gateway == int(at/(4*time.Second))%gateways {
			return 0.9 * times
		}
		return 0.1 * times / float64(gateways-1)
	}
}

func bursts(gateways, _ int, at time.Duration) float64 {
	if at%(2*time.Second) < 300*time.Millisecond {
		return 10 / float64(gateways)
	}
	return 0.5 / float64(gateways)
}

func (b *bench) plan(s shape, length time.Duration) fleet.Plan {
	return fleet.NewPlan(b.gateways, length, func(gateway int, at time.Duration) float64 {
		return s(b.gateways, gateway, at) * float64(b.Limit)
	})
}

// loaded is a part that drives one load against gateways that share a Redis.
func loaded(path string, s shape) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) (err error) {
		redis, err := b.StartRedis(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, redis.Kill()) }()
		f, err := b.Start(ctx, b.gateways, func(int) string { return redis.Address })
		defer func() { err = errors.Join(err, f.End()) }()
		if err != nil {
			return err
		}
		operation := path[len("/stock"):]
		calls, err := redis.Calls(ctx)
		if err != nil {
			return err
		}
		before, err := f.Sum(ctx, operation)
		if err != nil {
			return err
		}
		shots, err := fleet.Offer(ctx, f.Gateways, path, "", b.plan(s, b.length))
		if err != nil {
			return err
		}
		after, err := f.Sum(ctx, operation)
		if err != nil {
			return err
		}
		calls, err = since(ctx, redis, calls)
		if err != nil {
			return err
		}
		counts, err := f.Backend.Counts(ctx, operation)
		if err != nil {
			return err
		}
		b.tell(shots, counts)
		b.say("leases: granted %d, taken %d, returned %d, stranded %d; calls failed %d, answered late %d",
			after.Granted-before.Granted, after.Taken-before.Taken, after.Returned-before.Returned, after.Stranded-before.Stranded,
			after.Failures-before.Failures, after.Late-before.Late)
		took := lasted(shots).Seconds()
		b.say("%.0f calls a second about this limit, %.0f about all five", float64(after.Calls-before.Calls)/took, float64(calls)/took)
		return nil
	}
}

func since(ctx context.Context, redis *fleet.Redis, before int64) (int64, error) {
	now, err := redis.Calls(ctx)
	return now - before, err
}

// tell prints what came of a load.
func (b *bench) tell(shots []fleet.Shot, counts fleet.Counts) {
	offered := map[int64]int64{}
	var passed int64
	var took []time.Duration
	for _, s := range shots {
		offered[s.Sent.Unix()]++
		took = append(took, s.Done.Sub(s.Sent))
		if s.Status == 200 {
			passed++
		}
	}
	slices.Sort(took)
	all, saturated := shares(offered, counts.Windows, int64(b.Limit))
	b.say("offered %d in %v (%.0f a second), answered 200 %d, reached the backend %d", len(shots), lasted(shots).Round(time.Millisecond),
		float64(len(shots))/lasted(shots).Seconds(), passed, counts.Reached)
	b.say("most taken in a window %d, most in a second of the backend's clock %d, in any second of it %d",
		most(counts.Windows), most(counts.Seconds), counts.Busiest)
	if len(all) > 0 {
		b.say("served, %% of min(offered, limit), window by window: %.0f", percent(all))
		b.say("served of min(offered, limit): mean %.2f %%, worst window %.2f %%; %d saturated windows: mean %.2f %%, worst %.2f %%",
			100*mean(all), 100*slices.Min(append(all, 1)), len(saturated), 100*mean(saturated), 100*slices.Min(append(saturated, 1)))
	}
	b.say("requests took p50 %v, p99 %v, most %v", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// lasted is how long a load took: longer than planned where gateways answered
// too slowly for its connections.
func lasted(shots []fleet.Shot) time.Duration {
	first, last := shots[0].Sent, shots[0].Done
	for _, s := range shots {
		if s.Sent.Before(first) {
			first = s.Sent
		}
		if s.Done.After(last) {
			last = s.Done
		}
	}
	return last.Sub(first)
}

// shares gives the served share of each window that was loaded from begin to
// end, and of those that were offered more than the limit.
func shares(offered, windows map[int64]int64, limit int64) (all, saturated []float64) {
	var seconds []int64
	for second := range offered {
		seconds = append(seconds, second)
	}
	slices.Sort(seconds)
	if len(seconds) < 3 {
		return nil, nil
	}
	for _, s := range seconds[1 : len(seconds)-1] {
		share := float64(windows[s]) / float64(min(offered[s], limit))
		all = append(all, share)
		if offered[s] >= limit {
			saturated = append(saturated, share)
		}
	}
	return all, saturated
}

func percent(shares []float64) (all []float64) {
	for _, s := range shares {
		all = append(all, 100*s)
	}
	return all
}

func most(counts map[int64]int64) (n int64) {
	for _, c := range counts {
		n = max(n, c)
	}
	return n
}

func mean(all []float64) (sum float64) {
	for _, v := range all {
		sum += v / float64(len(all))
	}
	return sum
}
