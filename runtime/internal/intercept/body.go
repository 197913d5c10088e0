package intercept

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
)

// source gives functions the body of a message. Read, it stays the message's
// body, from memory.
type source struct {
	mu      sync.Mutex
	message *exchange.Message // nil: not open
	max     int
	whole   bool // content is all of it
	content []byte
	large   bool
	failed  error
}

func (s *source) open(m *exchange.Message, most int) { s.message, s.max = m, most }

// close waits for a reader that outlived its function.
func (s *source) close() {
	s.mu.Lock()
	s.message = nil
	s.mu.Unlock()
}

var errOver = errors.New("the body can be read while the interceptor runs, not afterwards")

// bodyError is a body that broke off.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// read gives a copy of the body.
func (s *source) read() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.message == nil:
		return nil, errOver
	case s.failed != nil:
		return nil, s.failed
	case s.large:
		return nil, interceptor.ErrBodyTooLarge
	case !s.whole:
		if err := s.fetch(); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(s.content), nil
}

// fetch takes the body into memory. What is too large is put together again:
// what was read of it, and the rest.
func (s *source) fetch() error {
	m := s.message
	if m.Body == nil {
		s.whole = true
		return nil
	}
	if s.large = m.Length > int64(s.max); s.large {
		return interceptor.ErrBodyTooLarge
	}
	var content []byte
	if m.Length > 0 {
		content = make([]byte, 0, m.Length)
	}
	for {
		chunk, err := m.Body.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.failed = &bodyError{err}
			return s.failed
		}
		content = append(content, chunk...)
		if len(content) > s.max {
			s.large = true
			m.Body = &resumed{first: content, rest: m.Body}
			return interceptor.ErrBodyTooLarge
		}
	}
	s.content, s.whole = content, true
	if m.Body = nil; len(content) > 0 {
		m.Body = &memory{content: content}
	} else {
		m.Length = 0
	}
	return nil
}

// broken is why the body cannot be passed on, whatever a function made of it.
func (s *source) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// replace puts a function's body into the message. What comes of the one before
// is read, up to the bound, so that its connection can serve on.
func (s *source) replace(o interceptor.Outcome) error {
	if !o.Replaced {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.message
	if !s.whole && !s.large {
		if err := s.fetch(); err != nil && !s.large {
			return err
		}
	}
	if m.Body != nil {
		m.Body.Abort(errReplaced)
	}
	m.Del("Trailer")
	m.Trailers = m.Trailers[:0]
	install(m, o.Body)
	return nil
}

// install makes content a message's body. It is not copied: a message keeps its
// memory for the requests that follow.
func install(m *exchange.Message, content []byte) {
	if m.Body, m.Length = nil, int64(len(content)); len(content) > 0 {
		m.Body = &memory{content: content}
	}
}

// memory is a body that can be sent again and again.
type memory struct {
	content []byte
	sent    bool
}

func (b *memory) Next() ([]byte, error) {
	if b.sent {
		return nil, io.EOF
	}
	b.sent = true
	return b.content, nil
}

func (b *memory) Rewind() bool { b.sent = false; return true }
func (b *memory) Abort(error)  { b.sent = true }

// resumed is a body of which the first part has been read already.
type resumed struct {
	first []byte
	sent  bool
	begun bool // on the rest
	rest  exchange.Body
}

func (b *resumed) Next() ([]byte, error) {
	if !b.sent {
		b.sent = true
		return b.first, nil
	}
	b.begun = true
	return b.rest.Next()
}

// Ready tells whether Next would not wait, as far as the body can tell.
func (b *resumed) Ready() bool {
	if !b.sent {
		return true
	}
	rest, ok := b.rest.(interface{ Ready() bool })
	return ok && rest.Ready()
}

// Detach tells that another goroutine reads on while the exchange is answered.
func (b *resumed) Detach() {
	if rest, ok := b.rest.(interface{ Detach() }); ok {
		rest.Detach()
	}
}

func (b *resumed) Rewind() bool {
	if b.begun {
		return false
	}
	b.sent = false
	return true
}

func (b *resumed) Abort(err error) { b.rest.Abort(err) }
