package listen_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/spec"
)

// BenchmarkProxy is one client on one connection, a backend and all between
// them in this process.
func BenchmarkProxy(b *testing.B) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1024)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}
	go func() { _ = server.Serve(socket) }()
	defer server.Close()
	backends, err := backend.New(backend.Options{
		Gateway:   &spec.Gateway{APIs: make([]spec.API, 1), Endpoints: []spec.Endpoint{{Type: spec.HTTP, URLs: []string{"http://" + socket.Addr().String()}}}},
		Transport: backend.NewStandard(backend.StandardOptions{}),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer backends.Close()
	api, operation := &spec.API{}, &spec.Operation{}
	l, err := listen.New(listen.Options{HTTP: "127.0.0.1:0", Chain: &exchange.Chain{Request: []exchange.Stage{
		func(x *exchange.Exchange) bool { x.API, x.Operation = api, operation; return true },
		backends.Forward,
	}}})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = l.Serve() }()
	defer func() { _ = l.Shutdown(b.Context()) }()
	address, _ := l.Addresses()
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	b.ReportAllocs()
	for b.Loop() {
		fmt.Fprint(conn, "GET /pets HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n")
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
	}
}
