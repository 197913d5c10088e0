// Package security_test follows the README of the security sample, and then
// tries what must and what must not work with each kind of credential.
package security_test

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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
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
