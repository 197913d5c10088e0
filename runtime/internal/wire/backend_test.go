package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
)

// rawBackend runs serve on each connection, with its number from 1 on.
func rawBackend(t testing.TB, serve func(nc net.Conn, r *bufio.Reader, n int)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for n := 1; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, nc)
			mu.Unlock()
			all.Go(func() {
				defer nc.Close()
				serve(nc, bufio.NewReader(nc), n)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, nc := range open {
			nc.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return ln.Addr().String()
}

// readHead takes a request's head.
func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

// answering gives a backend that sends the same bytes to each request and,
// when last is set, closes.
func answering(t testing.TB, answer string, last bool) string {
	return rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		for {
			if _, err := readHead(r); err != nil {
				return
			}
			if _, err := io.WriteString(nc, answer); err != nil || last {
				return
			}
		}
	})
}

func TestAnswersOfBackends(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		name   string
		answer string
		last   bool // closes after it
		method string
		status int
		body   string
		cut    bool // the client must notice that something is missing
	}{
		{"length", ok + "Content-Length: 3\r\n\r\nabc", false, "GET", 200, "abc", false},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, "GET", 200, "abc", false},
		{"until close", ok + "\r\nabc", true, "GET", 200, "abc", false},
		{"until close, empty", ok + "\r\n", true, "GET", 200, "", false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", true, "GET", 200, "abc", false},
		{"HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", false, "GET", 200, "abc", false},
		{"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, "GET", 200, "", false},
		{"no space before no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, "GET", 200, "", false},
		{"unknown status", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", false, "GET", 799, "", false},
		{"HEAD", ok + "Content-Length: 3\r\n\r\n", false, "HEAD", 200, "", false},
		{"HEAD of chunked", ok + "Transfer-Encoding: chunked\r\n\r\n", false, "HEAD", 200, "", false},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", false, "GET", 204, "", false},
		{"204 with length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, "GET", 204, "", false},
		{"304 with length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nEtag: x\r\n\r\n", false, "GET", 304, "", false},
		{"more than its length", ok + "Content-Length: 3\r\n\r\nabcdef", false, "GET", 200, "abc", false},
		{"interim before", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 3\r\n\r\nabc", false, "GET", 200, "abc", false},

		{"shorter than its length", ok + "Content-Length: 10\r\n\r\nabc", true, "GET", 200, "abc", true},
		{"length and nothing", ok + "Content-Length: 10\r\n\r\n", true, "GET", 200, "", true},
		{"chunked without end", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true, "GET", 200, "abc", true},
		{"chunk without end", ok + "Transfer-Encoding: chunked\r\n\r\n10\r\nabc", true, "GET", 200, "abc", true},
		{"chunk malformed", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", false, "GET", 200, "abc", true},
		{"chunk size with bare LF", ok + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", false, "GET", 200, "", true},

		{"status 000", "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"status 099", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"status with sign", "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"no version", "200 OK\r\n\r\n", false, "GET", 502, "", false},
		{"another protocol", "220 smtp ready\r\n", false, "GET", 502, "", false},
		{"no answer", "", true, "GET", 502, "", false},
		{"half a head", "HTTP/1.1 200 OK\r\nX: ", true, "GET", 502, "", false},
		{"length and chunked", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, "GET", 502, "", false},
		{"two lengths", ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", false, "GET", 502, "", false},
		{"lengths in a list", ok + "Content-Length: 3, 3\r\n\r\nabc", false, "GET", 502, "", false},
		{"negative length", ok + "Content-Length: -3\r\n\r\nabc", false, "GET", 502, "", false},
		{"unknown coding", ok + "Transfer-Encoding: gzip\r\n\r\n", true, "GET", 502, "", false},
		{"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, "GET", 502, "", false},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, "GET", 502, "", false},
		{"folded field", ok + "X: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"space before the colon", ok + "Content-Length : 0\r\n\r\n", false, "GET", 502, "", false},
		{"NUL in a value", ok + "X: \x00\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"CR in a value", ok + "X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", false, "GET", 502, "", false},
		{"change of protocol unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false, "GET", 502, "", false},
		{"interim for ever", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 50), false, "GET", 502, "", false},
		{"head too large", ok + "X: " + strings.Repeat("a", 70_000) + "\r\n\r\n", false, "GET", 502, "", false},
		{"too many fields", ok + strings.Repeat("X: 1\r\n", 201) + "\r\n", false, "GET", 502, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProxy(t, answering(t, tc.answer, tc.last), proxyOptions{})
			for range 2 { // the second one meets whatever the first has left
				got := p.raw(tc.method + " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				strictly(t, got, tc.method)
				r := bufio.NewReader(strings.NewReader(got))
				resp, err := http.ReadResponse(r, &http.Request{Method: tc.method})
				for err == nil && resp.StatusCode < 200 {
					resp, err = http.ReadResponse(r, &http.Request{Method: tc.method})
				}
				if err != nil {
					t.Fatalf("%v in %q", err, got)
				}
				body, err := io.ReadAll(resp.Body)
				if resp.StatusCode != tc.status || tc.status != 502 && string(body) != tc.body {
					t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tc.status, tc.body)
				}
				if tc.cut != (err != nil) {
					t.Errorf("cut: %v, want %v: %q", err, tc.cut, got)
				}
			}
		})
	}
}

// strictly reads the heads of answers as this package would read a backend's.
func strictly(t *testing.T, got, method string) {
	t.Helper()
	for data := []byte(got); ; {
		var h responseHead
		var m exchange.Message
		done, err := h.parse(data, &m, &fuzzLimits)
		if err == nil && done {
			err = h.conclude(&m, method)
		}
		if err != nil || !done {
			t.Fatalf("reading %q: %v, %v", data, done, err)
		}
		if data = data[h.start:]; h.status >= 200 {
			return
		}
	}
}

func TestAnEndThatOnlyCloseTellsIsResetWhenCut(t *testing.T) {
	backend := answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true)
	p := newProxy(t, backend, proxyOptions{})
	got := p.raw("GET / HTTP/1.0\r\n\r\n")
	if !strings.Contains(got, "\nread tcp") {
		t.Errorf("a client of HTTP/1.0 takes this for the whole answer: %q", got)
	}
}

func TestInterimAnswersReachOnlyThoseWhoKnowThem(t *testing.T) {
	backend := answering(t, "HTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false)
	p := newProxy(t, backend, proxyOptions{})
	got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200") {
		t.Errorf("got %q", got)
	}
	if got := p.raw("GET / HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("HTTP/1.0 got %q", got)
	}
}

func TestFramingIsMadeAnewBothWays(t *testing.T) {
	heads := make(chan string, 1)
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			body := ""
			if strings.Contains(head, "chunked") {
				for !strings.HasSuffix(body, "\r\n\r\n") {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					body += line
				}
			}
			heads <- head + body
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nDate: today\r\n\r\n3;e=1\r\nabc\r\n00\r\nX-T: 1\r\nContent-Length: 5\r\n\r\n")
		}
	})
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{Host: "backend"}})
	got := p.raw("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: X-R\r\nTE: trailers\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nX-Kept: 1\r\nProxy-Connection: x\r\n\r\n03;e\r\nabc\r\n0\r\nX-R: 1\r\nHost: b\r\n\r\n")
	sent := <-heads
	if want := "POST /x HTTP/1.1\r\nHost: backend\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\nTrailer: X-R\r\n\r\n3\r\nabc\r\n0\r\nX-R: 1\r\n\r\n"; sent != want {
		t.Errorf("sent\n%q, want\n%q", sent, want)
	}
	if want := "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"; got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	// What was sent passes this package's own reading.
	var h requestHead
	var m exchange.Message
	if done, err := h.parse([]byte(sent), &m, &headLimits{size: 8192, target: 4096, fields: 100}); !done || err != nil {
		t.Errorf("parsing what was sent: %v, %v", done, err)
	}
}

func TestEarlyAnswerIsSeenWhileTheBodyIsSent(t *testing.T) {
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		if _, err := readHead(r); err != nil {
			return
		}
		io.WriteString(nc, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		io.Copy(io.Discard, r)
	})
	p := newProxy(t, backend, proxyOptions{})
	for _, framing := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(nc, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", framing)
		// Nothing of the body is sent: only an early answer can come.
		_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
		got, err := io.ReadAll(nc)
		if !strings.HasPrefix(string(got), "HTTP/1.1 413") || !strings.HasSuffix(string(got), "no") || !strings.Contains(string(got), "Connection: close") {
			t.Errorf("%s: %q, %v", framing, got, err)
		}
		nc.Close()
	}
}

func TestStaleConnectionsAreRepeatedOnlyWhereThatIsHarmless(t *testing.T) {
	// Each connection answers once, and is closed only when the next request
	// has come: nobody can know before.
	var seen atomic.Int64
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, n int) {
		if _, err := readHead(r); err != nil {
			return
		}
		seen.Add(1)
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = readHead(r)
	})
	for _, tc := range []struct {
		request string
		status  string
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200"},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "200"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "502"},
	} {
		p := newProxy(t, backend, proxyOptions{})
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		r := bufio.NewReader(nc)
		for i, want := range []string{"200", tc.status} {
			io.WriteString(nc, tc.request)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			if resp.Status[:3] != want {
				t.Errorf("%q %d: %s, want %s", tc.request, i, resp.Status, want)
			}
		}
	}
}

