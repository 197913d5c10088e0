package exchange

import (
	"bytes"
	"time"
)

// IsGRPC tells the content types of gRPC over HTTP/2 ("application/grpc",
// perhaps with a format behind a plus sign) from all others, gRPC-Web among
// them.
func IsGRPC(contentType []byte) bool {
	const grpc = "application/grpc"
	if len(contentType) < len(grpc) || !equalFold(contentType[:len(grpc)], grpc) {
		return false
	}
	rest := bytes.TrimLeft(contentType[len(grpc):], " \t")
	return len(rest) == 0 || rest[0] == '+' || rest[0] == ';'
}

// GRPC tells a gRPC call from other requests. It needs HTTP/2.
func (x *Exchange) GRPC() bool { return x.Major == 2 && IsGRPC(x.Request.Get(ContentType)) }

// grpcUnits are those of the grpc-timeout field.
var grpcUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second,
	'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// GRPCTimeout reads a grpc-timeout field, how long the caller waits: at most
// eight digits and a unit. It gives 0 for none.
func GRPCTimeout[T string | []byte](value T) time.Duration {
	last := len(value) - 1
	if last < 1 || last > 8 {
		return 0
	}
	n := time.Duration(0)
	for i := range last {
		if value[i] < '0' || value[i] > '9' {
			return 0
		}
		n = 10*n + time.Duration(value[i]-'0')
	}
	const longest = 1 << 62
	unit := grpcUnits[value[last]]
	if unit > 0 && n > longest/unit {
		return longest
	}
	return n * unit
}
