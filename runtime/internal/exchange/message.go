package exchange

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// Body is a message body as a sequence of chunks.
type Body interface {
	// Next lends the next chunk, never empty, until the following call; io.EOF
	// ends the body, after which trailers are in place. Any other error means
	// that the rest is missing: whoever passes the body on must cut it so that
	// its receiver notices.
	Next() ([]byte, error)
	// Rewind starts over from the first byte; it gives false when that is no
	// longer possible.
	Rewind() bool
	// Abort tells that the rest is not wanted, and why. Next is not called
	// any more. After the end of the body it does nothing.
	Abort(err error)
}

// Unknown is a Length that the framing does not tell ahead.
const Unknown = -1

// Span is a place in a Message's memory. It survives growth and holds no
// pointer. The top bit of Off tells scratch from raw.
type Span struct{ Off, Len uint32 }

const inScratch = 1 << 31

// Field is a header or trailer field.
type Field struct {
	Name, Value Span
	ID          FieldID // Other for names that this package does not know
}

// Message is a head and a body: a request or an answer.
type Message struct {
	raw     []byte // the head as the front received it; lent
	scratch []byte // what was added since; owned

	Fields   []Field
	Trailers []Field
	Length   int64 // of the body in bytes; Unknown
	Body     Body  // nil: none

	content bytesBody  // storage for SetBody
	lent    lentBody   // storage for LendBody
	stream  streamBody // storage for SetStream
}

// Reset empties the message and keeps its memory.
func (m *Message) Reset() {
	if Poison {
		poison(m.raw)
		poison(m.scratch)
	}
	*m = Message{
		scratch:  m.scratch[:0],
		Fields:   m.Fields[:0],
		Trailers: m.Trailers[:0],
	}
}

// Lend makes raw the memory that AddRaw's offsets speak of. It must stay as it
// is until Reset.
func (m *Message) Lend(raw []byte) { m.raw = raw }

// AddRaw appends a field that stands in the lent memory: name in
// raw[nameStart:nameEnd], value in raw[valueStart:valueEnd].
func (m *Message) AddRaw(nameStart, nameEnd, valueStart, valueEnd int) {
	m.Fields = append(m.Fields, Field{
		Name:  Span{uint32(nameStart), uint32(nameEnd - nameStart)},
		Value: Span{uint32(valueStart), uint32(valueEnd - valueStart)},
		ID:    Identify(m.raw[nameStart:nameEnd]),
	})
}

// Bytes lends what stands at a place.
func (m *Message) Bytes(s Span) []byte {
	if s.Off&inScratch != 0 {
		off := s.Off &^ inScratch
		return m.scratch[off : off+s.Len : off+s.Len]
	}
	return m.raw[s.Off : s.Off+s.Len : s.Off+s.Len]
}

// Name lends a field's name as it was received.
func (m *Message) Name(f Field) []byte { return m.Bytes(f.Name) }

// Value lends a field's value without the white space around it.
func (m *Message) Value(f Field) []byte { return m.Bytes(f.Value) }

// Get lends the first value of a known field, nil when there is none.
func (m *Message) Get(id FieldID) []byte {
	for _, f := range m.Fields {
		if f.ID == id {
			return m.Bytes(f.Value)
		}
	}
	return nil
}

// Count tells how often a known field stands in the head.
func (m *Message) Count(id FieldID) int {
	n := 0
	for _, f := range m.Fields {
		if f.ID == id {
			n++
		}
	}
	return n
}

// Lookup lends the first value of a field by name, without case.
func (m *Message) Lookup(name string) ([]byte, bool) {
	id := IdentifyString(name)
	for _, f := range m.Fields {
		if f.ID == id && (id != Other || equalFold(m.Bytes(f.Name), name)) {
			return m.Bytes(f.Value), true
		}
	}
	return nil, false
}

// Add appends a field. Name and value are copied and must be valid already: no
// CR, LF or NUL.
func (m *Message) Add(name, value string) {
	m.Fields = append(m.Fields, Field{keep(m, name), keep(m, value), IdentifyString(name)})
}

// AddBytes is Add for a value that is not a string. It may be lent by this
// same message.
func (m *Message) AddBytes(name string, value []byte) {
	m.Fields = append(m.Fields, Field{keep(m, name), keep(m, value), IdentifyString(name)})
}

// AddFieldOf appends a field of another message.
func (m *Message) AddFieldOf(from *Message, f Field) {
	m.Fields = append(m.Fields, Field{keep(m, from.Bytes(f.Name)), keep(m, from.Bytes(f.Value)), f.ID})
}

