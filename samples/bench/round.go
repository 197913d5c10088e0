package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// result is all runs of a case.
type result struct {
	placement placement
	workload  workload
	names     []string
	samples   map[string][]*sample // by proxy, one a round
	refused   map[string]int
	jobs      []float64 // microseconds of the fixed job
}

// attempts bounds how often a round is repeated whose runs do not count.
const attempts = 4

// measure runs the rounds of a case. Each round begins with another proxy.
func (l *lab) measure(ctx context.Context, p placement, w workload) (*result, error) {
	r := &result{placement: p, workload: w, samples: map[string][]*sample{}, refused: map[string]int{}}
	for _, proxy := range l.proxies {
		r.names = append(r.names, proxy.name)
	}
	rate, err := l.warmUp(ctx, p, w)
	if err != nil {
		return nil, err
	}
	for round := range l.settings.rounds {
		if err := l.round(ctx, r, round, rate); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// warmUp loads each proxy until a run counts, for the connections to the backend
// must be there, and gives half of what the gateway can do.
func (l *lab) warmUp(ctx context.Context, p placement, w workload) (half float64, err error) {
	full := w
	full.half = false
	for _, proxy := range l.proxies {
		s, err := l.load(ctx, l.core(p), proxy.url(w), full, 0, l.settings.length)
		for again := 1; again < attempts && errors.Is(err, errRefused); again++ {
			s, err = l.load(ctx, l.core(p), proxy.url(w), full, 0, 2*l.settings.length)
		}
		if err != nil {
			return 0, fmt.Errorf("warming up %s: %w", proxy.name, err)
		}
		if proxy.gateway {
			half = s.rate() / 2
		}
	}
	return half, nil
}

// round runs each proxy once, or none of them counts.
func (l *lab) round(ctx context.Context, r *result, number int, rate float64) error {
	for attempt := 1; ; attempt++ {
		samples := map[string]*sample{}
		err := l.turn(ctx, r, number, rate, samples)
		if err == nil {
			for name, s := range samples {
				r.samples[name] = append(r.samples[name], s)
			}
			return nil
		}
		if !errors.Is(err, errRefused) || attempt == attempts {
			return err
		}
		fmt.Fprintln(os.Stderr, "this round does not count:", err)
	}
}

func (l *lab) turn(ctx context.Context, r *result, number int, rate float64, samples map[string]*sample) error {
	for i := range l.proxies {
		proxy := l.proxies[(i+number)%len(l.proxies)]
		s, err := l.one(ctx, r, proxy, rate)
		if err != nil {
			if errors.Is(err, errRefused) {
				r.refused[proxy.name]++
			}
			return fmt.Errorf("%s: %w", proxy.name, err)
		}
		samples[proxy.name] = s
	}
	return nil
}

// one is a run, with the fixed job before and after it.
func (l *lab) one(ctx context.Context, r *result, p *proxy, rate float64) (*sample, error) {
	pid := p.pid(r.workload)
	before, err := l.fixedJob(ctx, l.settings.proxyCore)
	if err != nil {
		return nil, err
	}
	began, _ := usage(pid)
	s, err := l.load(ctx, l.core(r.placement), p.url(r.workload), r.workload, rate, l.settings.length)
	if err != nil {
		return nil, err
	}
	ended, memory := usage(pid)
	after, err := l.fixedJob(ctx, l.settings.proxyCore)
	if err != nil {
		return nil, err
	}
	job := (before + after) / 2
	r.jobs = append(r.jobs, float64(job.Microseconds()))
	s.cpu = time.Duration(float64(ended-began) / float64(s.Requests) * float64(referenceJob) / float64(job))
	s.memory = memory
	return s, nil
}

// referenceJob is what the fixed job costs on the machine of
// docs/performance.md in a quiet moment; ratios do not depend on it.
const referenceJob = 12 * time.Millisecond

// column gives one figure of all rounds.
func (r *result) column(name string, f func(*sample) float64) []float64 {
	var all []float64
	for _, s := range r.samples[name] {
		all = append(all, f(s))
	}
	return all
}

func (r *result) print(out io.Writer) {
	fmt.Fprintf(out, "\n**%s, %s** (fixed job %s us)\n\n", r.workload.name, r.placement.name, withRange("%.0f", r.jobs))
	fmt.Fprintln(out, "| | CPU a request, times nginx (95 %) | us a request | requests/s | p50 us | p99 us | memory MB | runs refused |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|")
	for _, name := range r.names {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %.1f | %d |\n", name,
			withInterval(ratios(r.column(name, cpu), r.column("nginx", cpu))),
			withRange("%.1f", r.column(name, cpu)),
			withRange("%.0f", r.column(name, (*sample).rate)),
			withRange("%.0f", r.column(name, p50)),
			withRange("%.0f", r.column(name, p99)),
			median(r.column(name, megabytes)),
			r.refused[name])
	}
}
