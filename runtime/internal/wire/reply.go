package wire

import (
	"errors"
	"fmt"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// Inform sends an interim answer, unless the final one has begun.
func (c *conn) Inform(status int, head *exchange.Message) error {
	if c.head.minor == 0 || status < 100 || status > 199 || status == 101 {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.replied {
		return nil
	}
	if status == 100 {
		if !c.body.expect {
			return nil
		}
		c.body.expect = false
		return c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	}
	room := getSmall()
	defer putBuffer(room)
	out := appendStatus(room[:0], status)
	if head != nil {
		out = appendFields(out, head)
	}
	return c.write(append(out, "\r\n"...))
}

// Reply writes the answer of the exchange.
func (c *conn) Reply(x *exchange.Exchange) error {
	if c.Context().Err() != nil {
		discard(&x.Response, errGone)
		if x.Tunnel != nil {
			_ = x.Tunnel.Close()
		}
		x.Aborted, c.closing = true, true
		return errGone
	}
	if x.Tunnel != nil {
		// A client that did not ask may be waited for in the poller.
		if x.Status == 101 && !c.polled {
			return c.upgrade(x)
		}
		_ = x.Tunnel.Close()
	}
	if x.Status < 200 || x.Status > 999 {
		discard(&x.Response, errClosed)
		x.Response.Reset()
		reply.Internal.Send(x)
	}
	c.writing.Lock()
	c.replied = true
	c.writing.Unlock()
	if !c.body.skippable(x.Backend != "") || c.server.draining.Load() || c.server.options.NoKeepAlive {
		c.head.keepAlive = false
	}
	room := getSmall()
	err := c.send(x, room)
	putBuffer(room)
	if err != nil {
		x.Aborted = true
		c.closing = true
	}
	return err
}

var errUnwanted = errors.New("this answer has no body")

func discard(m *exchange.Message, why error) {
	if m.Body != nil {
		m.Body.Abort(why)
	}
}

// send writes head and body; room is memory for both.
func (c *conn) send(x *exchange.Exchange, room []byte) error {
	m := &x.Response
	out := appendStatus(room[:0], x.Status)
	if m.Get(exchange.Date) == nil {
		out = append(out, "Date: "...)
		out = append(out, *c.watch.date.Load()...)
		out = append(out, "\r\n"...)
	}
	out = appendFields(out, m)
	how := noBody
	out, how = c.appendFraming(out, x)
	out = append(out, "\r\n"...)
	if how == noBody {
		discard(m, errUnwanted)
		return c.write(out)
	}
	a := answer{conn: c, x: x, room: room, out: out, framing: how}
	if err := a.send(); err != nil {
		m.Body.Abort(err)
		if how == untilClose {
			c.reset()
		}
		return fmt.Errorf("sending the answer: %w", err)
	}
	return nil
}

// appendFraming decides how the body is delimited and whether the connection
// stays (RFC 9112 sections 6 and 9).
func (c *conn) appendFraming(out []byte, x *exchange.Exchange) ([]byte, framing) {
	m := &x.Response
	how := noBody
	switch {
	case x.Status == 204:
	case x.Status == 304:
		if m.Body == nil && m.Length > 0 {
			out = appendLength(out, m.Length)
		}
	case x.Method == "HEAD":
		if m.Length >= 0 {
			out = appendLength(out, m.Length)
		}
	case m.Body == nil:
		out = appendLength(out, 0)
	case m.Length >= 0:
		out = appendLength(out, m.Length)
		how = sized
	case c.head.minor == 1:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
		out = appendTrailerNames(out, m)
		how = chunked
	default:
		c.head.keepAlive = false
		how = untilClose
	}
	switch {
	case !c.head.keepAlive:
		out = append(out, "Connection: close\r\n"...)
	case c.head.minor == 0:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	return out, how
}

// reset makes the end of the connection an error for the client: where the
// close ends the body, nothing else tells that it was cut.
func (c *conn) reset() {
	c.cut.Store(true)
	if tcp, ok := c.nc.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}
