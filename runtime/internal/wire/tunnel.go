package wire

import (
	"io"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
)

// halfOpen is how long the rest of a tunnel may stay open when one side has
// ended.
const halfOpen = 10 * time.Second

// upgrade grants the change of protocol and carries bytes both ways until
// both sides are done.
func (c *conn) upgrade(x *exchange.Exchange) error {
	c.closing = true
	c.writing.Lock()
	c.replied = true
	c.writing.Unlock()
	defer x.Tunnel.Close()
	if err := c.grant(x); err != nil {
		x.Aborted = true
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.fromTunnel(x)
	}()
	c.toTunnel(x)
	// The client has ended; what is under way to it may still arrive.
	if half, ok := x.Tunnel.(interface{ CloseWrite() error }); !ok || c.cut.Load() || half.CloseWrite() != nil {
		_ = x.Tunnel.Close()
	}
	timer := time.AfterFunc(halfOpen, func() { _ = x.Tunnel.Close() })
	<-done
	timer.Stop()
	return nil
}

// grant sends the head of the answer.
func (c *conn) grant(x *exchange.Exchange) error {
	room := getSmall()
	defer putBuffer(room)
	out := appendStatus(room[:0], 101)
	out = appendFields(out, &x.Response)
	out = appendUpgrade(out, x.Response.Get(exchange.Upgrade))
	return c.write(append(out, "\r\n"...))
}

// toTunnel carries what the client sends: at first what it has sent ahead.
func (c *conn) toTunnel(x *exchange.Exchange) {
	if ahead := c.buf[c.start:c.end]; len(ahead) > 0 {
		x.BytesIn += int64(len(ahead))
		if _, err := x.Tunnel.Write(ahead); err != nil {
			return
		}
	}
	c.unlend(x)
	from := newTrickle(c.nc, c.raw)
	defer from.rest()
	for {
		c.alarm.Store(c.in(c.server.options.TunnelTimeout))
		chunk, err := from.next()
		if len(chunk) == 0 {
			if !c.stillOpen(err) {
				return
			}
			continue
		}
		x.BytesIn += int64(len(chunk))
		if _, err := x.Tunnel.Write(chunk); err != nil {
			return
		}
	}
}

// unlend gives the exchange its own copy of what the buffer lent it. The buffer
// goes to the collector, as a stage may have kept a part of it until Done.
func (c *conn) unlend(x *exchange.Exchange) {
	x.Own()
	c.buf, c.held = nil, nil
	c.start, c.end, c.lent = 0, 0, 0
}

// stillOpen judges an empty read. The other direction moves the alarm too.
func (c *conn) stillOpen(err error) bool {
	return c.woken(err, c.alarm.Load(), nil) == nil
}

// fromTunnel carries what the backend sends.
func (c *conn) fromTunnel(x *exchange.Exchange) {
	next, rest := tunnelReader(x.Tunnel)
	defer rest()
	for {
		chunk, err := next()
		if len(chunk) > 0 {
			x.BytesOut += int64(len(chunk))
			c.alarm.Store(c.in(c.server.options.TunnelTimeout))
			if c.write(chunk) != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	// The client gets a moment to end its side.
	c.alarm.Store(c.in(halfOpen))
}

// tunnelReader gives how to read a tunnel, and how to end that.
func tunnelReader(from io.Reader) (next func() ([]byte, error), rest func()) {
	if t, ok := from.(*tunnel); ok {
		return t.next, t.from.rest
	}
	t := newTrickle(from, nil)
	return t.next, t.rest
}

// tunnel is the backend's side of an upgraded connection.
type tunnel struct {
	conn   *backendConn
	from   *trickle
	closed sync.Once
}

func newTunnel(b *backendConn) *tunnel { return &tunnel{conn: b, from: newTrickle(b.nc, b.raw)} }

// next lends what the backend has sent: at first what came with its answer.
func (t *tunnel) next() ([]byte, error) {
	b := t.conn
	if b.start < b.end {
		chunk := b.buf[b.start:b.end]
		b.start = b.end
		return chunk, nil
	}
	b.drop()
	for {
		chunk, err := t.from.next()
		if len(chunk) > 0 || b.woken(err, 0, nil) != nil {
			return chunk, err
		}
	}
}

// Read is next for those who bring a buffer.
func (t *tunnel) Read(p []byte) (int, error) {
	b := t.conn
	if b.start < b.end {
		n := copy(p, b.buf[b.start:b.end])
		b.start += n
		return n, nil
	}
	for {
		n, err := b.nc.Read(p)
		if n > 0 || b.woken(err, 0, nil) != nil {
			return n, err
		}
	}
}

func (t *tunnel) Write(p []byte) (int, error) {
	if err := t.conn.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (t *tunnel) CloseWrite() error {
	if half, ok := t.conn.nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}

// Close ends the connection; a Read that waits fails.
func (t *tunnel) Close() error {
	t.closed.Do(func() {
		t.conn.interrupt()
		t.conn.target.leave()
		t.conn.discard()
	})
	return nil
}
