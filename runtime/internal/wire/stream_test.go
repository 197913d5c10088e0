package wire

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
)

func TestPiecesArePassedOnAtOnceBothWays(t *testing.T) {
	// An echo of each chunk: neither side goes on before it has the other's.
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		if _, err := readHead(r); err != nil {
			return
		}
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(nc, line)
		}
	})
	p := newProxy(t, backend, proxyOptions{})
	nc := p.dial()
	r := bufio.NewReader(nc)
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	if head, err := readHead(r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 200") {
		t.Fatalf("%q, %v", head, err)
	}
	for range 5 {
		io.WriteString(nc, "3\r\nabc\r\n")
		got := make([]byte, 8)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "3\r\nabc\r\n" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	io.WriteString(nc, "0\r\n\r\n")
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "0\r\n\r\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestABodyCutByTheClientIsCutForTheBackend(t *testing.T) {
	for _, tc := range []struct{ framing, body string }{
		{"Content-Length: 100000", "abc"},
		{"Content-Length: 10", "abc"},
		{"Transfer-Encoding: chunked", "3\r\nabc\r\n"},
		{"Transfer-Encoding: chunked", "3\r\nabc\r\nzz\r\n"},
	} {
		got := make(chan string, 1)
		backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
			all, _ := io.ReadAll(r)
			got <- string(all)
		})
		ended := make(chan struct{})
		p := newProxy(t, backend, proxyOptions{done: func(*exchange.Exchange) { close(ended) }})
		nc := p.dial()
		fmt.Fprintf(nc, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s", tc.framing, tc.body)
		nc.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(nc)
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("%s: %q", tc.framing, answer)
		}
		<-ended
		select {
		case head := <-got:
			if strings.HasSuffix(head, "0\r\n\r\n") {
				t.Errorf("%s: the backend takes this for the whole request: %q", tc.framing, head)
			}
		default:
			// A body that fits into a buffer is read before the backend is asked.
		}
	}
}

func TestBackendIsLeftWhenTheClientLeavesAStream(t *testing.T) {
	left := make(chan struct{})
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		_, _ = readHead(r)
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
		_, _ = r.ReadByte()
		close(left)
	})
	p := newProxy(t, backend, proxyOptions{})
	nc := p.dial()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	r := bufio.NewReader(nc)
	for line := ""; line != "abc\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	nc.Close()
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Fatal("the backend still streams to nobody")
	}
}

func TestManyClientsOfAllKinds(t *testing.T) {
	backend := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(body[:len(body)/2])
			panic(http.ErrAbortHandler)
		case "/chunked":
			w.(http.Flusher).Flush()
		case "/close":
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(body)
	})
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{MaxIdle: 4}})
	var all sync.WaitGroup
	for seed := range 16 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(seed), 1))
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			defer client.CloseIdleConnections()
			for range 40 {
				oneOfAllKinds(t, rnd, client, p.addr)
			}
		})
	}
	all.Wait()
}

func oneOfAllKinds(t *testing.T, rnd *rand.Rand, client *http.Client, addr string) {
	path := []string{"/", "/chunked", "/close", "/cut"}[rnd.IntN(4)]
	content := bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, rnd.IntN(60_000))
	var body io.Reader = bytes.NewReader(content)
	if rnd.IntN(2) == 0 {
		body = io.MultiReader(body)
	}
	ctx := context.Background()
	leaves := rnd.IntN(8) == 0
	if leaves {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(2000))*time.Microsecond)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, "PUT", "http://"+addr+path, body)
	if err != nil {
		t.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		if !leaves {
			t.Errorf("%s with %d: %v", path, len(content), err)
		}
		return
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	switch {
	case leaves:
	case path == "/cut":
		if err == nil && resp.StatusCode == 200 {
			t.Errorf("cut, and the client took %d bytes for all", len(got))
		}
	case err != nil || resp.StatusCode != 200 || !bytes.Equal(got, content):
		t.Errorf("%s: %d, %d bytes of %d, %v", path, resp.StatusCode, len(got), len(content), err)
	}
}

func TestAnUploadLongerThanTheTimeoutIsProgress(t *testing.T) {
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		if _, err := readHead(r); err != nil {
			return
		}
		for line := ""; line != "0\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{Timeout: 40 * time.Millisecond}})
	nc := p.dial()
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; time.Sleep(2 * time.Millisecond) {
		io.WriteString(nc, "1\r\na\r\n")
	}
	io.WriteString(nc, "0\r\n\r\n")
	if got, _ := io.ReadAll(nc); !strings.HasPrefix(string(got), "HTTP/1.1 200") {
		t.Errorf("got %q", got)
	}
}

func TestABodyThatATransportMayReadIsNotSkipped(t *testing.T) {
	for name, tc := range map[string]struct {
		before    func(*requestBody)
		forwarded bool
		want      bool
	}{
		"nobody reads":             {func(*requestBody) {}, false, true},
		"someone has begun":        {func(b *requestBody) { b.touch() }, false, false},
		"someone will":             {func(b *requestBody) { b.Detach() }, false, false},
		"a transport was asked":    {func(*requestBody) {}, true, false},
		"all of it was read":       {func(b *requestBody) { b.touch(); b.finished.Store(true) }, true, true},
		"the connection is ending": {func(b *requestBody) { b.conn.halt.Store(true) }, false, false},
	} {
		c := &conn{x: new(exchange.Exchange)}
		c.watch = &watch{}
		c.nc = memoryConn{Reader: strings.NewReader("")}
		c.body.conn = c
		c.body.begin(&c.link, &c.body.trailers, sized, 10, 0)
		tc.before(&c.body)
		if got := c.body.skippable(tc.forwarded); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
		if _, err := c.body.Next(); tc.want && !c.body.finished.Load() && err == nil {
			t.Errorf("%s: read after it was given up", name)
		}
	}
}
