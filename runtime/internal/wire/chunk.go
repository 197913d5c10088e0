package wire

import (
	"bytes"
	"io"
)

// phase is where in a chunked body the reader stands (RFC 9112 section 7.1).
type phase uint8

const (
	atSize phase = iota
	inData       // left bytes of the chunk to come, then CRLF
	inTrailers
	afterBody
)

const (
	longestLine = 4 << 10  // of a chunk size with extensions, or of a trailer field
	mostExtra   = 16 << 10 // of both in one body
)

// nextChunk moves on to bytes of the body; io.EOF when there are no more.
func (b *inbound) nextChunk() error {
	for b.left == 0 {
		var err error
		switch b.phase {
		case atSize:
			err = b.chunkSize()
		case inData:
			err = b.chunkEnd()
		case inTrailers:
			err = b.trailer()
		default:
			return io.EOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// line takes a whole line from the link, without its CRLF. It is lent until
// the next read.
func (b *inbound) line() ([]byte, error) {
	l := b.link
	for seen := 0; ; {
		unread := l.buf[l.start:l.end]
		if i := bytes.IndexByte(unread[seen:], '\n'); i >= 0 {
			end := seen + i
			if end == 0 || unread[end-1] != '\r' {
				return nil, errLineEnd
			}
			if end > longestLine {
				return nil, errChunkExt
			}
			l.start += end + 1
			return unread[:end-1], nil
		}
		if seen = len(unread); seen > longestLine {
			return nil, errChunkExt
		}
		if err := b.refill(); err != nil {
			return nil, err
		}
	}
}

func (b *inbound) chunkSize() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	n, digits := int64(0), 0
	for digits < len(line) && class[line[digits]]&inHex != 0 {
		n = n<<4 | int64(unhex(line[digits]))
		digits++
	}
	if digits == 0 || digits > 15 {
		return errChunk
	}
	if err := b.extension(line[digits:]); err != nil {
		return err
	}
	b.left, b.phase = n, inData
	if n == 0 {
		b.phase = inTrailers
	}
	return nil
}

// extension checks and skips what follows a chunk's size.
func (b *inbound) extension(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	if b.extra += len(rest); b.extra > mostExtra {
		return errChunkExt
	}
	// White space may stand before the semicolon by the letter; parsers differ,
	// and no client sends it.
	if len(rest) < 2 || rest[0] != ';' || !validValue(rest) {
		return errChunk
	}
	return nil
}

func (b *inbound) chunkEnd() error {
	l := b.link
	for l.end-l.start < 2 {
		if err := b.refill(); err != nil {
			return err
		}
	}
	if l.buf[l.start] != '\r' || l.buf[l.start+1] != '\n' {
		return errChunk
	}
	l.start += 2
	b.phase = atSize
	return nil
}

// trailer takes one trailer field, or the empty line that ends the body.
func (b *inbound) trailer() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	if len(line) == 0 {
		b.phase = afterBody
		return nil
	}
	if b.extra += len(line); b.extra > mostExtra {
		return errFieldsMany
	}
	nameEnd, valueStart, valueEnd, err := fieldLine(line, 0, len(line))
	if err != nil {
		return err
	}
	b.message.AddTrailerBytes(line[:nameEnd], line[valueStart:valueEnd])
	last := len(b.message.Trailers) - 1
	if !trailerAllowed(b.message.Trailers[last].ID) {
		b.message.Trailers = b.message.Trailers[:last]
	}
	return nil
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
