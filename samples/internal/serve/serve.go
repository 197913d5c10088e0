// Package serve is what the samples' servers have in common: a flag for the
// address, a first line that says where they listen, and a graceful end at a
// signal.
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// endBound is how long requests under way may take at the end.
const endBound = 5 * time.Second

// Main runs a server until SIGTERM or an interrupt and ends the process. The
// handler is made when the server's URL is known, which is the first line that
// it prints.
func Main(name, address string, handler func(url string) (http.Handler, error)) {
	addr := flag.String("addr", address, "`address` to listen on; port 0 picks a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr, handler)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, addr string, handler func(url string) (http.Handler, error)) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	url := "http://" + ln.Addr().String()
	h, err := handler(url)
	if err != nil {
		ln.Close()
		return err
	}
	fmt.Println(url)
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), endBound)
		defer cancel()
		stopped <- server.Shutdown(bound)
	}()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
