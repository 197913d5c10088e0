package listen

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// body reads a request's body. Next may run in another goroutine than the
// exchange's, one at a time.
type body struct {
	front   *front
	from    io.ReadCloser
	control *http.ResponseController
	request *http.Request
	message *exchange.Message // where trailers go
	free    bool              // of time-outs: both sides may be silent for long

	mu     sync.Mutex // held by Next
	buf    *[bodyBuffer]byte
	filled int           // of buf, while all that was read still stands in it
	lost   bool          // it does not any more
	replay []byte        // what Rewind gives once more
	waited time.Duration // for the client so far
	err    error         // sticky

	received atomic.Int64
	reader   atomic.Int32 // who reads: nobody, the exchange or drain
	ended    atomic.Bool  // read to its end
	failed   atomic.Bool
	aborted  atomic.Bool
}

const (
	nobody int32 = iota
	theExchange
	drain
)

const bodyBuffer = 32 << 10

var bodyBuffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}

// refusal is an error with an answer.
type refusal struct {
	why   string
	fault *reply.Fault
}

func (r *refusal) Error() string       { return r.why }
func (r *refusal) Fault() *reply.Fault { return r.fault }

var (
	errTooLarge  = &refusal{"the request body is too large", reply.BodyTooLarge}
	errTooSlow   = &refusal{"the request body did not arrive in time", reply.RequestTimeout}
	errMalformed = &refusal{"the request body is malformed", reply.BadRequest}
	errAborted   = errors.New("the rest of the request body is not wanted")
)

// Next lends the next chunk.
func (b *body) Next() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.replay) > 0 {
		chunk := b.replay
		b.replay = nil
		return chunk, nil
	}
	if b.err != nil {
		return nil, b.err
	}
	if b.aborted.Load() || !b.reader.CompareAndSwap(nobody, theExchange) && b.reader.Load() != theExchange {
		return nil, errAborted
	}
	if b.buf == nil {
		b.buf = bodyBuffers.Get().(*[bodyBuffer]byte)
	}
	room := b.buf[b.filled:]
	full := len(room) == 0 || b.lost
	if full {
		room = b.buf[:]
	}
	n, err := b.read(room)
	if full {
		b.lost = b.lost || n > 0
	} else {
		b.filled += n
	}
	if err != nil {
		b.end(err)
	}
	if n > 0 {
		return room[:n:n], nil
	}
	return nil, b.err
}

// read gives at least a byte or an error.
func (b *body) read(room []byte) (n int, err error) {
	for n == 0 && err == nil {
		if !b.free {
			start := time.Now()
			_ = b.control.SetReadDeadline(start.Add(b.patience()))
			n, err = b.from.Read(room)
			b.waited += time.Since(start)
			if b.request.ProtoMajor == 2 {
				// It would run on while nobody reads, and end the body.
				_ = b.control.SetReadDeadline(time.Time{})
			}
		} else {
			n, err = b.from.Read(room)
		}
	}
	received := b.received.Add(int64(n))
	if most := b.front.options.Limits.Body; most > 0 && received > most {
		return 0, errTooLarge
	}
	return n, err
}

// patience is how long the next read may take: a body must not stand still,
// and after a head start it must come at some rate. Only time spent waiting
// for the client counts, so that a slow backend is not held against it.
func (b *body) patience() time.Duration {
	t := &b.front.options.Timeouts
	earned := time.Duration(b.received.Load()) * time.Second / time.Duration(t.MinBodyRate)
	return min(t.Body, max(t.Body+earned-b.waited, time.Millisecond))
}

// end notes why there is no more.
func (b *body) end(err error) {
	switch {
	case err == io.EOF:
		b.ended.Store(true)
		// The deadline would end what net/http does next: watch the client.
		_ = b.control.SetReadDeadline(time.Time{})
		for name, values := range b.request.Trailer {
			for _, value := range values {
				b.message.AddTrailer(name, value)
			}
		}
	case err == errTooLarge:
	case b.aborted.Load():
		err = errAborted
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errTooSlow
	case b.request.ProtoMajor == 1 && !cutOff(err):
		err = errMalformed
	}
	b.failed.Store(err != io.EOF)
	b.err = err
}

// cutOff tells a connection that ended from a body that breaks the rules, for
// which net/http has no type.
func cutOff(err error) bool {
	var network net.Error
	return errors.As(err, &network) || strings.Contains(err.Error(), "EOF")
}

// Rewind starts over while nothing that was read has been overwritten.
func (b *body) Rewind() bool {
	if b.lost || b.aborted.Load() || b.err != nil && b.err != io.EOF {
		return false
	}
	if b.filled > 0 {
		b.replay = b.buf[:b.filled:b.filled]
	}
	return true
}

// Abort makes a Next that waits return.
func (b *body) Abort(error) {
	if b.ended.Load() || b.aborted.Swap(true) {
		return
	}
	if b.reader.Load() == theExchange {
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// What is read of a body that nobody wants, and for how long, so that the
// connection may serve on.
const (
	drainBytes = 64 << 10
	drainTime  = time.Second
)

// settle is called before the answer's head is written. It gives false when
// the connection cannot be read any more after this request: net/http goes on
// after a body that failed, wherever that may be. A body that a backend was
// promised is still the backend's to read.
func (b *body) settle(promised bool) bool {
	if b.ended.Load() {
		return true
	}
	if promised || !b.reader.CompareAndSwap(nobody, drain) {
		return !b.failed.Load()
	}
	if b.request.ContentLength > drainBytes || b.request.Header.Get("Expect") != "" {
		return false
	}
	_ = b.control.SetReadDeadline(time.Now().Add(drainTime))
	n, err := io.CopyN(io.Discard, b.from, drainBytes+1)
	b.received.Add(n)
	if err == io.EOF {
		b.end(err)
	}
	return err == io.EOF
}

// close ends the body with its exchange, whoever still reads it, and gives the
// buffer back.
func (b *body) close() {
	b.Abort(errAborted)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replay, b.err = nil, errAborted
	if b.buf != nil {
		bodyBuffers.Put(b.buf)
		b.buf = nil
	}
}
