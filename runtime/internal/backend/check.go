package backend

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Run looks after the targets until ctx ends: it asks those with a healthCheck
// whether they live, and finds out where names lead.
func (b *Backends) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, e := range b.endpoints {
		if e.check != nil && b.options.Probe != nil {
			work.Go(func() { b.watch(ctx, e) })
		}
	}
	if b.options.Refresh > 0 {
		work.Go(func() { b.follow(ctx) })
	}
	work.Wait()
}

// watch checks the targets of an endpoint, all at a time, over and over.
func (b *Backends) watch(ctx context.Context, e *endpoint) {
	tick := time.NewTicker(time.Duration(e.check.IntervalMillis) * time.Millisecond)
	defer tick.Stop()
	for {
		var work sync.WaitGroup
		for _, t := range e.set.Load().targets {
			work.Go(func() { b.check(ctx, e, t) })
		}
		work.Wait()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// check asks one target.
func (b *Backends) check(ctx context.Context, e *endpoint, t *target) {
	status, err := b.ask(ctx, e, t)
	if ctx.Err() != nil {
		return
	}
	if !t.health.checked(err == nil && e.lives(status), e.check.Healthy, e.check.Unhealthy) {
		return
	}
	if state := t.health.word(); state == "down" {
		b.options.Log.Warn("a backend fails its health checks", "backend", t.host, "status", status, "error", err)
	} else {
		b.options.Log.Info("a backend passes its health checks again", "backend", t.host)
	}
}

// ask gives the status of a target's answer.
func (b *Backends) ask(ctx context.Context, e *endpoint, t *target) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(e.check.TimeoutMillis)*time.Millisecond)
	defer cancel()
	scheme := "http"
	if t.to.Secure {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+t.to.Address+e.check.Path, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Host = t.to.Host
	request.Header.Set("User-Agent", "mgw health check")
	if e.authorization != "" {
		request.Header.Set("Authorization", e.authorization)
	}
	answer, err := b.options.Probe.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// lives tells statuses that a target answers which is well.
func (e *endpoint) lives(status int) bool {
	if len(e.check.StatusCodes) > 0 {
		return slices.Contains(e.check.StatusCodes, status)
	}
	return status >= 200 && status <= 299
}