func TestConnectionsClosedWhileIdleAreNotUsed(t *testing.T) {
	closed := make(chan struct{}, 1)
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, n int) {
		if _, err := readHead(r); err != nil {
			return
		}
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		if n == 1 {
			// What some servers say to an idle connection; not to be taken for
			// the next answer.
			io.WriteString(nc, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			nc.Close()
			closed <- struct{}{}
			return
		}
		_, _ = readHead(r)
	})
	p := newProxy(t, backend, proxyOptions{})
	for i := range 2 {
		got := p.raw("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%d: %q", i, got)
		}
		if i == 0 {
			<-closed
		}
	}
}

func TestBackendIsLeftWhenTheClientIsGone(t *testing.T) {
	left := make(chan struct{})
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		_, _ = readHead(r)
		_, _ = r.ReadByte() // the end
		close(left)
	})
	aborted := make(chan bool, 1)
	p := newProxy(t, backend, proxyOptions{done: func(x *exchange.Exchange) { aborted <- x.Client.Gone() }})
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /pipelined HTTP/1.1\r\nHost: a\r\n\r\n")
	nc.Close()
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Fatal("the backend still works for nobody")
	}
	if !<-aborted {
		t.Error("the exchange does not know that its client is gone")
	}
}

func TestSilentBackendTimesOut(t *testing.T) {
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) { _, _ = io.Copy(io.Discard, r) })
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{Timeout: 50 * time.Millisecond}})
	got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 504") {
		t.Errorf("got %q", got)
	}
}

