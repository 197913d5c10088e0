package wire

import (
	"errors"

	"mgw/runtime/internal/exchange"
)

// errAnswer is a backend's answer that breaks RFC 9112.
type errAnswer string

func (e errAnswer) Error() string { return "invalid answer of the backend: " + string(e) }

const (
	errStatusLine   = errAnswer("malformed status line")
	errAnswerLarge  = errAnswer("head too large")
	errAnswerLength = errAnswer("not exactly one valid framing")
	errInterim      = errAnswer("too many interim answers")
	errSwitched     = errAnswer("a change of protocol that nobody asked for")
)

var errNoAnswer = errors.New("the backend closed the connection without an answer")

// responseHead reads the head of an answer while it arrives.
type responseHead struct {
	lines
	begun bool

	status    int
	minor     int
	length    int64
	framing   framing
	keepAlive bool
}

// parse goes on where the last call ended; raw starts with the head's first
// byte. It gives true when the head is complete.
func (h *responseHead) parse(raw []byte, m *exchange.Message, limits *headLimits) (bool, error) {
	m.Lend(raw)
	for {
		start, end, ok, err := h.next(raw)
		if err != nil {
			return false, err
		}
		if h.start > limits.size || !ok && len(raw) > limits.size || !h.begun && h.lineLength(raw, ok) > limits.target {
			return false, errAnswerLarge
		}
		if !ok {
			return false, nil
		}
		switch {
		case !h.begun:
			if err := h.statusLine(raw[start:end]); err != nil {
				return false, err
			}
			h.begun = true
		case start == end:
			m.Lend(raw[:h.start:h.start])
			return true, nil
		default:
			if len(m.Fields) == limits.fields {
				return false, errAnswerLarge
			}
			nameEnd, valueStart, valueEnd, err := fieldLine(raw, start, end)
			if err != nil {
				return false, err
			}
			m.AddRaw(start, nameEnd, valueStart, valueEnd)
		}
	}
}

// lineLength gives how long the first line is, CRLF left out, or has become.
func (h *responseHead) lineLength(raw []byte, complete bool) int {
	if complete {
		return h.start - len("\r\n")
	}
	return len(raw) - len("\r")
}

// statusLine reads version SP status [SP reason] (section 4). The last space
// is missing often, and nothing hangs on it.
func (h *responseHead) statusLine(line []byte) error {
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return errStatusLine
	}
	h.minor = int(line[7] - '0')
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return errStatusLine
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 || len(line) > 12 && (line[12] != ' ' || !validValue(line[13:])) {
		return errStatusLine
	}
	return nil
}

// conclude finds how the body is framed (section 6.3) and whether the
// connection can be used again.
func (h *responseHead) conclude(m *exchange.Message, method string) error {
	h.keepAlive = h.minor == 1
	lengths, codings := 0, 0
	h.length = exchange.Unknown
	for _, f := range m.Fields {
		value := m.Value(f)
		switch f.ID {
		case exchange.ContentLength:
			n, ok := contentLength(value)
			if lengths++; !ok || lengths > 1 {
				return errAnswerLength
			}
			h.length = n
		case exchange.TransferEncoding:
			if codings++; codings > 1 || requireChunked(value) != nil {
				return errAnswerLength
			}
		case exchange.Connection:
			if h.minor == 0 && hasElement(value, "keep-alive") {
				h.keepAlive = true
			}
			if hasElement(value, "close") {
				h.keepAlive = false
			}
		}
	}
	if codings > 0 && (lengths > 0 || h.minor == 0) {
		return errAnswerLength
	}
	switch {
	case method == "HEAD" || h.status == 304 || h.status == 204 || h.status < 200:
		h.framing = noBody
	case codings > 0:
		h.framing = chunked
	case lengths > 0:
		h.framing = sized
	default:
		h.framing = untilClose
		h.keepAlive = false
	}
	if h.framing == sized && h.length == 0 {
		h.framing = noBody
	}
	return nil
}
