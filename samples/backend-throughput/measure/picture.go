package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"mgw/samples/backend-throughput/fleet"
	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

// panel is one way to hold the limit: what reached the backend in each second.
type panel struct {
	title   string
	seconds []int64
}

// picture drives the same load three times, and draws what reached the
// backend.
func picture(ctx context.Context, b *bench) error {
	var panels []panel
	for _, way := range []struct {
		title string
		run   func(context.Context, *bench, fleet.Plan) (map[int64]int64, []fleet.Shot, error)
	}{
		{"local: each gateway has the whole limit", local},
		{"traffic manager: events and decisions", managed},
		{"lease: tokens from Redis", leased},
	} {
		seconds, shots, err := way.run(ctx, b, b.plan(evenly(3), b.length))
		if errors.Is(err, errLeftOut) {
			b.say("left out: %s: %v", way.title, err)
			continue
		}
		if err != nil {
			return err
		}
		p := panel{title: way.title}
		// The first and the last second were not loaded throughout.
		first, last := shots[0].Sent.Unix(), shots[0].Sent.Unix()
		for _, s := range shots {
			first, last = min(first, s.Sent.Unix()), max(last, s.Sent.Unix())
		}
		for at := first + 1; at < last; at++ {
			p.seconds = append(p.seconds, seconds[at])
		}
		b.say("%s: %v", p.title, p.seconds)
		panels = append(panels, p)
	}
	return os.WriteFile(b.file, []byte(draw(panels, int64(b.Limit))), 0o644)
}

func local(ctx context.Context, b *bench, plan fleet.Plan) (map[int64]int64, []fleet.Shot, error) {
	return b.reached(ctx, plan, nil)
}

func leased(ctx context.Context, b *bench, plan fleet.Plan) (_ map[int64]int64, _ []fleet.Shot, err error) {
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, redis.Kill()) }()
	return b.reached(ctx, plan, func(int) string { return redis.Address })
}

func (b *bench) reached(ctx context.Context, plan fleet.Plan, redis func(int) string) (_ map[int64]int64, _ []fleet.Shot, err error) {
	f, err := b.Start(ctx, b.gateways, redis)
	defer func() { err = errors.Join(err, f.End()) }()
	if err != nil {
		return nil, nil, err
	}
	shots, err := fleet.Offer(ctx, f.Gateways, "/stock/levels", "", plan)
	if err != nil {
		return nil, nil, err
	}
	counts, err := f.Backend.Counts(ctx, "/levels")
	return counts.Seconds, shots, err
}

var errLeftOut = errors.New("not possible here")

// managed runs the gateways of the cluster sample, whose tier is a thousand a
// second.
func managed(ctx context.Context, b *bench, plan fleet.Plan) (_ map[int64]int64, _ []fleet.Shot, err error) {
	if b.Limit != 1000 {
		return nil, nil, fmt.Errorf("%w: the tier of the cluster sample is a thousand a second", errLeftOut)
	}
	if _, err := exec.LookPath("rabbitmq-server"); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errLeftOut, err)
	}
	p, err := nodes.Build(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, p.Remove()) }()
	port, err := nodes.FreePort()
	if err != nil {
		return nil, nil, err
	}
	broker, err := p.StartBroker(ctx, port)
	if err != nil {
		return nil, nil, err
	}
	defer broker.Kill()
	manager, err := p.StartManager(ctx, 0, broker.Address)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, manager.Stop()) }()
	backend, err := b.StartBackend(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, backend.Stop()) }()
	gateways, err := nodes.StartGateways(ctx, b.gateways, func() (*harness.Gateway, error) {
		return p.StartGateway(ctx, backend.URL, nodes.Where{Broker: broker.Address, Manager: manager.Address})
	})
	for _, g := range gateways {
		defer func() { err = errors.Join(err, g.Stop()) }()
	}
	if err != nil {
		return nil, nil, err
	}
	for _, g := range gateways {
		if err := nodes.AwaitWhole(ctx, g); err != nil {
			return nil, nil, err
		}
	}
	token, err := p.Token(ctx, "throughput", "Unlimited")
	if err != nil {
		return nil, nil, err
	}
	shots, err := fleet.Offer(ctx, gateways, "/tickets/rush", token, plan)
	if err != nil {
		return nil, nil, err
	}
	counts, err := backend.Counts(ctx, "/rush")
	return counts.Seconds, shots, err
}

// Sizes of the picture.
const (
	width, left, right = 800, 60, 20
	height, gap        = 150, 60
)

// draw makes an SVG: a panel below the other, a bar for each second, the limit
// a line.
func draw(panels []panel, limit int64) string {
	top := limit
	for _, p := range panels {
		for _, n := range p.seconds {
			top = max(top, n)
		}
	}
	top = top * 11 / 10
	var s strings.Builder
	total := len(panels)*(height+gap) + 20
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, total)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, total)
	for i, p := range panels {
		floor := i*(height+gap) + gap/2 + height
		y := func(n int64) int { return floor - int(n*height/top) }
		fmt.Fprintf(&s, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", left, floor-height-8, p.title)
		bar := float64(width-left-right) / float64(max(1, len(p.seconds)))
		for k, n := range p.seconds {
			colour := "#4a7fb5"
			if n > limit {
				colour = "#c9503c"
			}
			fmt.Fprintf(&s, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%d</title></rect>`+"\n",
				float64(left)+float64(k)*bar+1, y(n), bar-2, floor-y(n), colour, n)
		}
		fmt.Fprintf(&s, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#222" stroke-dasharray="6 4"/>`+"\n", left, y(limit), width-right, y(limit))
		fmt.Fprintf(&s, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999"/>`+"\n", left, floor, width-right, floor)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">%d</text>`+"\n", left-6, y(limit)+4, limit)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end">0</text>`+"\n", left-6, floor+4)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end" fill="#666">requests that reach the backend in each second, %s</text>`+"\n",
			width-right, floor+18, time.Duration(len(p.seconds))*time.Second)
	}
	s.WriteString("</svg>\n")
	return s.String()
}
