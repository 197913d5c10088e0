// Package fronttest is what every front and every way to backends must do,
// written once: raw bytes go in on a socket, a real backend answers, and what
// both of them see is compared.
//
// A test hands Run a Stack: how to start a front over a chain, and a stage that
// forwards. The suite knows no other part of the gateway. Behaviours that a
// stack cannot have are named in Stack.Lacks and skipped visibly.
package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// Stack is a front with a way to backends.
type Stack struct {
	// Serve starts a plaintext HTTP/1.1 listener that ends with the test, and
	// gives its host:port.
	Serve func(t *testing.T, o Front) string
	// Forward gives the stage for an endpoint; loopback is a trusted proxy when
	// trusted is set.
	Forward func(t *testing.T, e spec.Endpoint, trusted bool) exchange.Stage
	// Lacks names subtests that do not apply, with the reason.
	Lacks map[string]string
}

// HandlerLacks is all of what a front that is a net/http handler cannot see.
var HandlerLacks = map[string]string{
	"refused: no version":            "net/http waits for the 14 bytes by which it knows HTTP/2",
	"refused: a folded field":        "net/http unfolds it",
	"refused: the same length twice": "net/http keeps one",
	"refused: a length and chunks":   "net/http drops the length",
	"refused: chunks on HTTP/1.0":    "net/http ignores the coding",
}

// Front is what a test asks of a front. Its limits are small enough for tests.
type Front struct {
	Chain       *exchange.Chain
	MaxBody     int64         // 0: unbounded
	BodyTimeout time.Duration // 0: the front's default

	TunnelTimeout time.Duration // 0: none
}

// The limits that every front is started with.
const (
	MaxURI    = 4096
	MaxHeader = 8192
)

// Run runs the suite.
func Run(t *testing.T, s Stack) {
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			if why, ok := s.Lacks[b.name]; ok {
				t.Skip(why)
			}
			b.test(t, s)
		})
	}
}

func behaviours() []behaviour {
	return slices.Concat(forwarding, framing, streaming, upgrading, refusing)
}

type behaviour struct {
	name string
	test func(t *testing.T, s Stack)
}

// patience is how long a test waits for what must come.
const patience = 5 * time.Second

// endpoint gives one for URLs.
func endpoint(urls ...string) spec.Endpoint {
	return spec.Endpoint{Type: spec.HTTP, URLs: urls}
}

// gateway starts a front that forwards everything to an endpoint.
func gateway(t *testing.T, s Stack, e spec.Endpoint) (address string, seen *record) {
	return gatewayWith(t, s, e, Front{}, false)
}

func gatewayWith(t *testing.T, s Stack, e spec.Endpoint, f Front, trusted bool) (address string, seen *record) {
	api := &spec.API{}
	operation := &spec.Operation{Production: 0, Sandbox: spec.NoEndpoint}
	seen = &record{}
	f.Chain = &exchange.Chain{
		Request: []exchange.Stage{
			func(x *exchange.Exchange) bool { x.API, x.Operation = api, operation; return true },
			s.Forward(t, e, trusted),
		},
		Done:  []func(*exchange.Exchange){seen.add},
		Panic: func(_ *exchange.Exchange, r any) { t.Errorf("panic: %v", r) },
	}
	return s.Serve(t, f), seen
}

// local starts a front whose chain is one stage.
func local(t *testing.T, s Stack, f Front, stage exchange.Stage) (address string, seen *record) {
	seen = &record{}
	f.Chain = &exchange.Chain{
		Request: []exchange.Stage{stage},
		Done:    []func(*exchange.Exchange){seen.add},
		Panic:   func(_ *exchange.Exchange, r any) { t.Errorf("panic: %v", r) },
	}
	return s.Serve(t, f), seen
}

// record keeps what Done functions saw.
type record struct {
	mu   sync.Mutex
	done []finished
}

type finished struct {
	status   int
	in, out  int64
	aborted  bool
	code     int
	upstream string
}

func (r *record) add(x *exchange.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, finished{x.Status, x.BytesIn, x.BytesOut, x.Aborted, x.Code, x.Backend})
}

func (r *record) all() []finished {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.done)
}

// wait gives what n exchanges ended as.
func (r *record) wait(t *testing.T, n int) []finished {
	t.Helper()
	eventually(t, fmt.Sprintf("%d exchanges done", n), func() bool { return len(r.all()) >= n })
	return r.all()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// within fails the test when a channel stays silent.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("never happened: %s", what)
		panic("unreachable")
	}
}

// backend starts an HTTP server on a handler.
func backend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// rawBackend starts one that talks over the bare connection; each is closed
// when serve returns.
func rawBackend(t *testing.T, serve func(conn net.Conn, r *bufio.Reader)) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() { _ = socket.Close(); open.Wait() })
	open.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * patience))
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	return "http://" + socket.Addr().String()
}

// readHead reads up to the empty line.
func readHead(r *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

// answering gives a raw backend that reads a head and writes the same bytes
// each time.
func answering(t *testing.T, answer string) string {
	return rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		if readHead(r) != "" {
			_, _ = io.WriteString(conn, answer)
		}
	})
}

// caller is a client's connection.
type caller struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, address string) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &caller{t, conn, bufio.NewReader(conn)}
}

// send writes raw bytes; lines of a literal end in LF and are sent with CRLF.
func (c *caller) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

// read reads an answer's head.
func (c *caller) read(method string) *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	return response
}

// answer is a whole one.
type answer struct {
	*http.Response
	body string
}

// ask sends a request and reads the answer to its end.
func (c *caller) ask(text string) answer {
	c.t.Helper()
	c.send(text)
	method, _, _ := strings.Cut(text, " ")
	return c.finish(c.read(method))
}

func (c *caller) finish(response *http.Response) answer {
	c.t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("reading the answer's body after %q: %v", body, err)
	}
	return answer{response, string(body)}
}

// ended fails unless the front has closed the connection.
func (c *caller) ended() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Errorf("the connection goes on with %q", b)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Error("the connection is still open")
	}
}
