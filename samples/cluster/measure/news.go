package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const (
	newsLimit = 100
	askEvery  = 400 * time.Microsecond
)

// news spends a limit at one gateway and asks the others until they refuse.
func news(ctx context.Context, b *bench) (err error) {
	c, err := nodes.Start(ctx, b.Project, 3)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	var all []float64
	for run := range b.runs {
		token, err := b.Token(ctx, fmt.Sprint("news-", run), "HundredPerMinute")
		if err != nil {
			return err
		}
		time.Sleep(harness.UntilWindow(time.Now(), time.Minute, 5*time.Second))
		delay, err := b.oneNews(ctx, c.Gateways, token)
		if err != nil {
			return err
		}
		all = append(all, delay.Seconds()*1000)
	}
	b.say("%d runs, the others asked every %v: median %.1f ms, p90 %.1f ms, worst %.1f ms", len(all), askEvery, at(all, 0.5), at(all, 0.9), at(all, 1))
	return nil
}

func (b *bench) oneNews(ctx context.Context, all []*harness.Gateway, token string) (time.Duration, error) {
	lines := make([]*harness.Line, len(all))
	for i, g := range all {
		l, err := harness.OpenLine(ctx, g.HTTP, "/tickets/list", token)
		if err != nil {
			return 0, err
		}
		defer l.Close()
		lines[i] = l
	}
	for range newsLimit {
		if status, err := lines[0].Send(); err != nil || status != http.StatusOK {
			return 0, fmt.Errorf("a request within the limit was answered %d, %v", status, err)
		}
	}
	crossed := time.Now()
	delays, errs := make([]time.Duration, len(all)), make([]error, len(all))
	var group sync.WaitGroup
	for i, l := range lines[1:] {
		group.Go(func() {
			for asked := 1; ; asked++ {
				status, err := l.Send()
				delays[i] = time.Since(crossed)
				switch {
				case err != nil:
					errs[i] = err
					return
				case status == http.StatusTooManyRequests:
					if asked > newsLimit { // by its own counter
						b.say("no news in %v, %d requests", delays[i], newsLimit)
					}
					return
				}
				time.Sleep(askEvery)
			}
		})
	}
	group.Wait()
	return max(delays[0], delays[1]), errors.Join(errs...)
}
