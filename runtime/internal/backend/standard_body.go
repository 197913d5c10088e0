package backend

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
)

// alarm calls a function when there is no progress for too long.
type alarm struct {
	mu      sync.Mutex
	timer   *time.Timer
	timeout time.Duration
	armed   bool
	fixed   bool // progress does not start the time over
	paused  bool // until resume
}

func newAlarm(timeout time.Duration, f func()) *alarm {
	a := &alarm{timeout: timeout, armed: true}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(timeout, func() {
		a.mu.Lock()
		armed := a.armed
		a.mu.Unlock()
		if armed {
			f()
		}
	})
	return a
}

// set arms it with a time.
func (a *alarm) set(timeout time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timeout, a.armed = timeout, true
	a.timer.Reset(timeout)
}

// fix arms it with a time that progress does not change.
func (a *alarm) fix(timeout time.Duration) {
	a.set(timeout)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fixed = true
}

// pause puts it to rest until resume.
func (a *alarm) pause() {
	a.rest()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paused = true
}

// resume arms it with a time if it was paused and not put to rest since.
func (a *alarm) resume(timeout time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.paused {
		a.timeout, a.armed, a.paused = timeout, true, false
		a.timer.Reset(timeout)
	}
}

// progress starts the time over while it is armed.
func (a *alarm) progress() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.armed && !a.fixed {
		a.timer.Reset(a.timeout)
	}
}

func (a *alarm) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.armed, a.paused = false, false
	a.timer.Stop()
}

// requestBody feeds net/http from an exchange.Body. net/http reads in a
// goroutine of its own and goes on for a while after it has failed: stop ends
// that, so that the exchange may be used again.
type requestBody struct {
	call     *call
	from     exchange.Body
	trailers http.Header // filled in at the end

	mu      sync.Mutex // held while from is read
	rest    []byte
	reading *bodyReader // the one that may
	err     error       // of from
	stopped atomic.Bool
	whole   atomic.Bool // it has been read to its end

	life   sync.Mutex // held while from is interrupted
	over   bool       // it is somebody else's
	broken bool       // it was
}

var errStopped = errors.New("the request body is not wanted any more")

// bodyReader is the body as one attempt of net/http sees it.
type bodyReader struct{ *requestBody }

func (b *requestBody) reader() io.ReadCloser {
	r := &bodyReader{b}
	b.reading = r
	return r
}

// again gives the body from its start, for an attempt on another connection.
func (b *requestBody) again() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped.Load() || !b.from.Rewind() {
		return nil, errStopped
	}
	b.rest, b.err = nil, nil
	b.whole.Store(false)
	return b.reader(), nil
}

func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.requestBody
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped.Load() || b.reading != r {
		return 0, errStopped
	}
	if len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		if b.rest, b.err = b.from.Next(); b.err != nil {
			b.end()
			b.whole.Store(b.err == io.EOF)
			return 0, b.err
		}
		b.call.alarm.progress()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close makes a Read that waits return: an HTTP/2 stream whose connection is
// lost ends no sooner.
func (r *bodyReader) Close() error {
	r.interrupt()
	return nil
}

// interrupt breaks off a read that waits for the client, which ends the body
// for good.
func (b *requestBody) interrupt() {
	b.life.Lock()
	defer b.life.Unlock()
	if b.over {
		return
	}
	if b.mu.TryLock() {
		b.mu.Unlock()
		return
	}
	b.broken = true
	b.from.Abort(errStopped)
}

func (b *requestBody) end() {
	if b.err != io.EOF {
		return
	}
	b.call.alarm.resume(b.call.to.Timeout)
	m := &b.call.x.Request
	for _, f := range m.Trailers {
		if mayTrail(f.ID) {
			b.trailers.Add(string(m.Name(f)), string(m.Value(f)))
		}
	}
}

// stop waits for a read under way, which it interrupts, and lets none follow.
func (b *requestBody) stop() {
	b.stopped.Store(true)
	b.interrupt()
	b.mu.Lock()
	//lint:ignore SA2001 the read held it
	b.mu.Unlock()
	b.life.Lock()
	defer b.life.Unlock()
	b.over = true
}

// failure gives what was wrong with the body itself. After stop.
func (b *requestBody) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == io.EOF || errors.Is(b.err, errStopped) || b.broken {
		return nil
	}
	return b.err
}

// responseBody lends the chunks of an answer.
type responseBody struct {
	call     *call
	response *http.Response
	quiet    bool // silence is not a failure
	buf      *[responseBuffer]byte
	err      error
	over     bool
}

const responseBuffer = 32 << 10

var responseBuffers = sync.Pool{New: func() any { return new([responseBuffer]byte) }}

func (b *responseBody) Next() ([]byte, error) {
	if b.err != nil {
		return nil, b.end()
	}
	if b.buf == nil {
		b.buf = responseBuffers.Get().(*[responseBuffer]byte)
	}
	if !b.quiet {
		b.call.alarm.set(b.call.to.Timeout)
	}
	var n int
	for n == 0 && b.err == nil {
		n, b.err = b.response.Body.Read(b.buf[:])
	}
	b.call.alarm.rest()
	if n > 0 {
		return b.buf[:n:n], nil
	}
	return nil, b.end()
}

// end gives the error that ends the body, after everything has been let go.
func (b *responseBody) end() error {
	if !b.over && b.err == io.EOF {
		m := &b.call.x.Response
		for name, values := range b.response.Trailer {
			for _, value := range values {
				if mayTrail(exchange.IdentifyString(name)) {
					m.AddTrailer(name, value)
				}
			}
		}
	}
	b.release()
	return b.err
}

func (b *responseBody) Rewind() bool { return false }

func (b *responseBody) Abort(err error) {
	b.err = err
	b.release()
}

func (b *responseBody) release() {
	if b.over {
		return
	}
	b.over = true
	// Cancelled first: closing would wait for what a peer still sends.
	b.call.finish()
	_ = b.response.Body.Close()
	if b.buf != nil {
		responseBuffers.Put(b.buf)
		b.buf = nil
	}
}
