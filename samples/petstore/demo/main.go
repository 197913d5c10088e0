// Command demo shows the main job end to end: a project is made from the
// petstore definition, built, and run before a real backend; requests pass
// until the tier is spent, the next one is refused.
//
//	make demo
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mgw/samples/internal/harness"
)

func main() {
	bin := flag.String("bin", "bin", "`folder` with the built tools")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *bin); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, bin string) (err error) {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mgw-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	tools := harness.Tools{Dir: bin}
	definition := filepath.Join(root, "samples/petstore/api_definitions/petstore.yaml")
	for _, args := range [][]string{{"init", "petstore", "-a", definition}, {"build", "petstore"}} {
		fmt.Printf("\n$ mgw %s\n", strings.Join(args, " "))
		out, err := harness.Run(ctx, dir, nil, tools.Path("mgw"), args...)
		if err != nil {
			return err
		}
		fmt.Print(out)
	}

	backend, url, err := startBackend(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Stop()) }()

	fmt.Printf("\n$ gateway target/petstore\n")
	gateway, err := tools.StartGateway(ctx, dir, "target/petstore", "--petstore_prod_endpoint_0="+url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	fmt.Println(gateway.Output())

	return spend(ctx, gateway.HTTP+"/petstore/v1/pet/findByStatus?status=available")
}

// startBackend builds and starts the sample's backend on a free port.
func startBackend(ctx context.Context, dir string) (*harness.Process, string, error) {
	built, err := harness.BuildTools(ctx, dir, "./samples/petstore/backend")
	if err != nil {
		return nil, "", err
	}
	p, err := harness.Start(dir, nil, built.Path("backend"), "-addr", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	line, err := p.WaitLine(ctx, `^http://\S+$`)
	if err != nil {
		p.Stop()
		return nil, "", err
	}
	return p, line[0], nil
}

// The definition gives the operation five requests a minute; if the minute
// turns meanwhile, five more pass.
const (
	tierCount = 5
	mostSent  = 2*tierCount + 1
)

// spend sends requests until one is refused.
func spend(ctx context.Context, url string) error {
	fmt.Printf("\n$ curl -i %s\n", url)
	client := &http.Client{Timeout: 10 * time.Second}
	for n := 1; n <= mostSent; n++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		fmt.Printf("request %2d: %s\n", n, resp.Status)
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusTooManyRequests:
			for _, name := range []string{"Retry-After", "Ratelimit-Policy", "Ratelimit"} {
				fmt.Printf("            %s: %s\n", name, resp.Header.Get(name))
			}
			fmt.Printf("            %s\n", body)
			if n <= tierCount {
				return fmt.Errorf("refused at request %d, although the tier has %d a minute", n, tierCount)
			}
			return nil
		default:
			return fmt.Errorf("unexpected answer: %s\n%s", resp.Status, body)
		}
	}
	return fmt.Errorf("%d requests passed a tier of %d a minute", mostSent, tierCount)
}
