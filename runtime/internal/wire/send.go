package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mgw/runtime/internal/exchange"
)

// request sends the head and a body that fits beside it. What is longer, or
// of unknown length, is sent by a goroutine of its own, so that an answer that
// comes early is seen.
func (b *backendConn) request(x *exchange.Exchange, target []byte) error {
	m := &x.Request
	b.out = b.appendHead(b.outRoom[:0], x, target)
	if m.Body != nil && (m.Length < 0 || m.Length > int64(len(b.outRoom)-len(b.out))) {
		b.startPump()
		return nil
	}
	if m.Body != nil {
		if err := b.gather(m); err != nil {
			return err
		}
	}
	return b.send()
}

// appendHead makes the request's head anew: nothing of the client's framing
// or connection goes on.
func (b *backendConn) appendHead(out []byte, x *exchange.Exchange, target []byte) []byte {
	m := &x.Request
	out = append(out, x.Method...)
	out = append(out, ' ')
	via := b.target.named()
	if via != nil {
		out = append(out, via.origin...)
	}
	out = append(out, target...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, b.target.to.Host...)
	out = append(out, "\r\n"...)
	if via != nil {
		out = append(out, via.field...)
	}
	for _, f := range m.Fields {
		if f.ID != exchange.Host && f.ID != exchange.Expect && !hopByHop(f.ID) {
			out = appendField(out, m.Name(f), m.Value(f))
		}
	}
	switch {
	case m.Body != nil && m.Length < 0:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
		out = appendTrailerNames(out, m)
	case m.Body != nil || x.Method == "POST" || x.Method == "PUT" || x.Method == "PATCH":
		out = appendLength(out, max(m.Length, 0))
	}
	if b.asked = wantedProtocol(x); b.asked != nil {
		out = appendUpgrade(out, b.asked)
	} else if m.HasToken(exchange.TE, "trailers") {
		out = append(out, "TE: trailers\r\nConnection: TE\r\n"...)
	}
	return append(out, "\r\n"...)
}

// wantedProtocol gives the one protocol that a client may change to through
// this gateway, nil for none. HTTP/2 is the front's business alone.
func wantedProtocol(x *exchange.Exchange) []byte {
	m := &x.Request
	want := m.Get(exchange.Upgrade)
	if want == nil || x.Major != 1 || x.Minor != 1 || x.Method != "GET" || m.Body != nil || m.Count(exchange.Upgrade) != 1 {
		return nil
	}
	if !m.HasToken(exchange.Connection, "upgrade") {
		return nil
	}
	name, version, _ := bytes.Cut(want, []byte("/"))
	if len(name) == 0 || !only(name, inToken) || !only(version, inToken) {
		return nil
	}
	for _, never := range []string{"h2c", "h2", "http", "tls"} {
		if foldEqual(name, never) {
			return nil
		}
	}
	return want
}

// gather copies a body of known length behind the head.
func (b *backendConn) gather(m *exchange.Message) error {
	left := m.Length
	for {
		chunk, err := m.Body.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errRequest, err)
		}
		if left -= int64(len(chunk)); left < 0 {
			break
		}
		b.out = append(b.out, chunk...)
	}
	if left != 0 {
		return fmt.Errorf("%w: %w", errRequest, errBodyLength)
	}
	return nil
}

// send writes what is gathered. Where it can, it then waits for the answer
// inside of the poller and makes the first read.
func (b *backendConn) send() error {
	if b.raw == nil {
		b.sent.Store(true)
		return b.write(b.out)
	}
	b.outcome = nil
	deadline := b.in(b.target.to.Timeout)
	b.arm(deadline, b)
	err := b.raw.Read(b.talk)
	if err != nil {
		err = b.woken(err, deadline, b) // nil: to read on
	}
	if err == nil {
		err = b.outcome
	}
	if err != nil {
		return b.why(err)
	}
	if len(b.out) > 0 {
		b.sent.Store(true)
		return b.write(b.out)
	}
	return nil
}

// writeAndWait runs in the poller: it writes, lets the goroutine wait until
// there is something to read, and reads it. The poller forgets what came
// before its first call, and an answer cannot come before that.
func (b *backendConn) writeAndWait(fd uintptr) bool {
	if len(b.out) > 0 {
		n, err := rawWrite(fd, b.out)
		if n > 0 {
			b.sent.Store(true)
		}
		b.out = b.out[n:]
		b.outcome = err
		if err != nil || len(b.out) > 0 {
			return true
		}
		b.freeRoom() // no memory is held while the backend thinks
		return false
	}
	b.makeRoom()
	n, again, err := rawRead(fd, b.buf[b.end:])
	if again {
		return false
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	b.end += n
	b.outcome = err
	return true
}
