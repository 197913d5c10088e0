// Command measure runs gateways under load in front of the sample's backend,
// and prints what reached it. It is no test: the figures are this machine's,
// and the load that it has meanwhile stands beside them.
//
//	go run ./samples/backend-throughput/measure                      everything, some five minutes
//	go run ./samples/backend-throughput/measure -only even,skew      two parts
//	go run ./samples/backend-throughput/measure -limit 200           for a small or busy machine
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

	"mgw/samples/backend-throughput/fleet"
)

// part is one measurement.
type part struct {
	name, about string
	run         func(context.Context, *bench) error
}

var parts = []part{
	{"even", "three times the limit, evenly over the gateways", loaded("/stock/levels", evenly(3))},
	{"skew", "three times the limit, 90 % on one gateway, another every 4 s", loaded("/stock/levels", skewed(3))},
	{"bursts", "half the limit, and for 300 ms of every two seconds ten times the limit", loaded("/stock/levels", bursts)},
	{"below", "0.8 of the limit, 90 % on one gateway, another every 4 s", loaded("/stock/levels", skewed(0.8))},
	{"smooth", "shape smooth: three times the limit, evenly", loaded("/stock/prices", evenly(3))},
	{"smoothskew", "shape smooth: three times the limit, 90 % on one gateway", loaded("/stock/prices", skewed(3))},
	{"tier", "a tier of ten a minute, shared by three gateways (clusterMode = lease)", tier},
	{"failures", "Redis hangs, is killed, comes back empty, is slow; a gateway is cut off", failures},
	{"picture", "what reaches the backend: local, traffic manager, lease", picture},
}

// bench is what all parts work with.
type bench struct {
	*fleet.Project
	gateways int
	length   time.Duration
	file     string // of the picture
}

// say prints a figure, with the time and the machine's load.
func (b *bench) say(format string, args ...any) {
	load, _ := os.ReadFile("/proc/loadavg") // elsewhere there is none
	short, _, _ := strings.Cut(string(load), " ")
	fmt.Printf("%s load %5s  %s\n", time.Now().UTC().Format("15:04:05"), short, fmt.Sprintf(format, args...))
}

func main() {
	only := flag.String("only", "", "`parts` to run, with commas between them")
	limit := flag.Int("limit", 1000, "what the backend takes in a second")
	gateways := flag.Int("gateways", 10, "how many gateways, of one processor each")
	seconds := flag.Int("seconds", 20, "how long one load lasts")
	file := flag.String("picture", "throughput.svg", "`file` that the picture is written to")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go run ./samples/backend-throughput/measure [flags]\n\nParts:")
		for _, p := range parts {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-10s %s\n", p.name, p.about)
		}
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{gateways: *gateways, length: time.Duration(*seconds) * time.Second, file: *file}
	if err := b.measure(ctx, *only, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

// partBound ends a part that hangs.
const partBound = 10 * time.Minute

func (b *bench) measure(ctx context.Context, only string, limit int) (err error) {
	if b.Project, err = fleet.Build(ctx, limit); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Remove()) }()
	var all []error
	for _, part := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+part.name+",") {
			continue
		}
		b.say("== %s: %s; the limit is %d a second, there are %d gateways", part.name, part.about, limit, b.gateways)
		bound, cancel := context.WithTimeout(ctx, partBound)
		if err := part.run(bound, b); err != nil {
			all = append(all, fmt.Errorf("%s: %w", part.name, err))
		}
		cancel()
	}
	return errors.Join(all...)
}
