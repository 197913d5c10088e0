package exchange

import (
	"testing"
	"time"
)

func TestGRPCIsKnownByItsContentType(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "Application/GRPC; charset=x": true, "application/grpc ;a=b": true,
		"application/grpc-web": false, "application/grpc-web+proto": false, "application/grpcs": false, "application/json": false, "": false,
	} {
		if IsGRPC([]byte(kind)) != want {
			t.Errorf("%q: %v", kind, !want)
		}
	}
}

func TestGRPCTimeouts(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"5S": 5 * time.Second, "100m": 100 * time.Millisecond, "20u": 20 * time.Microsecond, "7n": 7, "2H": 2 * time.Hour, "3M": 3 * time.Minute,
		"99999999H": 1 << 62, "": 0, "S": 0, "5": 0, "5x": 0, "-5S": 0, "5 S": 0, "123456789S": 0,
	} {
		if got := GRPCTimeout(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
