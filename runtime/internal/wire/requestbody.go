package wire

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
)

// requestBody is the body of the request that is served.
type requestBody struct {
	inbound
	conn     *conn
	expect   bool        // the client waits for 100 before it sends
	finished atomic.Bool // all of it has been read
	trailers exchange.Message

	mu       sync.Mutex
	touched  bool // someone has begun to read
	detached bool // another goroutine reads on while the exchange is answered
	skipped  bool // nobody may read any more but the connection itself
}

// open starts the body that a head announces.
func (b *requestBody) open(x *exchange.Exchange, h *requestHead) {
	how := sized
	switch {
	case h.length == 0:
		how = noBody
	case h.length < 0:
		how = chunked
	}
	b.trailers.Reset()
	b.touched, b.detached, b.skipped = false, false, false
	b.conn.halt.Store(false) // an Abort may have met the very end of the last body
	b.begin(&b.conn.link, &b.trailers, how, h.length, b.conn.server.options.MaxBody)
	b.finished.Store(how == noBody)
	b.expect = h.expect && how != noBody
	if x.Request.Length = h.length; how != noBody {
		x.Request.Body = b
	}
}

func (b *requestBody) Next() ([]byte, error) {
	if !b.touch() {
		return nil, errCut
	}
	if b.expect && b.link.start == b.link.end {
		if err := b.conn.Inform(100, nil); err != nil {
			return nil, err
		}
	}
	chunk, err := b.next()
	b.conn.x.BytesIn += int64(len(chunk))
	switch {
	case err == nil:
		// Whoever sends this on may have its answer before it asks for more.
		if b.framing == sized && b.left == 0 {
			b.finished.Store(true)
		}
	case errors.Is(err, io.EOF):
		b.deliver()
		b.finished.Store(true)
	case errors.Is(err, errTimeout):
		b.err, err = errBodySlow, errBodySlow
	}
	return chunk, err
}

// touch notes that someone reads; false when it is too late.
func (b *requestBody) touch() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.touched = true
	return !b.skipped
}

func (b *requestBody) Rewind() bool {
	// After an Abort nothing more can be read.
	if b.conn.halt.Load() || !b.rewind() {
		return false
	}
	b.conn.x.BytesIn = 0
	b.conn.x.Request.Trailers = b.conn.x.Request.Trailers[:0]
	b.finished.Store(false)
	return true
}

// Abort may come while another goroutine is inside of Next, which then fails.
func (b *requestBody) Abort(error) {
	if !b.finished.Load() {
		b.conn.halt.Store(true)
		b.conn.wake()
	}
}

// Detach keeps the body from touching the exchange from now on: another
// goroutine reads it while the exchange is being answered.
func (b *requestBody) Detach() {
	b.mu.Lock()
	b.detached = true
	b.mu.Unlock()
}

// tail gives the message that has the trailers.
func (b *requestBody) tail() *exchange.Message { return &b.trailers }

// deliver puts the trailers into the request.
func (b *requestBody) deliver() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.detached {
		return
	}
	for _, f := range b.trailers.Trailers {
		b.conn.x.Request.AddTrailerBytes(b.trailers.Name(f), b.trailers.Value(f))
	}
}

// skipMost is how much of an unread body is taken to keep a connection.
const skipMost = 64 << 10

// take makes the body the connection's own, to be thrown away, unless someone
// reads it. A transport's goroutine may be about to: of a request that was
// forwarded the body stays the transport's.
func (b *requestBody) take(forwarded bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skipped = !b.touched && !b.detached && !forwarded
	return b.skipped
}

// skippable reads what is there of an unread body and tells whether the rest
// is little enough to be read for the sake of the connection.
func (b *requestBody) skippable(forwarded bool) bool {
	if b.finished.Load() {
		return true
	}
	if b.conn.cut.Load() || b.conn.halt.Load() || !b.take(forwarded) {
		return false
	}
	for b.Ready() {
		if _, err := b.next(); err != nil {
			b.finished.Store(errors.Is(err, io.EOF))
			return b.finished.Load()
		}
	}
	return b.framing == sized && b.left <= skipMost && !b.expect
}

// skip reads what skippable has promised.
func (b *requestBody) skip() bool {
	for !b.finished.Load() {
		if _, err := b.next(); err != nil {
			b.finished.Store(errors.Is(err, io.EOF))
			return b.finished.Load()
		}
	}
	return true
}
