package listen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"mgw/runtime/internal/exchange"
)

// tunnel answers 101 and carries bytes both ways until both sides are done.
func (c *client) tunnel(x *exchange.Exchange) error {
	defer x.Tunnel.Close()
	conn, buffered, err := c.control.Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection: %w", err)
	}
	defer conn.Close()
	c.front.tunnels.add(conn)
	defer c.front.tunnels.remove(conn)
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("taking over the connection: %w", err)
	}
	if _, err := conn.Write(switching(&x.Response)); err != nil {
		return fmt.Errorf("writing to the client: %w", err)
	}
	// What the client sent ahead stands in net/http's buffer.
	ahead := io.LimitReader(buffered, int64(buffered.Reader.Buffered()))
	silent := newSilence(c.front.options.Timeouts.Tunnel, x.Tunnel, conn)
	defer silent.stop()
	in := make(chan int64)
	go func() { in <- pump(x.Tunnel, silent.watch(io.MultiReader(ahead, conn)), x.Tunnel, conn) }()
	x.BytesOut = pump(conn, silent.watch(x.Tunnel), x.Tunnel, conn)
	x.BytesIn = <-in
	return nil
}

// silence closes both sides of a tunnel when neither has said anything for too
// long; nil never does.
type silence struct {
	timer   *time.Timer
	timeout time.Duration
}

func newSilence(timeout time.Duration, both ...io.Closer) *silence {
	if timeout <= 0 {
		return nil
	}
	return &silence{timeout: timeout, timer: time.AfterFunc(timeout, func() {
		for _, c := range both {
			_ = c.Close()
		}
	})}
}

func (s *silence) stop() {
	if s != nil {
		s.timer.Stop()
	}
}

// watch gives a reader whose bytes break the silence.
func (s *silence) watch(from io.Reader) io.Reader {
	if s == nil {
		return from
	}
	return heard{from, s}
}

type heard struct {
	io.Reader
	silence *silence
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.silence.timer.Reset(h.silence.timeout)
	}
	return n, err
}

// switching gives the head of the answer.
func switching(m *exchange.Message) []byte {
	h := http.Header{}
	copyFields(h, m)
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", string(m.Get(exchange.Upgrade)))
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(head)
	head.WriteString("\r\n")
	return head.Bytes()
}

// pump copies until one side has no more to say, and tells the other so. When
// that cannot be told, or anything fails, both are closed.
func pump(to io.Writer, from io.Reader, both ...io.Closer) int64 {
	n, err := io.Copy(to, from)
	if err == nil {
		err = errors.ErrUnsupported
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			err = half.CloseWrite()
		}
	}
	if err != nil {
		for _, c := range both {
			_ = c.Close()
		}
	}
	return n
}
