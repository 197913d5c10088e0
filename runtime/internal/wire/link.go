package wire

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// link is a connection with the buffer that it is read into. Unread bytes are
// buf[start:end]; what stands before is lent to an exchange.
type link struct {
	nc    net.Conn
	raw   syscall.RawConn // nil where descriptors cannot be used directly
	watch *watch
	index int

	buf        []byte // nil while there is nothing to keep
	held       []byte // the buffer of the head, when the body has moved to another
	start, end int
	lent       int // buf[:lent] must stay as it is

	alarm    atomic.Int64  // when a blocked read wants to be woken; 0 for never
	overdue  atomic.Int64  // when a blocked write has failed; 0 for never
	cut      atomic.Bool   // the connection is being closed from outside
	halt     atomic.Bool   // nothing more is to be read
	patience time.Duration // a write may stall this long
}

var (
	errTimeout = errors.New("no progress in time")
	errGone    = errors.New("the client is gone")
	errCut     = errors.New("the connection was closed by its owner")
	errClosed  = errors.New("the message was cut short")
)

// presence tells whether someone still waits for what is being read.
type presence interface{ Gone() bool }

// lookEvery is how often a silent wait looks whether the client is there.
const lookEvery = 500 * time.Millisecond

func (l *link) place() *int { return &l.index }

// look wakes whoever waits too long.
func (l *link) look(now int64) {
	if at := l.alarm.Load(); at != 0 && now >= at {
		_ = l.nc.SetReadDeadline(past)
	}
	if at := l.overdue.Load(); at != 0 && now >= at {
		_ = l.nc.SetWriteDeadline(past)
	}
}

var past = time.Unix(1, 0)

// interrupt makes a blocked read or write return.
func (l *link) interrupt() {
	l.cut.Store(true)
	_ = l.nc.SetDeadline(past)
}

// room makes space behind end. What is lent stays; what was consumed behind it
// does not. It gives false when bytes that stood there are gone for good.
func (l *link) room() (replayable bool) {
	if l.buf == nil {
		l.buf = getSmall()
		l.start, l.end, l.lent = 0, 0, 0
	}
	if l.end < len(l.buf) {
		return true
	}
	if l.start > l.lent {
		l.end = l.lent + copy(l.buf[l.lent:], l.buf[l.start:l.end])
		l.start = l.lent
		return false
	}
	l.grow(largeBuffer)
	return true
}

// grow moves everything into a larger buffer. Spans stay right, slices into
// the old one do not.
func (l *link) grow(size int) {
	next := getLarge()
	if size > largeBuffer || len(l.buf) >= largeBuffer {
		putBuffer(next)
		next = make([]byte, max(size, 2*len(l.buf)))
	}
	copy(next, l.buf[:l.end])
	putBuffer(l.buf)
	l.buf = next
}

// enlarge moves the unread bytes into a large buffer and holds the one that is
// lent from until release.
func (l *link) enlarge() {
	if l.held != nil || len(l.buf) > smallBuffer && l.lent == 0 {
		return
	}
	next := getLarge()
	n := copy(next, l.buf[l.start:l.end])
	l.held, l.buf = l.buf, next
	l.start, l.end, l.lent = 0, n, 0
}

// release forgets what was lent. Unread bytes stay.
func (l *link) release() {
	if l.held != nil {
		putBuffer(l.held)
		l.held = nil
	}
	l.lent = 0
	if l.start == l.end && l.buf != nil {
		putBuffer(l.buf)
		l.buf = nil
		l.start, l.end = 0, 0
	}
}

// drop gives all memory back.
func (l *link) drop() {
	l.start = l.end
	l.release()
}

// fill reads some bytes behind end, where room has made space. It waits until
// deadline (watch time, 0 for ever) and gives up when who is gone.
func (l *link) fill(deadline int64, who presence) error {
	for {
		l.arm(deadline, who)
		n, err := l.nc.Read(l.buf[l.end:])
		if n > 0 {
			l.end += n
			return nil
		}
		if err := l.woken(err, deadline, who); err != nil {
			return err
		}
	}
}

// arm notes when a read that is about to block is to be woken.
func (l *link) arm(deadline int64, who presence) {
	at := deadline
	if who != nil {
		if next := l.watch.now.Load() + int64(lookEvery); at == 0 || next < at {
			at = next
		}
	}
	l.alarm.Store(at)
}

// woken judges why a read came back empty; nil means to go on waiting.
func (l *link) woken(err error, deadline int64, who presence) error {
	if !isTimeout(err) {
		return err
	}
	if l.cut.Load() || l.halt.Load() {
		return errCut
	}
	if deadline != 0 && l.watch.now.Load() >= deadline {
		return errTimeout
	}
	if who != nil && who.Gone() {
		return errGone
	}
	return l.nc.SetReadDeadline(time.Time{})
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// in gives the watch time that is d from now, 0 when d is.
func (l *link) in(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return l.watch.now.Load() + int64(d)
}

// write sends b; a peer that takes nothing for too long is an error.
func (l *link) write(b []byte) error {
	l.overdue.Store(l.in(l.patience))
	_, err := l.nc.Write(b)
	l.overdue.Store(0)
	return err
}

// vector is the memory of writev, kept so that it is not allocated.
type vector struct {
	parts [2][]byte
	bufs  net.Buffers
}

// writeTwo sends a and b, by one system call where the connection can.
func (l *link) writeTwo(v *vector, a, b []byte) error {
	v.parts = [2][]byte{a, b}
	v.bufs = v.parts[:]
	l.overdue.Store(l.in(l.patience))
	_, err := v.bufs.WriteTo(l.nc)
	l.overdue.Store(0)
	v.parts = [2][]byte{}
	return err
}
