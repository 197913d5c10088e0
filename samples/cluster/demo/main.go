// Command demo shows what a traffic manager is for: three gateways with a limit
// of ten a minute let thirty requests through, and ten once they share it.
//
//	make demo-cluster
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const (
	gateways = 3
	requests = 60
	pause    = 20 * time.Millisecond
	limit    = 10
	// inFlight is what may pass while the news of the tenth request travels.
	inFlight = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	fmt.Println("Building the tools and the project of samples/cluster ...")
	p, err := nodes.Build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Remove()) }()
	if err := apart(ctx, p); err != nil {
		return err
	}
	return together(ctx, p)
}

// apart runs gateways that know nothing of each other.
func apart(ctx context.Context, p *nodes.Project) (err error) {
	fmt.Printf("\nWithout a traffic manager: %d gateways, each counts alone.\n", gateways)
	backend := nodes.NewBackend()
	defer backend.Close()
	all, err := nodes.StartGateways(ctx, gateways, func() (*harness.Gateway, error) {
		return p.StartGateway(ctx, backend.URL, nodes.Where{})
	})
	for _, g := range all {
		defer func() { err = errors.Join(err, g.Stop()) }()
	}
	if err != nil {
		return err
	}
	total, err := spend(ctx, p, all, backend)
	if err == nil && total != gateways*limit {
		err = fmt.Errorf("%d requests passed, and not %d times %d", total, gateways, limit)
	}
	return err
}

// together runs the whole cluster.
func together(ctx context.Context, p *nodes.Project) (err error) {
	fmt.Printf("\nStarting RabbitMQ, the traffic manager and %d gateways ...\n", gateways)
	c, err := nodes.Start(ctx, p, gateways)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	fmt.Printf("With the traffic manager: %d gateways, one limit.\n", gateways)
	total, err := spend(ctx, p, c.Gateways, c.Backend)
	if err == nil && (total < limit || total > limit+inFlight) {
		err = fmt.Errorf("%d requests passed a limit of %d; the machine may be too busy for the news to travel in time", total, limit)
	}
	return err
}

// spend sends the requests of one application, spread over the gateways, and
// prints what came of them.
func spend(ctx context.Context, p *nodes.Project, all []*harness.Gateway, backend *nodes.Backend) (int, error) {
	token, err := p.Token(ctx, fmt.Sprint("shop-", backend.URL), "TenPerMinute")
	if err != nil {
		return 0, err
	}
	fmt.Printf("An application with %d requests a minute sends %d, one every %v, to the gateways in turn:\n", limit, requests, pause)
	admitted, err := nodes.Spread(ctx, all, "/tickets/list", token, requests, pause)
	if err != nil {
		return 0, err
	}
	for i, n := range admitted {
		fmt.Printf("  gateway %d admitted %2d of %d\n", i+1, n, requests/len(all))
	}
	fmt.Printf("  the backend got  %2d\n", backend.Reached.Load())
	return int(backend.Reached.Load()), nil
}
