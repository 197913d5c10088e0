// Command backend is what the sample protects: it counts what reaches it, and
// answers with nothing.
//
//	go run ./samples/backend-throughput/backend -addr 127.0.0.1:8080
//
// GET /-/counts gives the figures by path: how many requests came, in each
// second of its clock, in the busiest second from any moment to a second later,
// and with tokens of which window (X-Mgw-Window, which gateways send where
// configured). POST /-/reset forgets them.
package main

import (
	"net/http"
	"time"

	"mgw/samples/internal/serve"
)

func main() {
	serve.Main("backend", "127.0.0.1:8080", func(string) (http.Handler, error) { return newCounter(time.Now), nil })
}
