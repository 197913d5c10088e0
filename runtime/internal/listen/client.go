package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// client is the exchange's view of whoever asks.
type client struct {
	front    *front
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	body     *body     // nil: the request has none
	grpc     string    // the request's content type, "" when it is no gRPC call
	refused  bool      // the request never was one
	lost     bool      // the answer's body broke off
	deadline time.Time // of a gRPC call that has one
}

// open gives the exchange its client and body.
func (c *client) open(x *exchange.Exchange) {
	x.Client = c
	if kind := c.r.Header.Get("Content-Type"); c.r.ProtoMajor == 2 && exchange.IsGRPC([]byte(kind)) {
		c.grpc = kind
		if timeout := exchange.GRPCTimeout(c.r.Header.Get("Grpc-Timeout")); timeout > 0 {
			c.deadline = time.Now().Add(timeout)
		}
	}
	if c.r.ProtoMajor == 1 {
		// What the last answer on this connection left behind.
		_ = c.control.SetWriteDeadline(time.Time{})
	}
	// HTTP/2 without a body is known by its length alone.
	if c.r.Body == nil || c.r.Body == http.NoBody || c.r.ContentLength == 0 {
		return
	}
	// An answer may come before the request has been read.
	_ = c.control.EnableFullDuplex()
	x.Request.Length = c.r.ContentLength
	c.body = &body{
		front:   c.front,
		from:    c.r.Body,
		control: c.control,
		request: c.r,
		message: &x.Request,
		free:    c.grpc != "",
	}
	x.Request.Body = c.body
}

func (c *client) close() {
	if c.body == nil {
		return
	}
	if !c.body.ended.Load() {
		c.last()
	}
	c.body.close()
}

// last makes this the connection's last request. net/http has no call for
// that once the head has been written, except that a body larger than a
// handler allows has this effect.
func (c *client) last() {
	_, _ = http.MaxBytesReader(c.w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
}

func (c *client) Context() context.Context { return c.r.Context() }
func (c *client) Gone() bool               { return c.r.Context().Err() != nil }

// Inform sends an interim answer.
func (c *client) Inform(status int, head *exchange.Message) error {
	if c.r.ProtoMajor == 1 && c.r.ProtoMinor == 0 {
		return nil
	}
	h := c.w.Header()
	copyFields(h, head)
	c.w.WriteHeader(status)
	clear(h)
	return nil
}

// Reply writes the answer.
func (c *client) Reply(x *exchange.Exchange) error {
	if c.body != nil {
		defer func() { x.BytesIn = c.body.received.Load() }()
	}
	if x.Status == http.StatusSwitchingProtocols {
		return c.tunnel(x)
	}
	if x.Status < 200 || x.Status > 999 {
		// A stage's mistake; net/http would panic.
		reply.Internal.Send(x)
	}
	m := &x.Response
	h := c.w.Header()
	copyFields(h, m)
	if c.grpc != "" && c.refuseGRPC(x, h) {
		return nil
	}
	if c.r.ProtoMajor == 1 {
		c.persist(h, x)
	}
	bodiless := x.Method == "HEAD" || x.Status == http.StatusNoContent || x.Status == http.StatusNotModified
	known := m.Length != exchange.Unknown && x.Status != http.StatusNoContent && x.Status != http.StatusNotModified
	if known {
		h["Content-Length"] = []string{strconv.FormatInt(m.Length, 10)}
	}
	if known || bodiless {
		delete(h, "Trailer")
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	c.patience()
	c.w.WriteHeader(x.Status)
	if m.Body == nil {
		return nil
	}
	if bodiless {
		m.Body.Abort(errors.New("this answer has no body"))
		return nil
	}
	if err := c.writeBody(x); err != nil {
		x.Aborted = true
		m.Body.Abort(err)
		if c.lost && c.grpc != "" && c.lostGRPC(x, h) {
			return nil
		}
		return err
	}
	for _, f := range m.Trailers {
		h.Add(http.TrailerPrefix+string(m.Name(f)), string(m.Value(f)))
	}
	return nil
}

// persist says, while it can be said, when this is the connection's last
// answer.
func (c *client) persist(h http.Header, x *exchange.Exchange) {
	switch {
	case c.body != nil && !c.body.settle(x.Backend != ""):
		c.last()
	case c.refused || c.front.closing.Load() || c.front.options.NoKeepAlive:
		h["Connection"] = []string{"close"}
	}
}

// piece is what is written under one deadline.
const piece = 64 << 10

// writeBody passes chunks on as they come. What completes a body of known
// length is left to net/http to send, together with the head if it can.
func (c *client) writeBody(x *exchange.Exchange) error {
	m := &x.Response
	if m.Length == exchange.Unknown {
		if err := c.control.Flush(); err != nil {
			return fmt.Errorf("writing to the client: %w", err)
		}
		c.rest()
	}
	for {
		chunk, err := m.Body.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			c.lost = true
			return fmt.Errorf("reading the answer's body: %w", err)
		}
		if err := c.write(x, chunk); err != nil {
			return fmt.Errorf("writing to the client: %w", err)
		}
		if x.BytesOut != m.Length {
			if err := c.control.Flush(); err != nil {
				return fmt.Errorf("writing to the client: %w", err)
			}
			c.rest()
		}
	}
	if m.Length != exchange.Unknown && x.BytesOut != m.Length {
		return fmt.Errorf("the answer's body has %d bytes, its head says %d", x.BytesOut, m.Length)
	}
	return nil
}

func (c *client) write(x *exchange.Exchange, chunk []byte) error {
	for len(chunk) > 0 {
		n := min(len(chunk), piece)
		c.patience()
		written, err := c.w.Write(chunk[:n])
		x.BytesOut += int64(written)
		if err != nil {
			return err
		}
		chunk = chunk[n:]
	}
	return nil
}

// patience gives the client time to take the next piece.
func (c *client) patience() {
	_ = c.control.SetWriteDeadline(time.Now().Add(c.front.options.Timeouts.Write))
}

// rest ends the client's time: over HTTP/2 it would run on while nothing is
// written, and reset the stream.
func (c *client) rest() {
	if c.r.ProtoMajor == 2 {
		_ = c.control.SetWriteDeadline(time.Time{})
	}
}

// copyFields makes a header of a message. Framing and the fields of one
// connection are net/http's to write.
func copyFields(h http.Header, m *exchange.Message) {
	for _, f := range m.Fields {
		switch f.ID {
		case exchange.Connection, exchange.ContentLength, exchange.KeepAlive, exchange.ProxyConnection,
			exchange.TransferEncoding, exchange.Upgrade:
			continue
		}
		name := http.CanonicalHeaderKey(string(m.Name(f)))
		h[name] = append(h[name], string(m.Value(f)))
	}
}