func TestUpgradeCarriesBytesBothWays(t *testing.T) {
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		head, err := readHead(r)
		if err != nil || !strings.Contains(head, "Connection: Upgrade\r\nUpgrade: WebSocket\r\n") {
			t.Errorf("head %q", head)
		}
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello")
		io.Copy(nc, r)
		io.WriteString(nc, "bye")
	})
	done := make(chan [2]int64, 1)
	p := newProxy(t, backend, proxyOptions{done: func(x *exchange.Exchange) { done <- [2]int64{x.BytesIn, x.BytesOut} }})
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n\r\nfirst")
	var sent bytes.Buffer
	sent.WriteString("first")
	for i := range 100 {
		piece := strings.Repeat(string(rune('a'+i%26)), 1000)
		io.WriteString(nc, piece)
		sent.WriteString(piece)
	}
	nc.(*net.TCPConn).CloseWrite()
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	want := "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello" + sent.String() + "bye"
	if string(got) != want {
		t.Errorf("got %d bytes, want %d: %.200q", len(got), len(want), got)
	}
	if n := <-done; n[0] != int64(sent.Len()) || n[1] != int64(sent.Len()+8) {
		t.Errorf("counted %v of %d", n, sent.Len())
	}
}

func TestMaxActiveConnectionsAreSharedFairly(t *testing.T) {
	var now, most atomic.Int64
	backend := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		now.Add(-1)
	})
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{MaxActive: 3, MaxIdle: 2, Wait: 5 * time.Second}})
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
				t.Errorf("got %q", got)
			}
		})
	}
	all.Wait()
	if most.Load() > 3 {
		t.Errorf("%d at a time", most.Load())
	}
}

func TestWaitingForAConnectionEnds(t *testing.T) {
	entered := make(chan struct{}, 1)
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) {
		_, _ = readHead(r)
		entered <- struct{}{}
		_, _ = io.Copy(io.Discard, r)
	})
	p := newProxy(t, backend, proxyOptions{target: exchange.Target{MaxActive: 1, Wait: 20 * time.Millisecond}})
	io.WriteString(p.dial(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	if got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 502") {
		t.Errorf("got %q", got)
	}
}
