package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var streaming = []behaviour{
	{"an answer's head does not wait for its body", headFirst},
	{"chunks of an answer are passed on as they come", chunksAtOnce},
	{"a known length is passed on as it comes too", lengthAtOnce},
	{"chunks of a request are passed on as they come", uploadAtOnce},
	{"both directions may stream at once", duplex},
	{"an answer may come before the request has ended", earlyAnswer},
	{"a client that leaves cancels the backend's work", cancellation},
	{"a client that leaves in the middle of its body cancels the backend's work", cutUpload},
	{"an answer that the backend cuts is cut for the client", cutAnswers},
	{"an answer that stands still is cut", stalledAnswer},
	{"an event stream may be silent", silentEvents},
	{"a large body neither grows nor shrinks", largeBodies},
}

// gate lets a handler wait for the test.
type gate chan struct{}

func (g gate) open() { g <- struct{}{} }
func (g gate) wait() {
	select {
	case <-g:
	case <-time.After(patience):
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func headFirst(t *testing.T, s Stack) {
	more := make(gate)
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Head", "1")
		flush(w)
		more.wait()
		fmt.Fprint(w, "body")
	})))
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	response := c.read("GET")
	if response.Header.Get("X-Head") != "1" {
		t.Errorf("%v", response)
	}
	more.open()
	if a := c.finish(response); a.body != "body" {
		t.Errorf("%q", a.body)
	}
}

func chunksAtOnce(t *testing.T, s Stack) {
	for _, contentType := range []string{"text/event-stream", "text/plain"} {
		more := make(gate)
		address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := range 3 {
				fmt.Fprintf(w, "part%d\n", i)
				flush(w)
				more.wait()
			}
		})))
		readParts(t, dial(t, address), more)
	}
}

func lengthAtOnce(t *testing.T, s Stack) {
	more := make(gate)
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "18")
		for i := range 3 {
			fmt.Fprintf(w, "part%d\n", i)
			flush(w)
			more.wait()
		}
	})))
	readParts(t, dial(t, address), more)
}

func readParts(t *testing.T, c *caller, more gate) {
	t.Helper()
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	response := c.read("GET")
	for i := range 3 {
		part := make([]byte, 6)
		if _, err := io.ReadFull(response.Body, part); err != nil || string(part) != fmt.Sprintf("part%d\n", i) {
			t.Fatalf("%q, %v", part, err)
		}
		more.open()
	}
	if a := c.finish(response); a.body != "" {
		t.Errorf("more: %q", a.body)
	}
}

// partSize is more than a front may gather of a body of known length before
// it asks the backend.
const partSize = 40_000

func uploadAtOnce(t *testing.T, s Stack) {
	parts := make(chan string, 3)
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			part := make([]byte, partSize)
			if _, err := io.ReadFull(r.Body, part); err != nil {
				t.Errorf("the backend's read: %v", err)
			}
			parts <- string(part)
		}
		_, _ = io.Copy(w, r.Body)
	})))
	for _, framed := range []bool{false, true} {
		c := dial(t, address)
		if framed {
			c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
		} else {
			c.send(fmt.Sprintf("POST / HTTP/1.1\nHost: a\nContent-Length: %d\n\n", 3*partSize))
		}
		for _, letter := range []string{"a", "b", "c"} {
			part := strings.Repeat(letter, partSize)
			if framed {
				c.send(fmt.Sprintf("%x\n%s\n", partSize, part))
			} else {
				c.send(part)
			}
			if got := within(t, "a part at the backend", parts); got != part {
				t.Errorf("got %.10q and so on, want %.10q", got, part)
			}
		}
		if framed {
			c.send("0\n\n")
		}
		if a := c.finish(c.read("POST")); a.StatusCode != 200 || a.body != "" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
}

func duplex(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		flush(w)
		part := make([]byte, 3)
		for {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				return
			}
			_, _ = w.Write(part)
			flush(w)
		}
	})))
	c := dial(t, address)
	c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
	response := c.read("POST")
	for _, part := range []string{"one", "two", "six"} {
		c.send("3\n" + part + "\n")
		got := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != part {
			t.Fatalf("%q, %v", got, err)
		}
	}
	c.send("0\n\n")
	if a := c.finish(response); a.body != "" {
		t.Errorf("more: %q", a.body)
	}
}

func earlyAnswer(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		readHead(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
		time.Sleep(50 * time.Millisecond) // for the answer to arrive before the reset
	})))
	c := dial(t, address)
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 1000000\n\nfirst")
	if a := c.finish(c.read("POST")); a.StatusCode != 413 || a.body != "stop" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	if done := seen.wait(t, 1); done[0].status != 413 {
		t.Errorf("done as %+v", done)
	}
	c.ended()
}

