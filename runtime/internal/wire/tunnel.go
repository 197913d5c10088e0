package wire

import (
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
	room := getSmall()
	defer putBuffer(room)
	out := appendStatus(room[:0], 101)
	out = appendFields(out, &x.Response)
	out = appendUpgrade(out, x.Response.Get(exchange.Upgrade))
	if err := c.write(append(out, "\r\n"...)); err != nil {
		x.Aborted = true
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.fromTunnel(x)
	}()
	c.toTunnel(x, room)
	// The client has ended; what is under way to it may still arrive.
	if half, ok := x.Tunnel.(interface{ CloseWrite() error }); !ok || c.cut.Load() || half.CloseWrite() != nil {
		_ = x.Tunnel.Close()
	}
	timer := time.AfterFunc(halfOpen, func() { _ = x.Tunnel.Close() })
	<-done
	timer.Stop()
	return nil
}

// toTunnel carries what the client sends.
func (c *conn) toTunnel(x *exchange.Exchange, room []byte) {
	chunk := c.buf[c.start:c.end]
	for {
		if len(chunk) > 0 {
			x.BytesIn += int64(len(chunk))
			if _, err := x.Tunnel.Write(chunk); err != nil {
				return
			}
		}
		c.start = c.end
		c.alarm.Store(c.in(c.server.options.TunnelTimeout))
		n, err := c.nc.Read(room)
		if n == 0 && !c.stillOpen(err) {
			return
		}
		chunk = room[:n]
	}
}

// stillOpen judges an empty read. The other direction moves the alarm too.
func (c *conn) stillOpen(err error) bool {
	return c.woken(err, c.alarm.Load(), nil) == nil
}

// fromTunnel carries what the backend sends.
func (c *conn) fromTunnel(x *exchange.Exchange) {
	room := getSmall()
	defer putBuffer(room)
	for {
		n, err := x.Tunnel.Read(room)
		if n > 0 {
			x.BytesOut += int64(n)
			c.alarm.Store(c.in(c.server.options.TunnelTimeout))
			if c.write(room[:n]) != nil {
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

// tunnel is the backend's side of an upgraded connection.
type tunnel struct {
	conn   *backendConn
	closed sync.Once
}

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