// AddTrailer appends a trailer field.
func (m *Message) AddTrailer(name, value string) {
	m.Trailers = append(m.Trailers, Field{keep(m, name), keep(m, value), IdentifyString(name)})
}

// AddTrailerBytes is AddTrailer for bytes, which are copied.
func (m *Message) AddTrailerBytes(name, value []byte) {
	m.Trailers = append(m.Trailers, Field{keep(m, name), keep(m, value), Identify(name)})
}

// Set replaces every field of the name by one.
func (m *Message) Set(name, value string) {
	m.Del(name)
	m.Add(name, value)
}

// SetBytes is Set for a value that is not a string; it must not be lent by
// this same message's field of that name.
func (m *Message) SetBytes(name string, value []byte) {
	m.Del(name)
	m.AddBytes(name, value)
}

// Del removes every field of the name, without case.
func (m *Message) Del(name string) {
	id := IdentifyString(name)
	m.DelFunc(func(f Field) bool {
		return f.ID == id && (id != Other || equalFold(m.Bytes(f.Name), name))
	})
}

// DelFunc removes the fields for which del gives true.
func (m *Message) DelFunc(del func(Field) bool) {
	m.Fields = slices.DeleteFunc(m.Fields, del)
}

// SetStream makes a body of unknown origin this message's. What carries it may
// serve another exchange after its end; nothing said to this message reaches it
// then.
func (m *Message) SetStream(b Body) {
	m.stream = streamBody{from: b}
	m.Body = &m.stream
}

// streamBody forgets a body that has ended.
type streamBody struct{ from Body }

func (b *streamBody) Next() ([]byte, error) {
	if b.from == nil {
		return nil, io.EOF
	}
	chunk, err := b.from.Next()
	if err != nil {
		b.from = nil
	}
	return chunk, err
}

// Ready tells whether Next would not wait, as far as the body can tell.
func (b *streamBody) Ready() bool {
	if b.from == nil {
		return true
	}
	from, ok := b.from.(interface{ Ready() bool })
	return ok && from.Ready()
}

func (b *streamBody) Rewind() bool { return b.from != nil && b.from.Rewind() }

func (b *streamBody) Abort(err error) {
	if from := b.from; from != nil {
		b.from = nil
		from.Abort(err)
	}
}

// errReplaced is why a body that another took the place of ends.
var errReplaced = errors.New("the body was replaced")

// SetBody makes a copy of content the body. The one before, which may have lent
// content, is aborted.
func (m *Message) SetBody(content []byte) { setBody(m, content) }

// SetBodyString is SetBody for a string.
func (m *Message) SetBodyString(content string) { setBody(m, content) }

func setBody[T string | []byte](m *Message, content T) {
	span := keep(m, content)
	if m.Body != nil {
		m.Body.Abort(errReplaced)
	}
	m.content = bytesBody{message: m, span: span}
	m.Length = int64(len(content))
	m.Body = &m.content
	if len(content) == 0 {
		m.Body = nil
	}
}

func keep[T string | []byte](m *Message, s T) Span {
	off := uint32(len(m.scratch))
	m.scratch = append(m.scratch, s...)
	return Span{off | inScratch, uint32(len(s))}
}

// bytesBody is a body that stands in its message's memory.
type bytesBody struct {
	message *Message
	span    Span
	read    bool
}

func (b *bytesBody) Next() ([]byte, error) {
	if b.read {
		return nil, io.EOF
	}
	b.read = true
	return b.message.Bytes(b.span), nil
}

func (b *bytesBody) Rewind() bool { b.read = false; return true }

// Abort has nobody to wake: it may come while another goroutine is inside Next.
func (b *bytesBody) Abort(error) {}

// NextElement cuts the first element off a comma-separated field value, white
// space trimmed (RFC 9110 section 5.6.1). Empty elements are skipped; a nil
// element ends the list. Commas in quoted strings do not separate.
func NextElement(list []byte) (element, rest []byte) {
	for len(list) > 0 {
		end, quoted := 0, false
		for ; end < len(list); end++ {
			switch c := list[end]; {
			case c == '"':
				quoted = !quoted
			case c == '\\' && quoted && end+1 < len(list):
				end++
			}
			if list[end] == ',' && !quoted {
				break
			}
		}
		element, rest = list[:end], nil
		if end < len(list) {
			rest = list[end+1:]
		}
		if element = bytes.Trim(element, " \t"); len(element) > 0 {
			return element, rest
		}
		list = rest
	}
	return nil, nil
}

func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
