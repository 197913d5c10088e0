package listen_test

import (
	"context"
	"testing"
	"time"

	"mgw/runtime/internal/listen"
)

// start serves until the test ends.
func start(t *testing.T, o listen.Options) *listen.Listener {
	t.Helper()
	l, err := listen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = l.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l
}
