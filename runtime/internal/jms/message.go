package jms

import (
	"errors"
	"fmt"
	"time"
)

// Content types of JMS messages over AMQP.
const (
	mapType       = "amqp/map"        // AMQP 0-10 map, what current clients send
	legacyMapType = "jms/map-message" // of older clients and of an option
	textType      = "text/plain"
)

// Message is one JMS message: a map when Map is not nil, else a text.
type Message struct {
	Map  map[string]any // bool, int64, float64, string, []byte or nil
	Text []byte
	Sent time.Time // zero when the sender gives none
}

var (
	errShort = errors.New("the body is cut short")
	errKind  = errors.New("neither a map nor a text message")
)

// decodeBody reads a body by its content type alone, as JMS clients do.
func decodeBody(contentType string, body []byte) (Message, error) {
	switch contentType {
	case mapType:
		m, err := decodeMap(body)
		return Message{Map: m}, err
	case legacyMapType:
		m, err := decodeLegacyMap(body)
		return Message{Map: m}, err
	case textType:
		return Message{Text: body}, nil
	}
	return Message{}, fmt.Errorf("content type %.40q: %w", contentType, errKind)
}

// sentAt reads a timestamp property. JMS clients put milliseconds where AMQP
// has seconds; a value too large for seconds is taken as milliseconds.
func sentAt(t time.Time) time.Time {
	const latestSecond = 1e11 // in the year 5138
	if t.IsZero() || t.Unix() <= 0 {
		return time.Time{}
	}
	if n := t.Unix(); n > latestSecond {
		return time.UnixMilli(n)
	}
	return t
}

// maxEntries bounds a map: real ones have four.
const maxEntries = 10_000

// reader takes big-endian values off a body. After the first error everything
// it gives is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) bytes(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint(width int) uint64 {
	var n uint64
	for _, c := range r.bytes(uint64(width)) {
		n = n<<8 | uint64(c)
	}
	return n
}

// int reads a signed integer of the width in bytes.
func (r *reader) int(width int) int64 {
	shift := 64 - 8*width
	return int64(r.uint(width)) << shift >> shift
}

// zeroTerminated reads bytes up to a NUL, which it takes too.
func (r *reader) zeroTerminated() string {
	for i, c := range r.rest {
		if c == 0 {
			s := string(r.rest[:i])
			r.rest = r.rest[i+1:]
			return s
		}
	}
	r.fail(errShort)
	return ""
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}
