package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"mgw/runtime/internal/exchange"
)

// backendConn is a connection to a backend. While an exchange uses it, it is
// the body of the answer, too.
type backendConn struct {
	link
	target *upstream
	reused bool
	idle   int64 // since when, in the pool
	looked int64 // when it was last looked at there
	calm   bool

	ctx     context.Context
	x       *exchange.Exchange // nil in the pool
	head    responseHead
	message exchange.Message // the head as it came, and the interim ones
	body    inbound
	out     []byte      // of the request, not yet sent
	outRoom []byte      // its buffer
	sent    atomic.Bool // some of the request may have left
	outcome error       // of talk
	asked   []byte      // the protocol that the client wants to change to

	pump pump // of a body that was not sent with the head

	talk   func(fd uintptr) bool
	socket syscall.RawConn // to look at; also that of a TLS connection
	probe  func(fd uintptr)
}

func newBackendConn(u *upstream, nc net.Conn) *backendConn {
	b := &backendConn{target: u}
	b.nc, b.watch, b.patience = nc, u.transport.watch, u.transport.options.WriteTimeout
	b.raw = rawConn(nc)
	b.talk = b.writeAndWait
	b.socket, b.probe = b.raw, func(fd uintptr) { b.calm = rawQuiet(fd) }
	if secure, ok := nc.(*tls.Conn); ok {
		// Tickets may come at any time: only an end makes it unusable.
		b.socket, b.probe = rawConn(secure.NetConn()), func(fd uintptr) { b.calm = rawOpen(fd) }
	}
	return b
}

// quiet tells whether an idle connection can be used, as far as that can be
// seen.
func (b *backendConn) quiet() bool {
	if b.socket == nil {
		return true
	}
	b.calm = false
	return b.socket.Control(b.probe) == nil && b.calm
}

// exchange sends the request and reads the answer's head.
func (b *backendConn) exchange(ctx context.Context, x *exchange.Exchange, target []byte) error {
	b.ctx, b.x, b.asked = ctx, x, nil
	b.head = responseHead{}
	b.pump.err = nil
	b.sent.Store(false)
	b.halt.Store(false)
	b.outRoom = getSmall()
	err := b.request(x, target)
	if !b.pump.running {
		b.freeRoom()
	}
	if err == nil {
		err = b.answer(x)
	}
	return err
}

// Gone tells whether nobody waits for the answer any more.
func (b *backendConn) Gone() bool { return b.ctx.Err() != nil || b.x.Client.Gone() }

func (b *backendConn) freeRoom() {
	if b.outRoom != nil {
		putBuffer(b.outRoom)
		b.outRoom, b.out = nil, nil
	}
}

// stale tells whether a connection from the pool turned out to be closed.
func (b *backendConn) stale(err error) bool {
	return b.reused && b.start == b.end && !b.head.begun && !errors.Is(err, errTimeout) && !errors.Is(err, errGone) &&
		!errors.Is(err, errRequest)
}

// mostInterim bounds the interim answers to one request.
const mostInterim = 20

// answer reads heads until the final one.
func (b *backendConn) answer(x *exchange.Exchange) error {
	for range mostInterim {
		if err := b.readHead(x); err != nil {
			return err
		}
		switch status := b.head.status; {
		case status == 101:
			return b.switched(x)
		case status >= 200:
			b.final(x)
			return nil
		case status != 100: // that one is the front's to send
			b.message.StripHop()
			if err := x.Client.Inform(status, &b.message); err != nil {
				return err
			}
		}
	}
	return errInterim
}

// readHead reads one head.
func (b *backendConn) readHead(x *exchange.Exchange) error {
	b.message.Reset()
	b.head = responseHead{}
	for {
		if b.start < b.end {
			done, err := b.head.parse(b.buf[b.start:b.end], &b.message, &b.target.transport.limits)
			if done {
				b.start += b.head.start
				return b.head.conclude(&b.message, x.Method)
			}
			if err != nil {
				return err
			}
		}
		b.makeRoom()
		err := b.fill(b.in(b.target.to.Timeout), b)
		if errors.Is(err, errTimeout) && b.pump.progress.Swap(false) {
			continue // the body is still on its way
		}
		if err != nil {
			return b.why(err)
		}
	}
}

