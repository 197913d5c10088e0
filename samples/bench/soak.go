package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mgw/samples/internal/harness"
)

// observed is what the gateway says of itself, and the kernel of it.
type observed struct {
	Mallocs, Heap, Stacks uint64
	Collections           uint32
	Goroutines            int
	Places                map[string]int64 // objects by function

	at       time.Duration
	resident int64
}

// soakLoad is one request with a cached credential; no access log, which would
// fill the disk.
var soakLoad = workload{name: "GET, cached JWT, three tiers", method: "GET", path: order, connections: 64, token: true}

const soakSamples = 20

// What a soak must keep to.
const (
	mostGrowth      = 1.1  // of resident memory, from the first quarter to the end
	mostAllocations = 0.01 // a request
	mostIdle        = 8 << 10
)

// soak loads one gateway for a long time and then lets many connections idle.
func (l *lab) soak(ctx context.Context, out io.Writer) error {
	if err := l.startBackend(ctx); err != nil {
		return err
	}
	g, addr, err := l.observedGateway(ctx)
	if err != nil {
		return err
	}
	look := func(path string, began time.Time) (*observed, error) { return l.observe(ctx, g, addr+path, began) }
	core := l.settings.proxyCore
	if _, err := l.load(ctx, core, g.url(soakLoad), soakLoad, 0, 5*time.Second); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	began := time.Now()
	before, err := look("/collected", began)
	if err != nil {
		return err
	}
	own, err := costOfLooking(look, began)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s for %v over %d connections\n\n", now(), soakLoad.name, l.settings.soak, soakLoad.connections)
	fmt.Fprintln(out, "| minute | resident MB | heap MB | goroutines | collections | objects allocated |\n|---|---|---|---|---|---|")
	loaded := make(chan error, 1)
	var sum *sample
	go func() {
		var err error
		sum, err = l.load(ctx, core, g.url(soakLoad), soakLoad, 0, l.settings.soak)
		loaded <- err
	}()
	var seen []*observed
	for range soakSamples - 1 {
		time.Sleep(l.settings.soak / soakSamples)
		o, err := look("/", began)
		if err != nil {
			return errors.Join(err, <-loaded)
		}
		seen = append(seen, o)
		fmt.Fprintf(out, "| %.1f | %.1f | %.1f | %d | %d | %d |\n", o.at.Minutes(), float64(o.resident)/(1<<20), float64(o.Heap)/(1<<20), o.Goroutines, o.Collections, o.Mallocs-before.Mallocs)
	}
	if err := <-loaded; err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // for the connections to end
	after, err := look("/collected", began)
	if err != nil {
		return err
	}
	held := printSoak(out, sum, seen, before, after, own)
	each, err := l.idleConnections(ctx, g, func() (*observed, error) { return look("/collected", began) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "- %d idle connections that have been served: %d bytes of heap and stacks each, after a collection; resident %d bytes each: %s\n",
		l.settings.idle, each.own, each.resident, verdict(each.own <= mostIdle))
	if !held || each.own > mostIdle {
		return errors.New("the soak was missed")
	}
	return nil
}

// costOfLooking is how many objects an observation allocates itself.
func costOfLooking(look func(string, time.Time) (*observed, error), began time.Time) (uint64, error) {
	first, err := look("/", began)
	if err != nil {
		return 0, err
	}
	second, err := look("/", began)
	if err != nil {
		return 0, err
	}
	return second.Mallocs - first.Mallocs, nil
}

// printSoak tells what came out and whether that is as it must be. Each look
// has allocated own objects.
func printSoak(out io.Writer, sum *sample, seen []*observed, before, after *observed, own uint64) bool {
	quarter, last := seen[len(seen)/4], seen[len(seen)-1]
	looks := len(seen) - 1 - len(seen)/4
	growth := float64(last.resident) / float64(quarter.resident)
	// Between two samples in the midst: nothing is opened or closed there.
	share := float64((last.at - quarter.at).Microseconds()) / float64(sum.Micros)
	objects := max(0, float64(last.Mallocs-quarter.Mallocs)-float64(looks)*float64(own))
	each := objects / (float64(sum.Requests) * share)
	flat, none, same := growth <= mostGrowth, each <= mostAllocations, after.Goroutines <= before.Goroutines
	fmt.Fprintf(out, "\n- %d requests, none with an error; %.0f a second, p99 %d us\n", sum.Requests, sum.rate(), sum.P99)
	fmt.Fprintf(out, "- resident memory %.2f times that of the first quarter: %s\n", growth, verdict(flat))
	fmt.Fprintf(out, "- %.5f objects allocated a request, those of the samples apart: %s\n", each, verdict(none))
	fmt.Fprintf(out, "- %d goroutines before, %d after: %s\n", before.Goroutines, after.Goroutines, verdict(same))
	fmt.Fprintln(out, "- objects by place, all connections and samples included:")
	for _, name := range mostObjects(before.Places, after.Places, 8) {
		fmt.Fprintf(out, "  - %s: %d\n", name, after.Places[name]-before.Places[name])
	}
	return flat && none && same
}

// mostObjects gives the places that have allocated most in between.
func mostObjects(before, after map[string]int64, most int) (names []string) {
	for name, n := range after {
		if n > before[name] {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int((after[b] - before[b]) - (after[a] - before[a])) })
	return names[:min(most, len(names))]
}

// observedGateway compiles the generated sources once more, with a file that
// shows what the process holds, and starts that gateway.
func (l *lab) observedGateway(ctx context.Context) (*proxy, string, error) {
	from, to := l.path("petstore/target/gen"), l.path("petstore/target/observed")
	if err := os.RemoveAll(to); err != nil {
		return nil, "", err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return nil, "", err
	}
	source, err := files.ReadFile("observe.go.tmpl")
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(to, "observe.go"), source, 0o644); err != nil {
		return nil, "", err
	}
	executable, addressFile := l.path("observed"), l.path("observed.addr")
	if _, err := harness.Run(ctx, to, []string{"CGO_ENABLED=0", "GOFLAGS="}, "go", "build", "-trimpath", "-buildvcs=false", "-o", executable, "."); err != nil {
		return nil, "", err
	}
	if err := os.Setenv("BENCH_OBSERVE", addressFile); err != nil {
		return nil, "", err
	}
	g, err := l.gateway(ctx, executable, "")
	if err != nil {
		return nil, "", err
	}
	addr, err := os.ReadFile(addressFile)
	return g, "http://" + string(addr), err
}

func (l *lab) observe(ctx context.Context, g *proxy, url string, began time.Time) (*observed, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("observing the gateway: %w", err)
	}
	defer response.Body.Close()
	o := &observed{at: time.Since(began)}
	if err := json.NewDecoder(response.Body).Decode(o); err != nil {
		return nil, err
	}
	_, o.resident = usage(g.process.Pid())
	return o, nil
}
