// Command echo is the backend of samples that are about what happens before
// the backend: it answers with what it was sent.
//
//	go run ./samples/internal/echo -addr 127.0.0.1:8080
//
// The answer to any request is its method, target and fields as JSON. With
// ?bytes=N it is N bytes of text instead; with ?hold=NAME it comes when
// /-/release?hold=NAME is asked for. /-/held tells how many wait.
package main

import (
	"net/http"

	"mgw/samples/internal/serve"
)

func main() {
	serve.Main("echo", "127.0.0.1:8080", func(string) (http.Handler, error) { return newEcho(), nil })
}
