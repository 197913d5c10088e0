package wire

import (
	"context"
	"sync"
	"time"
)

// clientContext ends when the client is gone or its exchange is done. It costs
// nothing until somebody waits for it, and one that nobody has waited for
// serves the next exchange, too.
type clientContext struct {
	base context.Context

	mu   sync.Mutex
	done chan struct{} // nil until somebody asked
	err  error
}

func newClientContext(base context.Context) *clientContext { return &clientContext{base: base} }

func (c *clientContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *clientContext) Value(key any) any           { return c.base.Value(key) }

func (c *clientContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

func (c *clientContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// end ends it for good.
func (c *clientContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
}

// awaited tells whether somebody waits for an end that has not come.
func (c *clientContext) awaited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done != nil && c.err == nil
}

// untouched tells whether nobody has waited for it and it has not ended.
func (c *clientContext) untouched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done == nil && c.err == nil
}

// Context gives the context of the exchange that is served.
func (c *conn) Context() context.Context { return c.context.Load() }

// endContext ends it, and has one ready for the next exchange.
func (c *conn) endContext() {
	if ctx := c.context.Load(); !ctx.untouched() {
		ctx.end()
		c.context.Store(newClientContext(c.server.base))
	}
}

// Gone tells whether the client has closed its side.
func (c *conn) Gone() bool {
	gone := c.cut.Load() || c.socket != nil && peerClosed(c.socket)
	if gone {
		c.context.Load().end()
	}
	return gone
}

// look is called by the watch.
func (c *conn) look(now int64) {
	c.link.look(now)
	if c.context.Load().awaited() {
		c.Gone()
	}
}
