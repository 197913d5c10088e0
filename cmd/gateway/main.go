// Command gateway runs the gateway executables that mgw builds.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"mgw/cmd/internal/launch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := launch.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