func cancellation(t *testing.T, s Stack) {
	working, cancelled := make(chan bool, 1), make(chan bool, 1)
	address, seen := gateway(t, s, endpoint(backend(t, func(_ http.ResponseWriter, r *http.Request) {
		working <- true
		<-r.Context().Done()
		cancelled <- true
	})))
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	within(t, "the backend works", working)
	_ = c.Close()
	within(t, "the backend's work is cancelled", cancelled)
	if done := seen.wait(t, 1); !done[0].aborted || done[0].status != 499 {
		t.Errorf("done as %+v", done)
	}
}

func cutUpload(t *testing.T, s Stack) {
	address, seen, reads := gatewayToReader(t, s, Front{})
	for i, request := range []string{
		"POST / HTTP/1.1\nHost: a\nContent-Length: 100\n\nfirst",
		"POST / HTTP/1.1\nHost: a\nContent-Length: 100000\n\nfirst",
		"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nfirst\n",
	} {
		c := dial(t, address)
		c.send(request)
		time.Sleep(10 * time.Millisecond)
		_ = c.Close()
		if done := seen.wait(t, i+1); !done[i].aborted {
			t.Errorf("%q: done as %+v", request, done[i])
		}
	}
	reads.incomplete(t)
}

// reads are how a backend's reads of request bodies ended.
type reads struct {
	begun atomic.Int64
	mu    sync.Mutex
	errs  []error
}

// gatewayToReader starts a front before a backend that reads bodies.
func gatewayToReader(t *testing.T, s Stack, f Front) (address string, seen *record, r *reads) {
	r = &reads{}
	address, seen = gatewayWith(t, s, endpoint(backend(t, func(_ http.ResponseWriter, request *http.Request) {
		r.begun.Add(1)
		_, err := io.Copy(io.Discard, request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	})), f, false)
	return address, seen, r
}

// incomplete fails when the backend believes that a body was complete. It may
// also have seen none: a front need not ask before it has a short body.
func (r *reads) incomplete(t *testing.T) {
	t.Helper()
	eventually(t, "the backend's reads end", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return int64(len(r.errs)) == r.begun.Load()
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.errs {
		if err == nil {
			t.Error("the backend believes that a body was complete")
		}
	}
}

func cutAnswers(t *testing.T, s Stack) {
	for name, bytes := range map[string]string{
		"length":              "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst",
		"chunked":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
		"chunked, in a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nfirst",
		"malformed chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\nzz\r\n",
	} {
		address, seen := gateway(t, s, endpoint(answering(t, bytes)))
		c := dial(t, address)
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		response := c.read("GET")
		if response.StatusCode != 200 {
			t.Errorf("%s: %v", name, response)
		}
		body, err := io.ReadAll(response.Body)
		if err == nil || !strings.HasPrefix("first", string(body)) {
			t.Errorf("%s: the client believes in %q", name, body)
		}
		if done := seen.wait(t, 1); !done[0].aborted || done[0].status != 200 {
			t.Errorf("%s: done as %+v", name, done)
		}
	}
}

func stalledAnswer(t *testing.T, s Stack) {
	e := endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		readHead(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")
		_, _ = io.Copy(io.Discard, r)
	}))
	e.Advanced.TimeoutMillis = 100
	address, seen := gateway(t, s, e)
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	if body, err := io.ReadAll(c.read("GET").Body); err == nil {
		t.Errorf("the client believes in %q", body)
	}
	if done := seen.wait(t, 1); !done[0].aborted {
		t.Errorf("done as %+v", done)
	}
}

func silentEvents(t *testing.T, s Stack) {
	more := make(gate)
	e := endpoint(backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		flush(w)
		more.wait()
		fmt.Fprint(w, "data: 1\n\n")
	}))
	e.Advanced.TimeoutMillis = 50
	address, _ := gateway(t, s, e)
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	response := c.read("GET")
	time.Sleep(200 * time.Millisecond) // four times what any other answer may take
	more.open()
	if a := c.finish(response); a.body != "data: 1\n\n" {
		t.Errorf("%q", a.body)
	}
}

func largeBodies(t *testing.T, s Stack) {
	const size = 8 << 20
	address, seen := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})))
	c := dial(t, address)
	_ = c.SetDeadline(time.Now().Add(6 * patience))
	go func() {
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
		block := []byte(strings.Repeat("0123456789abcdef", 4096))
		for range size / len(block) {
			_, _ = c.Write(block)
		}
	}()
	response := c.read("POST")
	n, err := io.Copy(io.Discard, response.Body)
	if n != size || err != nil {
		t.Errorf("%d bytes came back, %v", n, err)
	}
	if done := seen.wait(t, 1); done[0].in != size || done[0].out != size {
		t.Errorf("done as %+v", done)
	}
}
