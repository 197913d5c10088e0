package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mgw/samples/backend-throughput/fleet"
)

// event is something that happens during a load.
type event struct {
	at   time.Duration
	what string
	do   func() error
}

// second is what a window of the load came to.
type second struct {
	offered, passed, cutOff int64
	slowest                 time.Duration
}

// failures drives three times the limit evenly while Redis and the network
// fail, and prints each window.
func failures(ctx context.Context, b *bench) (err error) {
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.Kill()) }()
	relays := make([]*fleet.Relay, b.gateways)
	for i := range relays {
		if relays[i], err = fleet.NewRelay(redis.Address); err != nil {
			return err
		}
		defer relays[i].Close()
	}
	f, err := b.Start(ctx, b.gateways, func(gateway int) string { return relays[gateway].Address })
	defer func() { err = errors.Join(err, f.End()) }()
	if err != nil {
		return err
	}
	slow := func(d time.Duration) func() error {
		return func() error {
			for _, r := range relays {
				r.Delay(d / 2)
			}
			return nil
		}
	}
	cut := func(cut bool) func() error {
		return func() error { relays[0].Cut(cut); return nil }
	}
	events := []event{
		{3 * time.Second, "Redis hangs (SIGSTOP)", redis.Freeze},
		{7 * time.Second, "Redis goes on (SIGCONT)", redis.Thaw},
		{10 * time.Second, "Redis is killed", redis.Kill},
		{14 * time.Second, "Redis is started again, empty", func() error { return redis.Restart(ctx) }},
		{18 * time.Second, "Redis answers after 100 ms", slow(100 * time.Millisecond)},
		{22 * time.Second, "Redis answers at once", slow(0)},
		{25 * time.Second, "gateway 1 is cut off from Redis", cut(true)},
		{29 * time.Second, "gateway 1 reaches Redis again", cut(false)},
	}
	happened := make(chan error, 1)
	begin := time.Now()
	go func() { happened <- run(ctx, begin, events) }()
	shots, err := fleet.Offer(ctx, f.Gateways, "/stock/levels", "", b.plan(evenly(3), 33*time.Second))
	if err := errors.Join(err, <-happened); err != nil {
		return err
	}
	counts, err := f.Backend.Counts(ctx, "/levels")
	if err != nil {
		return err
	}
	b.timeline(begin, events, shots, counts)
	return nil
}

func run(ctx context.Context, begin time.Time, events []event) error {
	for _, e := range events {
		select {
		case <-time.After(time.Until(begin.Add(e.at))):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := e.do(); err != nil {
			return fmt.Errorf("%s: %w", e.what, err)
		}
	}
	return nil
}

func (b *bench) timeline(begin time.Time, events []event, shots []fleet.Shot, counts fleet.Counts) {
	seconds := map[int64]*second{}
	for _, s := range shots {
		at := s.Sent.Unix()
		if seconds[at] == nil {
			seconds[at] = new(second)
		}
		v := seconds[at]
		v.offered++
		v.slowest = max(v.slowest, s.Done.Sub(s.Sent))
		if s.Status == 200 {
			v.passed++
			if s.Gateway == 0 {
				v.cutOff++
			}
		}
	}
	for at := begin.Unix(); seconds[at] != nil; at++ {
		for _, e := range events {
			if when := begin.Add(e.at); when.Unix() == at {
				fmt.Printf("    %.1f s into it: %s\n", when.Sub(time.Unix(at, 0)).Seconds(), e.what)
			}
		}
		v := seconds[at]
		fmt.Printf("  window %2d: taken %4d of %d, the backend's second %4d; offered %4d, passed %4d (gateway 1: %3d), slowest %v\n",
			at-begin.Unix(), counts.Windows[at], b.Limit, counts.Seconds[at], v.offered, v.passed, v.cutOff, v.slowest.Round(time.Millisecond))
	}
	b.say("most taken in a window %d of %d, most in a second of the backend's clock %d", most(counts.Windows), b.Limit, most(counts.Seconds))
}
