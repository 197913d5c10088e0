// Command bench compares the generated petstore gateway with nginx, HAProxy and
// net/http's ReverseProxy: `make bench-proxy` runs it.
//
// All of them stand before one backend, on one core, and are loaded by wrk in
// turn: a round asks each of them once, so that a slow moment of the machine
// meets all. CPU is what the kernel says the proxy used, divided by what a fixed
// job cost right before and after. A run with an error or an answer other than
// 2xx does not count. Medians and their spread go to standard output as
// Markdown, and at the end what was aimed for beside what came out.
//
// With -soak it loads the gateway alone, for long, and watches its memory,
// goroutines and allocations.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	rounds    int
	length    time.Duration
	proxyCore int
	loadCore  int
	only      string
	placement string
	keep      string
	gateway   string
	soak      time.Duration
	idle      int
}

func main() {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			role(os.Args[2:])
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// roles are what this program does when it is one of the processes that it
// compares or measures with.
var roles = map[string]func(args []string){
	"reverse-proxy": serveReverseProxy,
	"fixed-job":     printFixedJob,
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 13, "rounds of each case, at least 6")
	flags.DurationVar(&s.length, "length", time.Second, "length of a run")
	flags.IntVar(&s.proxyCore, "proxy-core", 1, "the core of the proxies")
	flags.IntVar(&s.loadCore, "load-core", 0, "the core of backend and load, when the proxy has one of its own")
	flags.StringVar(&s.only, "case", "", "only cases whose name matches this regular expression")
	flags.StringVar(&s.placement, "placement", "", "only placements whose name contains this")
	flags.StringVar(&s.keep, "keep", "", "folder for the configurations and binaries, kept afterwards")
	flags.StringVar(&s.gateway, "gateway", "", "a gateway executable to measure instead of a fresh build")
	flags.DurationVar(&s.soak, "soak", 0, "instead of the comparison: load the gateway for so long and look at its memory, goroutines and allocations")
	flags.IntVar(&s.idle, "idle", 8000, "with -soak: idle connections to measure afterwards")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.rounds < 6 {
		return errors.New("a median of fewer than 6 rounds says nothing")
	}
	dir, err := s.folder()
	if err != nil {
		return err
	}
	if s.keep == "" {
		defer os.RemoveAll(dir)
	}
	lab, err := open(ctx, dir, s)
	if err != nil {
		return err
	}
	defer lab.stopAll()
	if s.soak > 0 {
		return lab.soak(ctx, out)
	}
	return lab.all(ctx, out)
}

func now() string { return time.Now().UTC().Format("2006-01-02 15:04 MST") }

func (s settings) folder() (string, error) {
	if s.keep != "" {
		return s.keep, os.MkdirAll(s.keep, 0o755)
	}
	return os.MkdirTemp("", "mgw-bench-")
}

// all measures every case in both placements.
func (l *lab) all(ctx context.Context, out io.Writer) error {
	only, err := regexp.Compile(l.settings.only)
	if err != nil {
		return fmt.Errorf("-case: %w", err)
	}
	fmt.Fprintf(out, "%s, %d rounds of %v, %s\n", now(), l.settings.rounds, l.settings.length, l.versions(ctx))
	var results []*result
	for _, p := range placements {
		if !strings.Contains(p.name, l.settings.placement) {
			continue
		}
		if err := l.startAll(ctx); err != nil {
			return err
		}
		if err := l.place(ctx, p); err != nil {
			return err
		}
		for _, c := range cases {
			if !only.MatchString(c.name) {
				continue
			}
			result, err := l.measure(ctx, p, c)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, c.name, err)
			}
			result.print(out)
			results = append(results, result)
		}
	}
	printAims(out, results)
	return nil
}
