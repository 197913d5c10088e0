package wire

import (
	"errors"
	"io"
	"net"
	"time"

	"mgw/runtime/internal/exchange"
)

// backendConn is a connection to a backend. While an exchange uses it, it is
// the body of the answer, too.
type backendConn struct {
	link
	target *Target
	reused bool
	idle   int64 // since when, in the pool
	calm   bool

	x       *exchange.Exchange // nil in the pool
	head    responseHead
	message exchange.Message // the head as it came, and the interim ones
	body    inbound
	out     []byte // of the request, not yet sent
	room    []byte // its buffer
	sent    int    // bytes of the request that have left
	outcome error  // of talk
	asked   []byte // the protocol that the client wants to change to

	pumping chan struct{} // closed when the request body has been sent; nil when it was with the head
	pumpErr error
	unsent  bool // the body waits for 100

	talk  func(fd uintptr) bool
	probe func(fd uintptr)
}

func newBackendConn(g *Target, nc net.Conn) *backendConn {
	b := &backendConn{target: g}
	b.nc, b.watch, b.patience = nc, g.transport.watch, g.transport.options.WriteTimeout
	b.raw = rawConn(nc)
	b.talk = b.writeAndWait
	b.probe = b.listen
	return b
}

// quiet tells whether an idle connection can be used.
func (b *backendConn) quiet() bool {
	b.calm = false
	return b.raw.Control(b.probe) == nil && b.calm
}

func (b *backendConn) listen(fd uintptr) { b.calm = rawQuiet(fd) }

// exchange sends the request and reads the answer's head.
func (b *backendConn) exchange(x *exchange.Exchange, call *Call) error {
	b.x, b.sent, b.pumping, b.pumpErr, b.asked, b.unsent = x, 0, nil, nil, nil, false
	b.halt.Store(false)
	b.room = getSmall()
	err := b.request(x, call)
	if b.pumping == nil {
		b.freeRoom()
	}
	if err == nil {
		err = b.answer(x, call)
	}
	return err
}

func (b *backendConn) freeRoom() {
	if b.room != nil {
		putBuffer(b.room)
		b.room, b.out = nil, nil
	}
}

// stale tells whether a connection from the pool turned out to be closed.
func (b *backendConn) stale(err error) bool {
	return b.reused && b.start == b.end && !b.head.begun && !errors.Is(err, errTimeout) && !errors.Is(err, errGone) &&
		!errors.Is(err, ErrRequest)
}

// answer reads heads until the final one.
func (b *backendConn) answer(x *exchange.Exchange, call *Call) error {
	deadline := b.in(call.Timeout)
	for interim := 0; ; interim++ {
		if interim > 20 {
			return errInterim
		}
		if err := b.readHead(x, deadline, call); err != nil {
			return err
		}
		if b.head.status == 101 {
			return b.switched(x)
		}
		if b.head.status >= 200 {
			return b.final(x, call)
		}
		if err := b.interim(x); err != nil {
			return err
		}
	}
}

// readHead reads one head. A body that waits for 100 is sent anyway when that
// takes too long.
func (b *backendConn) readHead(x *exchange.Exchange, deadline int64, call *Call) error {
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
		b.room16()
		at := deadline
		if b.unsent {
			at = b.in(b.target.transport.options.ExpectTimeout)
		}
		err := b.fill(at, x.Client)
		if b.unsent && errors.Is(err, errTimeout) {
			err = b.proceed()
		}
		if err != nil {
			return b.why(err)
		}
	}
}

// room16 makes space for a read. Nothing of this buffer is lent yet.
func (b *backendConn) room16() {
	if b.buf != nil && b.start == b.end {
		b.start, b.end = 0, 0
	}
	b.link.room()
}

// why finds the reason of a failed read: the request's body may be it.
func (b *backendConn) why(err error) error {
	if errors.Is(err, errCut) && b.pumping != nil {
		<-b.pumping
		if b.pumpErr != nil {
			return b.pumpErr
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

// interim passes a 1xx answer on.
func (b *backendConn) interim(x *exchange.Exchange) error {
	if b.head.status == 100 {
		if !b.unsent {
			return nil
		}
		return b.proceed()
	}
	dropNominated(&b.message)
	return x.Client.Inform(b.head.status, &b.message)
}

// final fills the exchange with the answer.
func (b *backendConn) final(x *exchange.Exchange, call *Call) error {
	h, m := &b.head, &x.Response
	dropNominated(&b.message)
	for _, f := range b.message.Fields {
		if !hopByHop(f.ID) || f.ID == exchange.Trailer {
			m.AddFieldOf(&b.message, f)
		}
	}
	x.Status, m.Length = h.status, h.length
	if h.framing == noBody && h.status != 304 && x.Method != "HEAD" {
		m.Length = 0
	}
	b.body.patience, b.body.who = call.Timeout, x.Client
	b.body.begin(&b.link, m, h.framing, h.length, 0)
	if b.pumping != nil && !b.pumped() {
		if d, ok := x.Request.Body.(interface{ detach() }); ok {
			d.detach()
		}
	}
	if h.framing == noBody {
		b.done()
		m.Body = nil
		return nil
	}
	m.Body = b
	return nil
}

func (b *backendConn) pumped() bool {
	select {
	case <-b.pumping:
		return true
	default:
		return false
	}
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

func (b *backendConn) ready() bool { return b.x == nil || b.body.ready() }

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
	sentAll := b.pumping == nil && !b.unsent || b.pumping != nil && b.pumped() && b.pumpErr == nil
	if !sentAll || !b.head.keepAlive || b.start < b.end {
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
	b.x, b.pumping, b.asked = nil, nil, nil
	b.message.Reset()
	b.alarm.Store(0)
	b.drop()
}

// discard closes a connection that nobody uses.
func (b *backendConn) discard() {
	b.target.transport.watch.remove(b)
	_ = b.nc.Close()
}

// stopPump ends the goroutine that sends the request's body and waits for it.
func (b *backendConn) stopPump() {
	if b.pumping == nil {
		return
	}
	if !b.pumped() {
		b.cut.Store(true)
		_ = b.nc.SetWriteDeadline(past)
		b.x.Request.Body.Abort(errClosed)
		<-b.pumping
	}
}

// switched hands the connection over as a tunnel.
func (b *backendConn) switched(x *exchange.Exchange) error {
	protocol := b.message.Get(exchange.Upgrade)
	if b.asked == nil || !equalFold(protocol, b.asked) {
		return errSwitched
	}
	dropNominated(&b.message)
	for _, f := range b.message.Fields {
		if !hopByHop(f.ID) || f.ID == exchange.Upgrade {
			x.Response.AddFieldOf(&b.message, f)
		}
	}
	x.Status = 101
	b.alarm.Store(0)
	_ = b.nc.SetReadDeadline(time.Time{})
	x.Tunnel = &tunnel{conn: b}
	return nil
}
