package intercept

import (
	"context"
	"sync"
	"time"
)

// callContext is the context of one function. Its timer, and its watch over the
// client, come into being when somebody waits for its end: most functions do
// not.
type callContext struct {
	parent   context.Context
	deadline time.Time

	mu     sync.Mutex
	made   context.Context // nil until somebody waits
	cancel context.CancelFunc
	over   bool
}

func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, true }

// watched gives the context that does the work.
func (c *callContext) watched() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made, c.cancel = context.WithDeadline(c.parent, c.deadline)
		if c.over {
			c.cancel()
		}
	}
	return c.made
}

func (c *callContext) Done() <-chan struct{} { return c.watched().Done() }

func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.made != nil:
		return c.made.Err()
	case c.over:
		return context.Canceled
	case c.parent.Err() != nil:
		return c.parent.Err()
	case !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value asks the context that does the work where there is one, so that what is
// derived from this one ends with it without a goroutine.
func (c *callContext) Value(key any) any {
	c.mu.Lock()
	made := c.made
	c.mu.Unlock()
	if made != nil {
		return made.Value(key)
	}
	return c.parent.Value(key)
}

// end ends it with its function.
func (c *callContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}
