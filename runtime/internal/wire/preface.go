package wire

import (
	"bytes"
	"errors"
	"net"
	"time"

	"mgw/runtime/internal/exchange"
)

// preface is how HTTP/2 with prior knowledge opens (RFC 9113 section 3.4): a
// request line whose version this engine does not know. So only connections
// that are about to be refused are looked at.
const preface = "PRI * HTTP/2.0\r\n"

// http2 tells whether a refused head is the preface: the first bytes of a
// plaintext connection. On TLS, ALPN has said what is spoken.
func (c *conn) http2(refused error) bool {
	return errors.Is(refused, errUnknown) && c.server.options.HTTP2 && c.tls == nil && !c.served &&
		bytes.HasPrefix(c.buf[c.start:c.end], []byte(preface))
}

// leave closes the connection, or gives it back with what has been read.
func (c *conn) leave() net.Conn {
	if !c.preface || c.cut.Load() {
		c.close()
		return nil
	}
	whole := &readAhead{Conn: c.nc, bytes: bytes.Clone(c.buf[c.start:c.end])}
	exchange.Release(c.x)
	c.x = nil
	c.drop()
	_ = c.nc.SetDeadline(time.Time{})
	return whole
}

// readAhead is a connection of which some bytes have been read.
type readAhead struct {
	net.Conn
	bytes []byte
}

func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.bytes) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.bytes)
	if r.bytes = r.bytes[n:]; len(r.bytes) == 0 {
		r.bytes = nil
	}
	return n, nil
}
