// Package tiers_test follows the README of the tiers sample and then meets each
// of its limits.
package tiers_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

// sample runs for all tests.
var sample *harness.Sample

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	// What is spent in one window must not be looked at in the next.
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, 2*time.Minute))
	var err error
	sample, err = harness.Follow(ctx, "README.md")
	defer func() {
		if err := sample.Settle(); err != nil {
			fmt.Fprintln(os.Stderr, "ending the sample:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func TestNothing(t *testing.T) {}
