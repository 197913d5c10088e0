// Command trafficmanager limits a cluster of gateways as one.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"mgw/runtime/trafficmanager"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := trafficmanager.Program{Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(p.Run(ctx, os.Args[1:]))
}
