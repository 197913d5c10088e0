package wire

import (
	"errors"
	"fmt"
	"io"
	"strconv"

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
	if !c.body.skippable() || c.server.draining.Load() {
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

// answer is the body of an answer on its way out.
type answer struct {
	conn    *conn
	x       *exchange.Exchange
	room    []byte // the whole buffer
	out     []byte // what of it waits to be written
	framing framing
}

// eager is a body that can tell whether Next would wait.
type eager interface{ ready() bool }

var errBodyLength = errors.New("the body does not have the announced length")

// send writes the body. What is small is gathered with the head and what
// follows without waiting, so that one system call carries all of it.
func (a *answer) send() error {
	m := &a.x.Response
	body, left := m.Body, m.Length
	waits, _ := body.(eager)
	// The chunk of a body that stands in memory can be had at once.
	known := waits == nil && body.Rewind()
	for ; ; known = false {
		if (a.framing != sized || left > 0) && !known && (waits == nil || !waits.ready()) {
			if err := a.flush(); err != nil {
				return err
			}
		}
		chunk, err := body.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// The receiver gets what came before the cut.
			_ = a.flush()
			return err
		}
		if left -= int64(len(chunk)); a.framing == sized && left < 0 {
			_ = a.flush()
			return errBodyLength
		}
		if err := a.add(chunk); err != nil {
			return err
		}
	}
	if a.framing == sized && left != 0 {
		_ = a.flush()
		return errBodyLength
	}
	if a.framing == chunked {
		a.out = appendLast(a.out, m)
	}
	return a.flush()
}

// add takes a chunk: copied when it is small, else written from where it is.
func (a *answer) add(chunk []byte) error {
	a.x.BytesOut += int64(len(chunk))
	if len(a.out)+len(chunk)+chunkCost > len(a.room) && len(a.out) > 0 && len(chunk) < len(a.room)/4 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	if len(a.out)+len(chunk)+chunkCost <= len(a.room) {
		if a.framing == chunked {
			a.out = appendChunk(a.out, chunk)
		} else {
			a.out = append(a.out, chunk...)
		}
		return nil
	}
	if a.framing == chunked {
		a.out = appendChunkSize(a.out, len(chunk))
	}
	err := a.conn.writeTwo(&a.conn.vector, a.out, chunk)
	a.out = a.room[:0]
	if a.framing == chunked {
		a.out = append(a.out, "\r\n"...)
	}
	return err
}

func (a *answer) flush() error {
	if len(a.out) == 0 {
		return nil
	}
	err := a.conn.write(a.out)
	a.out = a.room[:0]
	return err
}

// appendStatus adds a status line.
func appendStatus(b []byte, status int) []byte {
	if status == 200 {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, reasons[status]...)
	return append(b, "\r\n"...)
}

// reasons are the phrases of RFC 9110 section 15 and of what is registered
// besides; a phrase may be empty.
var reasons = [1000]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
	205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
	408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
	413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
	417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked",
	424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required",
	429: "Too Many Requests", 431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates",
	507: "Insufficient Storage", 508: "Loop Detected", 510: "Not Extended", 511: "Network Authentication Required",
}
