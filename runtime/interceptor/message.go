package interceptor

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// message is what Request and Response have in common.
type message struct {
	header   Header
	source   func() ([]byte, error)
	replaced bool
	fresh    bool // replaced since Outcome was asked for
	body     []byte
	answer   *Answer
	err      error
}

// Header gives the fields, to be read and changed.
func (m *message) Header() *Header { return &m.header }

// Body reads the whole body and gives a copy; nil when there is none. The
// message then waits until all of it has come, up to the configured size:
// ErrBodyTooLarge above it. A body that is not asked for streams through. It
// is what was sent: compressed where Content-Encoding says so.
func (m *message) Body() ([]byte, error) {
	switch {
	case m.replaced:
		return bytes.Clone(m.body), nil
	case m.source == nil:
		return nil, nil
	}
	return m.source()
}

// SetBody puts a copy of content in the body's place. Content-Length follows;
// Content-Type and Content-Encoding are the caller's to set.
func (m *message) SetBody(content []byte) {
	m.body, m.replaced, m.fresh = bytes.Clone(content), true, true
}

// Respond answers the client. No further interceptor of this kind runs, and in
// a request interceptor the backend is not called. The header may be an
// http.Header, or nil. The status is from 200 to 599. It gives the reason when
// that cannot be sent; the interceptor fails then, whatever it returns.
func (m *message) Respond(status int, header map[string][]string, body []byte) error {
	a := &Answer{Status: status, Body: bytes.Clone(body)}
	if status < 200 || status > 599 {
		return m.fail(fmt.Errorf("%d is not a status to answer with", status))
	}
	checked := Header{foreign: ofConnection}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			checked.Add(name, value)
		}
	}
	if checked.err != nil {
		return m.fail(checked.err)
	}
	a.Header = checked.fields
	m.answer = a
	return nil
}

func (m *message) fail(err error) error {
	if m.err == nil {
		m.err = err
	}
	return err
}

func (m *message) outcome() Outcome {
	o := Outcome{Err: m.err, Answer: m.answer, Changes: m.header.take(), Replaced: m.fresh, Body: m.body}
	if o.Err == nil {
		o.Err = m.header.err
	}
	m.fresh = false
	return o
}
