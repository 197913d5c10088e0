package wire

import (
	"time"

	"mgw/runtime/internal/exchange"
)

// run serves until the connection is to be closed.
func (c *conn) run() {
	c.idle, c.probed = c.watch.now.Load(), c.raw == nil
	c.rest()
	for !c.closing {
		err := c.await()
		if err != nil && !c.resume(err) {
			return
		}
		for c.whole && !c.closing {
			c.serve()
			c.handle(false)
		}
		c.rest()
	}
}

// await waits for bytes and serves what it can.
func (c *conn) await() error {
	if c.raw != nil {
		return c.raw.Read(c.step)
	}
	// One byte at first: an idle connection holds no buffer.
	if c.buf == nil {
		if n, err := c.nc.Read(c.one[:]); n == 0 {
			return err
		}
		c.room()
		c.buf[c.end] = c.one[0]
		c.end++
		c.since = c.watch.now.Load()
		c.alarm.Store(c.since + int64(c.server.options.HeaderTimeout))
	}
	c.room()
	n, err := c.nc.Read(c.buf[c.end:])
	if n == 0 {
		return err
	}
	c.end += n
	c.handle(false)
	return nil
}

// readable reads and serves until there is nothing to read. It gives true to
// leave the poller: to close, or for a request that needs more reads.
func (c *conn) readable(fd uintptr) bool {
	c.fd, c.polled = fd, true
	defer c.leavePoller()
	for {
		c.room()
		n, again, err := rawRead(fd, c.buf[c.end:])
		if again {
			if c.lastLook {
				c.closing = true
				return true
			}
			c.rest()
			return c.closing
		}
		if n == 0 || err != nil {
			c.closing = true
			return true
		}
		full := n == len(c.buf)-c.end
		c.end += n
		if c.handle(true); c.whole || c.closing {
			return true
		}
		// A short read has emptied the socket; what comes later wakes us.
		if !full {
			c.rest()
			return c.closing
		}
	}
}

func (c *conn) leavePoller() { c.polled = false }

// write sends b; where the descriptor is at hand, without net's detours.
func (c *conn) write(b []byte) error {
	if c.polled {
		n, err := rawWrite(c.fd, b)
		if err != nil || n == len(b) {
			return err
		}
		b = b[n:]
	}
	return c.link.write(b)
}

// rest prepares for waiting: memory goes back, the alarm is set.
func (c *conn) rest() {
	if c.start < c.end {
		c.alarm.Store(c.since + int64(c.server.options.HeaderTimeout))
		return
	}
	c.drop()
	if c.x != nil {
		exchange.Release(c.x)
		c.x = nil
	}
	if c.server.draining.Load() && !c.lastLook {
		c.wake()
	}
	c.alarm.Store(c.idle + int64(c.idleLook()))
}

// lastRead is how long a connection without a poller is read once more before
// it is closed.
const lastRead = 5 * time.Millisecond

// idleLook is how long an idle connection sleeps: at first a moment, as an end
// that came together with the last request's bytes does not wake it.
func (c *conn) idleLook() time.Duration {
	if !c.probed {
		return min(lookEvery, c.idleTimeout())
	}
	return c.idleTimeout()
}

// idleTimeout is shorter for a client that has never asked for anything.
func (c *conn) idleTimeout() time.Duration {
	if !c.served {
		return c.server.options.HeaderTimeout
	}
	return c.server.options.IdleTimeout
}

// resume judges why waiting ended; true means to go on.
func (c *conn) resume(err error) bool {
	if !isTimeout(err) || c.cut.Load() {
		return false
	}
	now := c.watch.now.Load()
	switch {
	case c.x == nil && c.start == c.end && c.server.draining.Load():
		// A request may have arrived that was sent before the client could know.
		if c.lastLook {
			return false
		}
		c.lastLook = true
	case now < c.alarm.Load():
	case c.start < c.end:
		c.refuse(errHeadSlow)
		return false
	case !c.probed:
		c.probed = true
		c.alarm.Store(c.idle + int64(c.idleTimeout()))
	default:
		return false
	}
	deadline := time.Time{}
	if c.lastLook && c.raw == nil {
		deadline = time.Now().Add(lastRead)
	}
	return c.nc.SetReadDeadline(deadline) == nil
}

// wake makes the goroutine look around if it is waiting.
func (c *conn) wake() { _ = c.nc.SetReadDeadline(past) }
