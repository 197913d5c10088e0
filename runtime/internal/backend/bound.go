package backend

import (
	"errors"

	"mgw/runtime/internal/exchange"
)

var errBodyLarge = errors.New("the body of the backend's answer is too large")

// boundBody gives false for a body that is known to be too large. One whose
// length nobody told is cut where it becomes so: its head is out by then.
func (b *Backends) boundBody(m *exchange.Message) bool {
	if m.Length != exchange.Unknown {
		return m.Length <= b.options.MaxBody
	}
	m.Body = &boundedBody{Body: m.Body, left: b.options.MaxBody}
	return true
}

type boundedBody struct {
	exchange.Body
	left int64
}

func (b *boundedBody) Next() ([]byte, error) {
	chunk, err := b.Body.Next()
	if b.left -= int64(len(chunk)); b.left < 0 {
		b.Body.Abort(errBodyLarge)
		return nil, errBodyLarge
	}
	return chunk, err
}

// Ready tells whether Next would not wait, as far as the body can tell.
func (b *boundedBody) Ready() bool {
	from, ok := b.Body.(interface{ Ready() bool })
	return ok && from.Ready()
}

func (b *boundedBody) Rewind() bool { return false }
