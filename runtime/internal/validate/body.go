package validate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
)

// held is a body that stands in memory, or the beginning of one whose rest is
// still to come. It stays its own: who sends it on may read it longer than the
// exchange lasts.
type held struct {
	data []byte
	rest exchange.Body // after data; nil: nothing
	err  error         // after data, where there is no rest; nil is io.EOF
	read atomic.Bool   // data; Abort may come while another goroutine reads
}

func (b *held) Next() ([]byte, error) {
	if !b.read.Swap(true) && len(b.data) > 0 {
		return b.data, nil
	}
	switch {
	case b.rest != nil:
		return b.rest.Next()
	case b.err != nil:
		return nil, b.err
	}
	return nil, io.EOF
}

func (b *held) Rewind() bool {
	if b.rest != nil || b.err != nil {
		return false
	}
	b.read.Store(false)
	return true
}

func (b *held) Abort(err error) {
	b.read.Store(true)
	if b.rest != nil {
		b.rest.Abort(err)
	}
}

// Ready tells whether Next would not wait.
func (b *held) Ready() bool {
	if b.rest == nil || !b.read.Load() {
		return true
	}
	rest, ok := b.rest.(interface{ Ready() bool })
	return ok && rest.Ready()
}

// errLarge says that a body has more bytes than are checked.
var errLarge = errors.New("the body is larger than what is checked")

// firstRoom is what a body of unknown length gets at first. Memory grows with
// what has come, not with what was announced.
const firstRoom = 4 << 10

// hold takes a message's body into memory and leaves it there in its place,
// complete or not. The error is errLarge, or that of the body.
func hold(m *exchange.Message, most int) ([]byte, error) {
	if m.Length > int64(most) {
		return nil, errLarge
	}
	b := &held{}
	if m.Length > 0 {
		b.data = make([]byte, 0, min(m.Length, largeBody))
	} else {
		b.data = make([]byte, 0, firstRoom)
	}
	from := m.Body
	m.Body = b
	for {
		chunk, err := from.Next()
		if errors.Is(err, io.EOF) {
			return b.data, nil
		}
		if err != nil {
			b.err = err
			return nil, err
		}
		b.data = append(b.data, chunk...)
		if len(b.data) > most {
			b.rest = from
			return nil, errLarge
		}
	}
}

// errCoding says that a body is not what its Content-Encoding says.
var errCoding = errors.New("the body is not valid gzip")

// gunzip gives what was compressed: one member (RFC 1952 section 2.2) and
// nothing after it, which some would read and others not.
func gunzip(data []byte, most int) ([]byte, error) {
	from := bytes.NewReader(data)
	r, err := gzip.NewReader(from)
	if err != nil {
		return nil, errCoding
	}
	r.Multistream(false)
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case len(out) > most:
		return nil, errLarge
	case err != nil || from.Len() > 0:
		return nil, errCoding
	}
	return out, nil
}
