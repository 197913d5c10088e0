package trafficmanager

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// committer brings decisions to the store, those of all workers in one
// transaction, and then to the gateways. A store that is slow holds them up for
// a moment only: what passes meanwhile passes beyond the limit, while a store
// that is behind costs something only if the manager ends just then.
type committer struct {
	save    func([]*held) error
	publish func([]*held)
	log     *slog.Logger

	mu      sync.Mutex
	waiting []*held       // for publish
	unsaved []*held       // for save
	done    chan struct{} // closed when unsaved has been tried; nil while it is empty
	filled  chan struct{}
	outage  outage // of the store
	stored  atomic.Uint64
}

// patience is how long decisions wait for the store.
const patience = 5 * time.Millisecond

func (c *committer) add(all []*held) {
	if len(all) == 0 {
		return
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, all...)
	c.mu.Unlock()
	wake(c.filled)
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run commits until stop, then what is left.
func (c *committer) run(stop <-chan struct{}) {
	due := make(chan struct{}, 1)
	saving := start(func(ctx context.Context) {
		for {
			select {
			case <-due:
				c.store()
			case <-ctx.Done():
				c.store()
				return
			}
		}
	})
	defer saving()
	for {
		select {
		case <-c.filled:
			c.flush(due)
		case <-stop:
			c.flush(due)
			return
		}
	}
}

// flush hands what waits to the store, and after it or after a while to the
// gateways.
func (c *committer) flush(due chan struct{}) {
	c.mu.Lock()
	all := c.waiting
	if len(all) == 0 {
		c.mu.Unlock()
		return
	}
	c.waiting, c.unsaved = nil, append(c.unsaved, all...)
	if c.done == nil {
		c.done = make(chan struct{})
	}
	done := c.done
	c.mu.Unlock()
	wake(due)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	c.publish(all)
}

// store saves what is not yet.
func (c *committer) store() {
	c.mu.Lock()
	all, done := c.unsaved, c.done
	c.unsaved, c.done = nil, nil
	c.mu.Unlock()
	if len(all) == 0 {
		return
	}
	// A store that fails costs what a restart would lose, not the limits.
	err := c.save(all)
	c.outage.note(c.log, err)
	if err == nil {
		c.stored.Add(uint64(len(all)))
	}
	close(done)
}
