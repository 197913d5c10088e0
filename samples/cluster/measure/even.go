package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const tenPerMinute = "TenPerMinute"

// even counts how many of 60 requests pass a limit of ten a minute. Each run is
// another application's, so that many fit into a minute.
func even(ctx context.Context, b *bench) (err error) {
	c, err := nodes.Start(ctx, b.Project, 3)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	if err := b.spread(ctx, c.Gateways, "50 a second", b.runs, 60, 20*time.Millisecond); err != nil {
		return err
	}
	if err := b.spread(ctx, c.Gateways, "10 a second", max(b.runs/10, 2), 60, 100*time.Millisecond); err != nil {
		return err
	}
	if err := c.Manager.Kill(); err != nil {
		return err
	}
	c.Manager = nil
	return b.alone(ctx, c)
}

// spread prints how often how many of the requests passed.
func (b *bench) spread(ctx context.Context, all []*harness.Gateway, name string, runs, requests int, pause time.Duration) error {
	var passed []int
	for run := range runs {
		token, err := b.Token(ctx, fmt.Sprintf("even-%s-%d", pause, run), tenPerMinute)
		if err != nil {
			return err
		}
		admitted, err := nodes.Spread(ctx, all, "/tickets/list", token, requests, pause)
		if err != nil {
			return err
		}
		passed = append(passed, nodes.Sum(admitted))
	}
	b.say("%s: %d runs, passed of a limit of 10 (times): %s", name, runs, histogram(passed))
	return nil
}

// alone shows that each node holds the limit when the manager is away.
func (b *bench) alone(ctx context.Context, c *nodes.Cluster) error {
	token, err := b.Token(ctx, "alone", tenPerMinute)
	if err != nil {
		return err
	}
	admitted, err := nodes.Spread(ctx, c.Gateways, "/tickets/list", token, 60, 20*time.Millisecond)
	if err != nil {
		return err
	}
	b.say("the manager killed: the gateways admitted %v", admitted)
	return nil
}

func histogram(all []int) string {
	times := map[int]int{}
	for _, n := range all {
		times[n]++
	}
	text := ""
	for n := at(all, 0); n <= at(all, 1); n++ {
		if times[n] > 0 {
			text += fmt.Sprintf(" %d (%d)", n, times[n])
		}
	}
	return text
}
