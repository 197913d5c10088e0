package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"time"

	"mgw/runtime/internal/exchange"
)

// framing is how the end of a body is found (RFC 9112 section 6.3).
type framing uint8

const (
	noBody framing = iota
	sized
	chunked
	untilClose
)

// inbound is a body that is read from a link. It lends what stands in the
// link's buffer and never holds more than that.
type inbound struct {
	link    *link
	message *exchange.Message // takes the trailers
	framing framing
	phase   phase // of chunked
	left    int64 // bytes of the length, or of the current chunk
	most    int64 // bytes that the whole body may have
	total   int64 // bytes given so far
	extra   int   // bytes of chunk extensions and trailers so far
	first   int   // where the body starts in the buffer
	kept    bool  // all of it that was read still stands there
	err     error // how it ended

	patience time.Duration // between two reads
	who      presence
	rate     rate
}

// rate is what a sender must keep up while it is waited for.
type rate struct {
	least  int64 // bytes a second; 0 for any
	grace  time.Duration
	waited int64 // nanoseconds
}

// begin starts a body at the first unread byte of l.
func (b *inbound) begin(l *link, m *exchange.Message, how framing, length, most int64) {
	*b = inbound{link: l, message: m, framing: how, left: length, most: most, first: l.start, kept: true,
		patience: b.patience, who: b.who, rate: rate{least: b.rate.least, grace: b.rate.grace}}
	if how == chunked || how == noBody {
		b.left = 0
	}
	if most <= 0 {
		b.most = math.MaxInt64
	}
}

// next lends the next bytes of the body; io.EOF ends it.
func (b *inbound) next() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	chunk, err := b.advance()
	if errors.Is(err, io.EOF) && !b.complete() {
		err = errClosed
	}
	b.err = err
	if b.total += int64(len(chunk)); b.total > b.most {
		b.err = errBodyLarge
		return nil, b.err
	}
	return chunk, err
}

func (b *inbound) advance() ([]byte, error) {
	switch b.framing {
	case sized:
		if b.left == 0 {
			return nil, io.EOF
		}
	case chunked:
		if err := b.nextChunk(); err != nil {
			return nil, err
		}
	case untilClose:
		b.left = math.MaxInt64
	default:
		return nil, io.EOF
	}
	l := b.link
	if l.start == l.end {
		if err := b.refill(); err != nil {
			if b.framing == untilClose && errors.Is(err, io.EOF) {
				b.framing = noBody
			}
			return nil, err
		}
	}
	n := int(min(int64(l.end-l.start), b.left))
	chunk := l.buf[l.start : l.start+n : l.start+n]
	l.start += n
	b.left -= int64(n)
	return chunk, nil
}

// complete tells whether the body has been taken from the link as a whole.
func (b *inbound) complete() bool {
	switch b.framing {
	case sized:
		return b.left == 0
	case chunked:
		return b.phase == afterBody
	}
	return b.framing == noBody
}

// Ready tells whether next will give something without waiting.
func (b *inbound) Ready() bool {
	if b.err != nil || b.complete() {
		return true
	}
	unread := b.link.buf[b.link.start:b.link.end]
	if b.framing != chunked || b.phase == inData && b.left > 0 {
		return len(unread) > 0
	}
	if b.phase == inData && len(unread) > 2 {
		unread = unread[2:]
	}
	if len(unread) > 0 && unread[0] == '0' {
		return bytes.Contains(unread, []byte("\r\n\r\n"))
	}
	i := bytes.IndexByte(unread, '\n')
	return i >= 0 && i+1 < len(unread)
}

// rewind starts over, if all that was read is still there.
func (b *inbound) rewind() bool {
	if !b.kept || b.err != nil && !errors.Is(b.err, io.EOF) {
		return false
	}
	// What was taken of the length is given back.
	if b.framing == sized {
		b.left += b.total
	} else {
		b.left, b.phase = 0, atSize
	}
	b.link.start = b.first
	b.total, b.extra, b.err = 0, 0, nil
	b.message.Trailers = b.message.Trailers[:0]
	return true
}

// leastRoom is how much space a read must have to be worth its system call.
const leastRoom = 1 << 10

// refill reads more behind what is unread.
func (b *inbound) refill() error {
	l := b.link
	if l.buf == nil {
		l.buf = getSmall()
		l.start, l.end, l.lent = 0, 0, 0
		b.first = 0
	}
	if len(l.buf)-l.end < leastRoom {
		b.kept = false
		l.enlarge()
		l.end = l.lent + copy(l.buf[l.lent:], l.buf[l.start:l.end])
		l.start = l.lent
	}
	began := l.watch.now.Load()
	if err := l.fill(l.in(b.patience), b.who); err != nil {
		return err
	}
	if b.rate.least > 0 {
		return b.judge(l.watch.now.Load() - began)
	}
	return nil
}

// judge ends a body that drips in too slowly. Only waiting for the sender
// counts, not the time in which nobody wanted to read.
func (b *inbound) judge(waited int64) error {
	b.rate.waited += waited
	if b.rate.waited > int64(b.rate.grace) && b.total/b.rate.least < b.rate.waited/int64(time.Second) {
		return errTimeout
	}
	return nil
}
