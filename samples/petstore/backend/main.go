// Command backend is the pet shop behind the petstore sample: every operation
// of its definition, kept in memory.
//
//	go run ./samples/petstore/backend -addr 127.0.0.1:8080
package main

import (
	"net/http"

	"mgw/samples/internal/serve"
)

func main() {
	serve.Main("backend", "127.0.0.1:8080", func(string) (http.Handler, error) { return newShop(), nil })
}
