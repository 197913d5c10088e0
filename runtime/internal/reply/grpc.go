package reply

import (
	"strconv"

	"mgw/runtime/internal/exchange"
)

// Status codes of gRPC that a gateway has a use for.
const (
	grpcUnknown           = 2
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// grpcStatus gives the code for a status: contract 5.1, and for the statuses
// that the original never answered gRPC's own table for those of HTTP.
func grpcStatus(status int) int {
	switch status {
	case 400:
		return grpcInternal
	case 401:
		return grpcUnauthenticated
	case 403:
		return grpcPermissionDenied
	case 404:
		return grpcUnimplemented
	case 413, 429, 431:
		return grpcResourceExhausted
	case 502, 503, 504:
		return grpcUnavailable
	}
	return grpcUnknown
}

// reason is what a log or a gRPC client is told in one line.
func (f *Fault) reason() string {
	if f.Message == msgRuntime { // says nothing
		return f.Description
	}
	return f.Message
}

// GRPC gives the status and the message that a gRPC client gets in place of
// an answer of the gateway's own; ok is false for a backend's answer, and for one
// that is gRPC already.
func GRPC(x *exchange.Exchange) (code, message string, ok bool) {
	if x.Code == 0 && x.Backend != "" || exchange.IsGRPC(x.Response.Get(exchange.ContentType)) {
		return "", "", false
	}
	message = x.Reason
	if message == "" {
		message = "The gateway answered with status " + strconv.Itoa(x.Status)
	}
	return strconv.Itoa(grpcStatus(x.Status)), percentEncoded(message), true
}

// GRPCLost are status and message for a stream that the backend has cut.
func GRPCLost() (code, message string) {
	return strconv.Itoa(grpcUnavailable), "The backend cut the stream"
}

// GRPCLate are status and message for a call whose deadline has passed.
func GRPCLate() (code, message string) {
	return strconv.Itoa(grpcDeadlineExceeded), "The deadline of the call has passed"
}

// percentEncoded is the coding of grpc-message.
func percentEncoded(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}
