// Command nethttp is a server of net/http and nothing else, to compare a gateway
// with: HTTP/1.1 and HTTP/2 on a plaintext and a TLS port.
//
//	go run ./samples/internal/nethttp -http 127.0.0.1:8080 -https 127.0.0.1:8443
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"
)

func main() {
	plain := flag.String("http", "127.0.0.1:0", "where to listen without TLS")
	secure := flag.String("https", "127.0.0.1:0", "where to listen with TLS")
	flag.Parse()
	if err := serve(*plain, *secure); err != nil {
		fmt.Fprintln(os.Stderr, "nethttp:", err)
		os.Exit(1)
	}
}

func serve(plain, secure string) error {
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	certificate := borrowed.TLS.Certificates[0]
	borrowed.Close()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		Protocols:         new(http.Protocols),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	first, err := net.Listen("tcp", plain)
	if err != nil {
		return err
	}
	second, err := net.Listen("tcp", secure)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\nhttps://%s\n", first.Addr(), second.Addr())
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(first) }()
	go func() { ended <- server.ServeTLS(second, "", "") }()
	return <-ended
}
