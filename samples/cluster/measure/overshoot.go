package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"mgw/samples/cluster/nodes"
)

const (
	rushLimit   = 1000
	rushOffered = 3000
	rushNodes   = 10
)

// overshoot measures, second by second, what passes a limit of a thousand a
// second beyond it, and how long the news takes.
func overshoot(ctx context.Context, b *bench) (err error) {
	c, err := nodes.Start(ctx, b.Project, rushNodes)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	token, err := b.Token(ctx, "rush", "Unlimited")
	if err != nil {
		return err
	}
	all, err := offer(ctx, c.Gateways, "/tickets/rush", token, rushOffered, time.Duration(b.runs)*time.Second)
	if err != nil {
		return err
	}
	bySecond := map[int64][]sample{}
	for _, s := range all {
		bySecond[s.sent.Unix()] = append(bySecond[s.sent.Unix()], s)
	}
	var over, delays []float64
	for _, second := range bySecond {
		passed, delay, ok := crossing(second)
		if ok && len(second) > rushOffered*8/10 { // whole seconds only
			over = append(over, float64(passed-rushLimit))
			delays = append(delays, delay.Seconds())
		}
	}
	if len(over) == 0 {
		return errors.New("no whole second with a limit that was crossed")
	}
	mean := 0.0
	for _, n := range over {
		mean += n / float64(len(over))
	}
	rate, delay := achieved(all), at(delays, 0.5)
	b.say("%d seconds, offered %.0f a second to %d gateways, limit %d: overshoot median %.0f (%.1f %%), mean %.0f, worst %.0f",
		len(over), rate, rushNodes, rushLimit, at(over, 0.5), at(over, 0.5)/rushLimit*100, mean, at(over, 1))
	b.say("from the crossing request to the last gateway refusing: median %.1f ms, p90 %.1f ms, worst %.1f ms (each gateway is asked every %.1f ms)",
		delay*1000, at(delays, 0.9)*1000, at(delays, 1)*1000, 1000/(rate/rushNodes))
	b.say("offered rate x median delay = %.0f; median overshoot / that = %.2f; requests took p50 %v p99 %v",
		rate*delay, at(over, 0.5)/(rate*delay), quantile(all, 0.5), quantile(all, 0.99))
	return nil
}

// crossing gives how many requests of a second passed, and the time from the
// one that reached the limit to the first refusal of the last gateway.
func crossing(second []sample) (passed int, delay time.Duration, ok bool) {
	slices.SortFunc(second, func(a, b sample) int { return a.done.Compare(b.done) })
	var crossed time.Time
	refused := map[int]time.Time{}
	for _, s := range second {
		switch {
		case s.status == 200:
			if passed++; passed == rushLimit {
				crossed = s.done
			}
		case refused[s.gateway].IsZero() && !crossed.IsZero():
			refused[s.gateway] = s.done
		}
	}
	for _, t := range refused {
		delay = max(delay, t.Sub(crossed))
	}
	return passed, delay, len(refused) == rushNodes
}
