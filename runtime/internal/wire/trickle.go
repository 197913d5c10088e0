package wire

import (
	"io"
	"syscall"
)

// trickle reads a side of an upgraded connection that may be silent for hours:
// while it waits it holds no buffer where the descriptor can be read directly,
// and a small one elsewhere.
type trickle struct {
	from io.Reader
	raw  syscall.RawConn // nil: from is read

	step func(fd uintptr) bool
	buf  []byte // pooled; nil while waiting
	n    int
	err  error

	few  []byte // without raw
	full bool   // the last read filled its buffer: more is to come
}

// fewBytes hold a usual message of a chat.
const fewBytes = 2 << 10

func newTrickle(from io.Reader, raw syscall.RawConn) *trickle {
	t := &trickle{from: from, raw: raw}
	if raw == nil {
		t.few = make([]byte, fewBytes)
	}
	t.step = t.readable
	return t
}

// next lends what has come, until the following call. Without bytes there is an
// error, io.EOF at the end.
func (t *trickle) next() ([]byte, error) {
	t.rest()
	if t.raw == nil {
		return t.nextOfReader()
	}
	t.n, t.err = 0, nil
	if err := t.raw.Read(t.step); err != nil {
		return nil, err
	}
	if t.n == 0 && t.err == nil {
		t.err = io.EOF
	}
	return t.buf[:t.n], t.err
}

// readable takes a buffer for a look. It is given back when there is nothing.
func (t *trickle) readable(fd uintptr) bool {
	buf := getSmall()
	n, again, err := rawRead(fd, buf)
	if again {
		putBuffer(buf)
		return false
	}
	t.buf, t.n, t.err = buf, n, err
	return true
}

func (t *trickle) nextOfReader() ([]byte, error) {
	room := t.few
	if t.full {
		t.buf = getSmall()
		room = t.buf
	}
	n, err := t.from.Read(room)
	t.full = n == len(room)
	if n > 0 {
		return room[:n], nil // an error comes again
	}
	return nil, err
}

// rest gives back what was lent.
func (t *trickle) rest() {
	if t.buf != nil {
		putBuffer(t.buf)
		t.buf = nil
	}
}
