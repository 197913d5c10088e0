package wire

import (
	"bytes"

	"mgw/runtime/internal/exchange"
)

// lines cuts a head into lines while it is still arriving. Offsets count from
// the head's first byte, so that the buffer may move between calls.
type lines struct {
	start int // of the line that is next
	seen  int // there is no line feed between start and here
}

// next gives the bounds of the next line without its CRLF; ok is false while
// it has not arrived as a whole.
func (l *lines) next(raw []byte) (start, end int, ok bool, err error) {
	i := bytes.IndexByte(raw[l.seen:], '\n')
	if i < 0 {
		l.seen = len(raw)
		return 0, 0, false, nil
	}
	start, end = l.start, l.seen+i-1
	if end < start || raw[end] != '\r' {
		return 0, 0, false, errLineEnd
	}
	l.start = end + 2
	l.seen = l.start
	return start, end, true, nil
}

// fieldLine finds name and value in raw[start:end] (RFC 9112 section 5).
func fieldLine(raw []byte, start, end int) (nameEnd, valueStart, valueEnd int, err error) {
	i := start
	for i < end && class[raw[i]]&inToken != 0 {
		i++
	}
	if i == start {
		if raw[i] == ' ' || raw[i] == '\t' {
			return 0, 0, 0, errFold
		}
		return 0, 0, 0, errFieldName
	}
	// White space before the colon ends up here too.
	if i == end || raw[i] != ':' {
		return 0, 0, 0, errFieldName
	}
	nameEnd, valueStart, valueEnd = i, i+1, end
	for valueStart < valueEnd && isBlank(raw[valueStart]) {
		valueStart++
	}
	for valueEnd > valueStart && isBlank(raw[valueEnd-1]) {
		valueEnd--
	}
	if !validValue(raw[valueStart:valueEnd]) {
		return 0, 0, 0, errFieldValue
	}
	return nameEnd, valueStart, valueEnd, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// contentLength reads a Content-Length: digits only, at most 2^62.
func contentLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// hasElement tells whether a list field names an element, without case.
func hasElement(list []byte, lower string) bool {
	for element, rest := exchange.NextElement(list); element != nil; element, rest = exchange.NextElement(rest) {
		if foldEqual(element, lower) {
			return true
		}
	}
	return false
}

// trailerAllowed keeps fields out of trailers that mean framing, routing or
// identity (RFC 9110 section 6.5.1).
func trailerAllowed(id exchange.FieldID) bool {
	switch id {
	case exchange.Authorization, exchange.CacheControl, exchange.Connection, exchange.ContentEncoding,
		exchange.ContentLength, exchange.ContentType, exchange.Cookie, exchange.Expect, exchange.Forwarded,
		exchange.Host, exchange.KeepAlive, exchange.Location, exchange.ProxyAuthenticate,
		exchange.ProxyAuthorization, exchange.ProxyConnection, exchange.SetCookie, exchange.TE, exchange.Trailer,
		exchange.TransferEncoding, exchange.Upgrade, exchange.Vary, exchange.WWWAuthenticate,
		exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto:
		return false
	}
	return true
}
