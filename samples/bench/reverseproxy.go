package main

import (
	"crypto/tls"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// serveReverseProxy is httputil.ReverseProxy as its users tune it. The
// arguments are the addresses of both listeners and the backend, certificate
// and key.
func serveReverseProxy(args []string) {
	target := &url.URL{Scheme: "http", Host: args[2]}
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:  &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048, DisableCompression: true},
		BufferPool: &buffers{sync.Pool{New: func() any { return make([]byte, 32<<10) }}},
	}
	secure := &http.Server{Addr: args[1], Handler: proxy, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	go func() { log.Fatal(secure.ListenAndServeTLS(args[3], args[4])) }()
	log.Fatal(http.ListenAndServe(args[0], proxy))
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte { return b.pool.Get().([]byte) }

//lint:ignore SA6002 httputil's interface wants a slice
func (b *buffers) Put(p []byte) { b.pool.Put(p) }
