package wire

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
)

// pump is the goroutine that sends a request body while the exchange's own one
// waits for the answer. Its connection keeps what it needs from one request to
// the next.
type pump struct {
	running  bool          // since start, until join
	run      func()        // what the goroutine does
	done     chan struct{} // it has ended, told once
	ended    atomic.Bool
	drained  atomic.Bool // the body has been read to its end; what is left is to write that
	progress atomic.Bool // something of the body has come since this was cleared
	err      error       // after its end
	vector   vector
}

// startPump sends what is gathered and then the body.
func (b *backendConn) startPump() {
	p := &b.pump
	if p.run == nil {
		p.run, p.done = b.runPump, make(chan struct{}, 1)
	}
	p.running, p.err = true, nil
	p.ended.Store(false)
	p.drained.Store(false)
	b.sent.Store(true)
	go p.run()
}

func (b *backendConn) runPump() {
	p := &b.pump
	p.err = b.pumpBody(b.x.Request.Body, &b.x.Request)
	if errors.Is(p.err, errRequest) {
		// The backend must not wait for the rest, nor we for its answer. One
		// that does not take the rest, however, may have answered already.
		b.halt.Store(true)
		_ = b.nc.SetReadDeadline(past)
	}
	p.ended.Store(true)
	p.done <- struct{}{}
}

// join waits for the goroutine and gives the error it ended with.
func (p *pump) join() error {
	if p.running {
		<-p.done
		p.running = false
	}
	return p.err
}

// lastWrite is how long the end of a body may take to be written when the
// answer has been read already.
const lastWrite = 10 * time.Millisecond

// sent tells whether the body has been sent as a whole. An answer may be faster
// than the goroutine that sent what it answers.
func (p *pump) sent() bool {
	if p.running && !p.ended.Load() && p.drained.Load() {
		timer := time.NewTimer(lastWrite)
		defer timer.Stop()
		select {
		case <-p.done:
			p.running = false
		case <-timer.C:
		}
	}
	if p.running && !p.ended.Load() {
		return false
	}
	return p.join() == nil
}

// stopPump ends it, if it has not ended.
func (b *backendConn) stopPump() {
	p := &b.pump
	if p.running && !p.ended.Load() {
		b.cut.Store(true)
		_ = b.nc.SetWriteDeadline(past)
		b.x.Request.Body.Abort(errClosed)
	}
	_ = p.join()
}

func (b *backendConn) pumpBody(body exchange.Body, m *exchange.Message) error {
	waits, _ := body.(eager)
	for left := m.Length; ; {
		if len(b.out) > 0 && (waits == nil || !waits.Ready()) {
			if err := b.flush(); err != nil {
				return err
			}
		}
		chunk, err := body.Next()
		if errors.Is(err, io.EOF) {
			if m.Length >= 0 && left != 0 {
				return fmt.Errorf("%w: %w", errRequest, errBodyLength)
			}
			b.pump.drained.Store(true)
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errRequest, err)
		}
		b.pump.progress.Store(true)
		if left -= int64(len(chunk)); m.Length >= 0 && left < 0 {
			return fmt.Errorf("%w: %w", errRequest, errBodyLength)
		}
		// The answer may be here before the end of the body has been asked for.
		if left == 0 {
			b.pump.drained.Store(true)
		}
		if err := b.pumpChunk(chunk, m.Length < 0); err != nil {
			return err
		}
	}
	if m.Length < 0 {
		if t, ok := body.(interface{ tail() *exchange.Message }); ok {
			m = t.tail()
		}
		b.out = appendLast(b.out, m)
	}
	return b.flush()
}

// pumpChunk copies a small chunk and writes a large one from where it is.
func (b *backendConn) pumpChunk(chunk []byte, framed bool) error {
	if len(b.out)+len(chunk)+chunkCost <= len(b.outRoom) {
		if framed {
			b.out = appendChunk(b.out, chunk)
		} else {
			b.out = append(b.out, chunk...)
		}
		return nil
	}
	if framed {
		b.out = appendChunkSize(b.out, len(chunk))
	}
	err := b.writeTwo(&b.pump.vector, b.out, chunk)
	b.out = b.outRoom[:0]
	if framed {
		b.out = append(b.out, "\r\n"...)
	}
	return err
}

func (b *backendConn) flush() error {
	err := b.write(b.out)
	b.out = b.outRoom[:0]
	return err
}