// makeRoom makes space for a read. Nothing of this buffer is lent yet.
func (b *backendConn) makeRoom() {
	if b.buf != nil && b.start == b.end {
		b.start, b.end = 0, 0
	}
	b.room()
}

// why finds the reason of a failed read: the request's body may be it.
func (b *backendConn) why(err error) error {
	if errors.Is(err, errCut) && b.pump.running {
		if err := b.pump.join(); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		if b.head.begun || b.start < b.end {
			return errClosed
		}
		return errNoAnswer
	}
	return err
}

// final fills the exchange with the answer.
func (b *backendConn) final(x *exchange.Exchange) {
	h, m := &b.head, &x.Response
	b.body.patience, b.body.who = b.target.to.Timeout, b
	if endless(b.message.Get(exchange.ContentType)) {
		b.body.patience = 0
	}
	b.message.StripHop()
	for _, f := range b.message.Fields {
		m.AddFieldOf(&b.message, f)
	}
	x.Status, m.Length = h.status, h.length
	if h.framing == noBody && h.status != 304 && x.Method != "HEAD" {
		m.Length = 0
	}
	b.body.begin(&b.link, m, h.framing, h.length, 0)
	if b.pump.running && !b.pump.ended.Load() {
		x.Uploading = true
		if d, ok := x.Request.Body.(interface{ Detach() }); ok {
			d.Detach()
		}
	}
	if h.framing == noBody {
		b.done()
		m.Body = nil
		return
	}
	m.SetStream(b)
}

// endless tells answers that may be silent for as long as they like.
func endless(contentType []byte) bool {
	const events = "text/event-stream"
	return len(contentType) >= len(events) && foldEqual(contentType[:len(events)], events)
}

// Next lends the next bytes of the answer's body.
func (b *backendConn) Next() ([]byte, error) {
	if b.x == nil {
		return nil, io.EOF
	}
	chunk, err := b.body.next()
	if err == nil {
		return chunk, nil
	}
	if errors.Is(err, io.EOF) {
		b.done()
		return nil, io.EOF
	}
	b.fail()
	return nil, err
}

func (b *backendConn) Ready() bool { return b.x == nil || b.body.Ready() }

// Rewind cannot be: the backend sends an answer once.
func (b *backendConn) Rewind() bool { return false }

// Abort gives the rest of the answer up, and the connection with it.
func (b *backendConn) Abort(error) {
	if b.x != nil {
		b.fail()
	}
}

// done ends an exchange whose answer has been read as a whole.
func (b *backendConn) done() {
	if !b.pump.sent() || !b.head.keepAlive || b.start < b.end {
		b.fail()
		return
	}
	b.forget()
	b.target.give(b)
}

// fail ends an exchange and its connection.
func (b *backendConn) fail() {
	b.stopPump()
	b.forget()
	b.target.leave()
	b.discard()
}

func (b *backendConn) forget() {
	b.freeRoom()
	b.ctx, b.x, b.asked = nil, nil, nil
	b.message.Reset()
	b.alarm.Store(0)
	b.drop()
}

// discard closes a connection that nobody uses.
func (b *backendConn) discard() {
	b.target.transport.watch.remove(b)
	_ = b.nc.Close()
}

// switched hands the connection over as a tunnel.
func (b *backendConn) switched(x *exchange.Exchange) error {
	protocol := b.message.Get(exchange.Upgrade)
	if b.asked == nil || !bytes.EqualFold(protocol, b.asked) {
		return errSwitched
	}
	for _, f := range b.message.Fields {
		x.Response.AddFieldOf(&b.message, f)
	}
	x.Status = 101
	b.alarm.Store(0)
	_ = b.nc.SetReadDeadline(time.Time{})
	x.Tunnel = newTunnel(b)
	return nil
}
