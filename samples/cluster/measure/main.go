// Command measure runs the cluster sample under load and with failures, and
// prints what came of it. It is no test: the figures are this machine's, and
// the load that it has meanwhile stands beside them.
//
//	go run ./samples/cluster/measure               everything, some ten minutes
//	go run ./samples/cluster/measure -only even    one part
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mgw/samples/cluster/nodes"
)

// part is one measurement.
type part struct {
	name, about string
	run         func(context.Context, *bench) error
}

var parts = []part{
	{"even", "three gateways, ten a minute, 60 requests spread evenly", even},
	{"news", "three gateways: from the request that reaches a limit to the last gateway refusing", news},
	{"overshoot", "ten gateways, a thousand a second on one key, three thousand offered", overshoot},
	{"cost", "CPU of a gateway for each event", cost},
	{"many", "a hundred thousand throttled keys: memory and latency", many},
	{"hang", "latency with broker and manager that accept and never answer", hang},
	{"failures", "broker, manager, gateways and network fail during load", failures},
}

// bench is what all parts work with.
type bench struct {
	*nodes.Project
	runs    int
	seconds int
}

// say prints a figure, with the time and the machine's load.
func (b *bench) say(format string, args ...any) {
	load, _ := os.ReadFile("/proc/loadavg") // elsewhere there is none
	short, _, _ := strings.Cut(string(load), " ")
	fmt.Printf("%s load %5s  %s\n", time.Now().UTC().Format("15:04:05"), short, fmt.Sprintf(format, args...))
}

func main() {
	only := flag.String("only", "", "`parts` to run, with commas between them")
	runs := flag.Int("runs", 30, "how often a part is repeated that has runs")
	seconds := flag.Int("seconds", 5, "how long one load lasts")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go run ./samples/cluster/measure [flags]\n\nParts:")
		for _, p := range parts {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-10s %s\n", p.name, p.about)
		}
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, *only, *runs, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

// partBound ends a part that hangs.
const partBound = 10 * time.Minute

func measure(ctx context.Context, only string, runs, seconds int) (err error) {
	p, err := nodes.Build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Remove()) }()
	b := &bench{p, runs, seconds}
	var all []error
	for _, part := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+part.name+",") {
			continue
		}
		b.say("== %s: %s", part.name, part.about)
		bound, cancel := context.WithTimeout(ctx, partBound)
		if err := part.run(bound, b); err != nil {
			all = append(all, fmt.Errorf("%s: %w", part.name, err))
		}
		cancel()
	}
	return errors.Join(all...)
}
