package wire

import (
	"bytes"

	"mgw/runtime/internal/exchange"
)

// conclude judges a complete head: framing, Host, persistence.
func (h *requestHead) conclude(raw []byte, m *exchange.Message) error {
	h.keepAlive = h.minor == 1
	hosts := 0
	var host []byte
	for _, f := range m.Fields {
		value := m.Value(f)
		var err error
		switch f.ID {
		case exchange.Host:
			hosts++
			host = value
		case exchange.ContentLength:
			err = h.addLength(value)
		case exchange.TransferEncoding:
			err = h.addCoding(value)
		case exchange.Connection:
			h.addConnection(value)
		case exchange.Expect:
			if !foldEqual(value, "100-continue") {
				err = errExpectation
			}
			h.expect = h.minor == 1
		}
		if err != nil {
			return err
		}
	}
	if err := h.framing(); err != nil {
		return err
	}
	if hosts > 1 || hosts == 0 && h.minor == 1 || hosts == 1 && !validHost(host) {
		return errHost
	}
	if a := h.authority.of(raw); len(a) > 0 && hosts == 1 && !bytes.EqualFold(a, host) {
		return errMisdirected
	}
	return nil
}

func (h *requestHead) addLength(value []byte) error {
	n, ok := contentLength(value)
	if h.contentCount++; !ok || h.contentCount > 1 {
		return errLength
	}
	h.length = n
	return nil
}

// addCoding takes chunked alone (section 6.1): nothing else is implemented,
// and one request has one coding.
func (h *requestHead) addCoding(value []byte) error {
	if h.codingCount++; h.codingCount > 1 {
		return errCoding
	}
	return requireChunked(value)
}

// requireChunked accepts exactly "chunked".
func requireChunked(value []byte) error {
	if foldEqual(value, "chunked") {
		return nil
	}
	if len(value) == 0 {
		return errCoding
	}
	// Another coding before a final chunked is one that could be, but is not
	// implemented; the rest has no end that can be found.
	last, others, repeated := []byte(nil), 0, 0
	for element, rest := exchange.NextElement(value); element != nil; element, rest = exchange.NextElement(rest) {
		if last = element; foldEqual(element, "chunked") {
			repeated++
		} else {
			others++
		}
	}
	if others == 0 || repeated > 1 || repeated == 1 && !foldEqual(last, "chunked") || !only(last, inToken) {
		return errCoding
	}
	return errUnknownCoding
}

func (h *requestHead) framing() error {
	if h.codingCount == 0 {
		return nil
	}
	if h.contentCount > 0 || h.minor == 0 {
		return errFraming
	}
	h.length = exchange.Unknown
	return nil
}

func (h *requestHead) addConnection(value []byte) {
	h.connection = true
	if h.minor == 0 && hasElement(value, "keep-alive") {
		h.keepAlive = true
	}
	if hasElement(value, "close") {
		h.keepAlive = false
	}
}
