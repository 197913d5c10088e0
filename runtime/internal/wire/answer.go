package wire

import (
	"errors"
	"io"

	"mgw/runtime/internal/exchange"
)

// answer is the body of an answer on its way out.
type answer struct {
	conn    *conn
	x       *exchange.Exchange
	room    []byte // the whole buffer
	out     []byte // what of it waits to be written
	framing framing
}

// eager is a body that can tell whether Next would wait.
type eager interface{ Ready() bool }

var errBodyLength = errors.New("the body does not have the announced length")

// send writes the body. What is small is gathered with the head and what
// follows without waiting, so that one system call carries all of it.
func (a *answer) send() error {
	m := &a.x.Response
	body, left := m.Body, m.Length
	waits, _ := body.(eager)
	// The chunk of a body that stands in memory can be had at once.
	known := waits == nil && body.Rewind()
	for ; ; known = false {
		if (a.framing != sized || left > 0) && !known && (waits == nil || !waits.Ready()) {
			if err := a.flush(); err != nil {
				return err
			}
		}
		chunk, err := body.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// The receiver gets what came before the cut.
			_ = a.flush()
			return err
		}
		if left -= int64(len(chunk)); a.framing == sized && left < 0 {
			_ = a.flush()
			return errBodyLength
		}
		if err := a.add(chunk); err != nil {
			return err
		}
	}
	if a.framing == sized && left != 0 {
		_ = a.flush()
		return errBodyLength
	}
	if a.framing == chunked {
		a.out = appendLast(a.out, m)
	}
	return a.flush()
}

// add takes a chunk: copied when it is small, else written from where it is.
func (a *answer) add(chunk []byte) error {
	a.x.BytesOut += int64(len(chunk))
	if len(a.out)+len(chunk)+chunkCost > len(a.room) && len(a.out) > 0 && len(chunk) < len(a.room)/4 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	if len(a.out)+len(chunk)+chunkCost <= len(a.room) {
		if a.framing == chunked {
			a.out = appendChunk(a.out, chunk)
		} else {
			a.out = append(a.out, chunk...)
		}
		return nil
	}
	if a.framing == chunked {
		a.out = appendChunkSize(a.out, len(chunk))
	}
	err := a.conn.writeTwo(&a.conn.vector, a.out, chunk)
	a.out = a.room[:0]
	if a.framing == chunked {
		a.out = append(a.out, "\r\n"...)
	}
	return err
}

func (a *answer) flush() error {
	if len(a.out) == 0 {
		return nil
	}
	err := a.conn.write(a.out)
	a.out = a.room[:0]
	return err
}
