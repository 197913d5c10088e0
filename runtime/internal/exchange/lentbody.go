package exchange

import "io"

// LendBody makes content the body without copying it. It may be shared by any
// number of messages, and nobody may ever change it.
func (m *Message) LendBody(content []byte) {
	if m.Body != nil {
		m.Body.Abort(errReplaced)
	}
	m.Length, m.Body = int64(len(content)), nil
	if len(content) > 0 {
		m.lent = lentBody{content: content}
		m.Body = &m.lent
	}
}

// lentChunk is as much as fronts write under one deadline.
const lentChunk = 64 << 10

type lentBody struct {
	content []byte
	at      int
}

func (b *lentBody) Next() ([]byte, error) {
	if b.at == len(b.content) {
		return nil, io.EOF
	}
	end := min(b.at+lentChunk, len(b.content))
	chunk := b.content[b.at:end:end]
	b.at = end
	return chunk, nil
}

func (b *lentBody) Rewind() bool { b.at = 0; return true }
func (b *lentBody) Abort(error)  { b.at = len(b.content) }
