// Command mgw turns OpenAPI definitions and throttling tiers into a gateway.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"mgw/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
