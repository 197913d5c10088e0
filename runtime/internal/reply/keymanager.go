package reply

import "mgw/runtime/internal/exchange"

// KeyManagerFailed answers for an endpoint of the key manager's that brought
// nothing (contract 5.7): the body is the original's, the status that of the
// failure.
func KeyManagerFailed(x *exchange.Exchange, endpoint string) {
	JSON(x, x.Status, `{"error":"error occurred while invoking the `+endpoint+` endpoint"}`)
}
