package listen

import (
	"errors"
	"net/http"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// refuseGRPC answers a gRPC call that the gateway does not pass on, as gRPC
// wants it ("Trailers-Only"): 200 and a head that holds the status. The exchange
// keeps the status that was meant, for log and counters.
func (c *client) refuseGRPC(x *exchange.Exchange, h http.Header) bool {
	code, message, ok := reply.GRPC(x)
	if !ok {
		return false
	}
	if x.Response.Body != nil {
		x.Response.Body.Abort(errors.New("gRPC has the status alone"))
	}
	for _, name := range []string{"Content-Encoding", "Trailer"} {
		delete(h, name)
	}
	h["Content-Type"] = []string{c.grpc}
	c.status(h, "", code, message)
	c.patience()
	c.w.WriteHeader(http.StatusOK)
	return true
}

// lostGRPC ends an answer whose backend has gone with a status by which gRPC
// clients know that; a stream that was reset would look like the gateway's bug.
func (c *client) lostGRPC(x *exchange.Exchange, h http.Header) bool {
	if x.Response.Length != exchange.Unknown || !exchange.IsGRPC(x.Response.Get(exchange.ContentType)) || c.Gone() {
		return false
	}
	code, message := reply.GRPCLost()
	c.status(h, http.TrailerPrefix, code, message)
	return true
}

// status puts a gRPC status into the header. Backends cut a call at its
// deadline: that is what the caller hears then.
func (c *client) status(h http.Header, prefix, code, message string) {
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		code, message = reply.GRPCLate()
	}
	h[prefix+"Grpc-Status"] = []string{code}
	h[prefix+"Grpc-Message"] = []string{message}
}
