package trafficmanager

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/event"
)

// committing runs a committer with a store that takes so long for each
// transaction, and gives what was stored and published, and when.
type committing struct {
	*committer
	mu        sync.Mutex
	stored    []int // decisions in each transaction
	published []time.Duration
}

func newCommitting(t *testing.T, takes time.Duration) *committing {
	t.Helper()
	c, began := new(committing), time.Now()
	c.committer = &committer{
		filled: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler),
		save: func(all []*held) error {
			time.Sleep(takes)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stored = append(c.stored, len(all))
			return nil
		},
		publish: func(all []*held) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for range all {
				c.published = append(c.published, time.Since(began))
			}
		},
	}
	return c
}

func decided(t *testing.T, key string) []*held {
	t.Helper()
	d, err := newHeld(&event.Decision{Key: key, Throttled: true, Expiry: 1})
	if err != nil {
		t.Fatal(err)
	}
	return []*held{d}
}

func TestDecisionsAreStoredBeforeTheyArePublishedUnlessTheStoreIsSlow(t *testing.T) {
	for _, tc := range []struct {
		name      string
		takes     time.Duration
		published []time.Duration
		stored    []int
	}{
		{"fast", time.Millisecond, []time.Duration{time.Millisecond, 101 * time.Millisecond, 111 * time.Millisecond}, []int{1, 1, 1}},
		{"slow", time.Second, []time.Duration{patience, 100*time.Millisecond + patience, 110*time.Millisecond + patience}, []int{1, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCommitting(t, tc.takes)
				stop := make(chan struct{})
				ended := make(chan struct{})
				go func() { defer close(ended); c.run(stop) }()
				c.add(decided(t, "a"))
				time.Sleep(100 * time.Millisecond)
				c.add(decided(t, "b"))
				time.Sleep(10 * time.Millisecond)
				c.add(decided(t, "c"))
				synctest.Wait()
				time.Sleep(20 * time.Millisecond)
				close(stop)
				<-ended // everything is stored by then
				if !slices.Equal(c.published, tc.published) || !slices.Equal(c.stored, tc.stored) {
					t.Errorf("published at %v, stored %v", c.published, c.stored)
				}
			})
		})
	}
}
