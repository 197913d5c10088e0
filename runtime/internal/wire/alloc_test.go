//go:build !race

package wire

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"testing"
)

// The race detector makes pools forget.
func TestServedRequestsAllocateNothing(t *testing.T) {
	withoutPoison(t)
	hello := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	for name, request := range map[string]string{
		"GET":     benchHead,
		"POST":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("b", 10000),
		"chunked": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
	} {
		backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
			buf := make([]byte, 64<<10)
			n := 0
			for {
				m, err := nc.Read(buf[n:])
				if err != nil {
					return
				}
				n += m
				if bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) && !bytes.Contains(buf[:n], []byte("10000")) && (bytes.Count(buf[:n], []byte("\r\n\r\n")) == 2 || buf[0] == 'G') ||
					bytes.HasSuffix(buf[:n], []byte("bbbbbbbb")) && n > 10000 {
					n = 0
					_, _ = nc.Write(hello)
				}
			}
		})
		p := newProxy(t, backend, proxyOptions{})
		nc := p.dial()
		send, answer := []byte(request), make([]byte, 4096)
		one := func() {
			if _, err := nc.Write(send); err != nil {
				t.Fatal(err)
			}
			if n, err := nc.Read(answer); err != nil || !bytes.HasSuffix(answer[:n], []byte("hello")) {
				t.Fatalf("%q, %v", answer[:n], err)
			}
		}
		for range 20 {
			one()
		}
		// A stray collection empties the pools once.
		if got := testing.AllocsPerRun(300, one); got > 0.1 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
