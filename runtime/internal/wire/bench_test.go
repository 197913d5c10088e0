package wire

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
)

const benchHead = "GET /v1/pets/42?limit=10 HTTP/1.1\r\nHost: gateway.example.com\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n" +
	"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl\r\nAccept-Encoding: gzip\r\nX-Request-Id: 0123456789abcdef\r\n\r\n"

func BenchmarkParseRequest(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchHead)))
	withoutPoison(b)
	raw := []byte(benchHead)
	limits := headLimits{size: 8 << 10, target: 4 << 10, fields: 100}
	var m exchange.Message
	for b.Loop() {
		m.Reset()
		var h requestHead
		if done, err := h.parse(raw, &m, &limits); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// echoBackend answers each head with 1 KB, without net/http.
func echoBackend(tb testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				r := bufio.NewReader(nc)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						if _, err := nc.Write(answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	tb.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func BenchmarkProxiedRequest(b *testing.B) {
	withoutPoison(b)
	p := newProxy(b, echoBackend(b), proxyOptions{})
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	request := []byte(benchHead)
	answer := make([]byte, 4096)
	size := 0
	one := func() {
		if _, err := nc.Write(request); err != nil {
			b.Fatal(err)
		}
		if size == 0 {
			size, err = nc.Read(answer)
			if err != nil {
				b.Fatal(err)
			}
			return
		}
		if _, err := io.ReadFull(nc, answer[:size]); err != nil {
			b.Fatal(err)
		}
	}
	one()
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
}
