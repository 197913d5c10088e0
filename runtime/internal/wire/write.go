package wire

import (
	"strconv"

	"mgw/runtime/internal/exchange"
)

// appendField adds one field line. What stages add is not trusted to be one
// line: a name that is none is left out, forbidden bytes become spaces.
func appendField(b []byte, name, value []byte) []byte {
	if len(name) == 0 || !only(name, inToken) {
		return b
	}
	b = append(b, name...)
	b = append(b, ": "...)
	start := len(b)
	b = append(b, value...)
	if !validValue(value) {
		for i, c := range b[start:] {
			if class[c]&inValue == 0 {
				b[start+i] = ' '
			}
		}
	}
	return append(b, "\r\n"...)
}

// appendFields adds the fields that are meant for the receiver: none of the
// hop-by-hop ones, none that tell of framing (RFC 9110 section 7.6.1).
func appendFields(b []byte, m *exchange.Message) []byte {
	for _, f := range m.Fields {
		if !hopByHop(f.ID) {
			b = appendField(b, m.Name(f), m.Value(f))
		}
	}
	return b
}

func hopByHop(id exchange.FieldID) bool {
	switch id {
	case exchange.Connection, exchange.KeepAlive, exchange.ProxyConnection, exchange.TE, exchange.Trailer,
		exchange.TransferEncoding, exchange.Upgrade, exchange.ContentLength, exchange.ProxyAuthenticate,
		exchange.ProxyAuthorization:
		return true
	}
	return false
}

// appendUpgrade adds the fields of a change of protocol: the request for it,
// or the answer that grants it.
func appendUpgrade(b, protocol []byte) []byte {
	b = append(b, "Connection: Upgrade\r\n"...)
	return appendField(b, []byte("Upgrade"), protocol)
}

// appendChunk adds a chunk of a chunked body.
func appendChunk(b, chunk []byte) []byte {
	b = appendChunkSize(b, len(chunk))
	b = append(b, chunk...)
	return append(b, "\r\n"...)
}

func appendChunkSize(b []byte, n int) []byte {
	b = strconv.AppendUint(b, uint64(n), 16)
	return append(b, "\r\n"...)
}

// chunkCost is what framing adds to a chunk at most.
const chunkCost = 16 + 4

// appendLast adds the last chunk and the trailers that are fit for one.
func appendLast(b []byte, m *exchange.Message) []byte {
	b = append(b, "0\r\n"...)
	for _, f := range m.Trailers {
		if trailerAllowed(f.ID) {
			b = appendField(b, m.Name(f), m.Value(f))
		}
	}
	return append(b, "\r\n"...)
}

// appendTrailerNames announces trailers as the sender did.
func appendTrailerNames(b []byte, m *exchange.Message) []byte {
	for _, f := range m.Fields {
		if f.ID == exchange.Trailer {
			b = appendField(b, m.Name(f), m.Value(f))
		}
	}
	return b
}

func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "\r\n"...)
}
