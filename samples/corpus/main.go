// Command corpus builds gateways of definitions that others have published, as
// they are, and says what each took.
//
//	make corpus
//
// It downloads them through package managers (npm, go), which it needs, and keeps
// them in a cache. Each has to be read and planned within its limits of time (on
// a busy machine, of the processor's time) and memory. Of some the gateway is built and started, and a request for each
// operation has to reach the backend with its own path and nothing else; another
// method gets 405 with the right Allow, another path 404.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"mgw/samples/internal/harness"
)

func main() {
	bin := flag.String("bin", "bin", "`folder` with the built tools")
	kept := flag.String("cache", "", "`folder` for what is downloaded (default: mgw-corpus in the user's cache)")
	only := flag.String("only", "", "only these definitions, by their `names`, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := corpus(ctx, *bin, *kept, *only); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

func corpus(ctx context.Context, bin, kept, only string) (err error) {
	tools := harness.Tools{}
	if tools.Dir, err = filepath.Abs(bin); err != nil {
		return err
	}
	packages, err := openCache(kept)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mgw-corpus-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backend, end, err := serveBackend()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()

	var results []result
	var failures []error
	for _, d := range chosen(only) {
		fmt.Fprintf(os.Stderr, "%s ...\n", d.name)
		t := trial{definition: d, tools: tools, dir: dir, backend: backend}
		r := result{definition: d}
		if t.file, err = packages.fetch(ctx, d); err == nil {
			r, err = t.run(ctx)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", d.name, err))
		}
		results = append(results, r)
		if err := errors.Join(ctx.Err(), os.RemoveAll(filepath.Join(dir, d.name))); err != nil {
			return err
		}
	}
	if err := printTable(results); err != nil {
		return err
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d of %d failed:\n%w", len(failures), len(results), errors.Join(failures...))
	}
	return nil
}

func openCache(dir string) (cache, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return cache{}, err
		}
		dir = filepath.Join(user, "mgw-corpus")
	}
	return cache{dir}, os.MkdirAll(dir, 0o777)
}

func chosen(only string) (list []definition) {
	for _, d := range definitions {
		if only == "" || strings.Contains(","+only+",", ","+d.name+",") {
			list = append(list, d)
		}
	}
	return list
}

// serveBackend answers everything with what it was asked.
func serveBackend() (url string, end func() error, err error) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Method+" "+r.RequestURI)
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(socket) }()
	return "http://" + socket.Addr().String(), func() error {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, nil
}

func printTable(results []result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "definition\tMB\toperations\twarnings\tread s\tcpu s\tlimit\tMiB\tbuild s\tcpu s\tMiB\tstart ms\tcpu ms\trequested\t")
	total := 0
	for _, r := range results {
		limit := r.limit
		if limit == 0 {
			limit = anyLimit
		}
		fmt.Fprintf(w, "%s\t%.1f\t%d\t%d\t%.1f\t%.1f\t%.0f\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n",
			r.name, float64(r.size)/1e6, r.operations, r.warnings,
			r.read.took.Seconds(), r.read.cpu.Seconds(), limit.Seconds(), r.read.peak>>20,
			orDash(r.build.took.Seconds(), "%.1f"), orDash(r.build.cpu.Seconds(), "%.1f"), orDash(float64(r.build.peak>>20), "%.0f"),
			orDash(r.start.took.Seconds()*1e3, "%.0f"), orDash(r.start.cpu.Seconds()*1e3, "%.0f"), orDash(float64(r.checked), "%.0f"))
		total += r.operations
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Printf("%d definitions, %d operations\n", len(results), total)
	return err
}

func orDash(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
