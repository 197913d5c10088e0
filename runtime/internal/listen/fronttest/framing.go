package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
)

var framing = []behaviour{
	{"trailers of a request go on", requestTrailers},
	{"trailers of an answer go back, announced or not", answerTrailers},
	{"trailers that frame, route or authenticate are dropped", forbiddenTrailers},
	{"interim answers go back", interim},
	{"an HTTP/1.0 client gets no interim answer", noInterim},
	{"the backend's 100 is not passed on", noContinue},
	{"a client that expects 100 gets it once and the backend none", expectation},
	{"a refused body is not asked for", refusedExpectation},
	{"requests in a row are answered in order", pipelining},
	{"an HTTP/1.0 client gets a body that ends with the connection", oldClient},
	{"an HTTP/1.0 client may keep the connection", oldKeepAlive},
	{"close closes", closes},
	{"a body that ends with the backend's connection is framed anew", untilClose},
	{"a stale connection to the backend is not the client's trouble", staleConnection},
	{"an answer of the gateway itself leaves the connection usable", keepsAfterRefusal},
}

func requestTrailers(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v %s", body, err, r.Trailer.Get("X-Sum"))
	})))
	a := dial(t, address).ask("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTE: trailers\nTrailer: X-Sum\n\n3\nabc\n0\nX-Sum: 42\n\n")
	if a.body != "abc <nil> 42" {
		t.Error(a.body)
	}
}

func answerTrailers(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Told\r\n\r\n2\r\nhi\r\n0\r\nX-Told: 1\r\nX-Untold: 2\r\n\r\n")))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\nTE: trailers\n\n")
	if a.body != "hi" || a.Trailer.Get("X-Told") != "1" || a.Trailer.Get("X-Untold") != "2" {
		t.Errorf("%q %v", a.body, a.Trailer)
	}
}

func forbiddenTrailers(t *testing.T, s Stack) {
	heads := make(chan string, 1)
	address, _ := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		heads <- fmt.Sprint(request.Trailer)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nSet-Cookie: evil=1\r\nX-Fine: 1\r\n\r\n")
	})))
	a := dial(t, address).ask("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X-Fine, Authorization\n\n1\na\n0\nX-Fine: 1\nAuthorization: evil\n\n")
	if got := within(t, "a request", heads); !strings.Contains(got, "X-Fine:[1]") || strings.Contains(got, "evil") {
		t.Errorf("the backend got %s", got)
	}
	if a.Trailer.Get("X-Fine") != "1" || a.Trailer.Get("Set-Cookie") != "" {
		t.Errorf("the client got %v", a.Trailer)
	}
}

const hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"

func interim(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, hints+"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nX-Last: 1\r\nContent-Length: 2\r\n\r\nhi")))
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	first := c.read("GET")
	if first.StatusCode != 103 || first.Header.Get("Link") != "</style.css>" || first.Header.Get("X-Hop") != "" {
		t.Errorf("first %v", first)
	}
	if second := c.read("GET"); second.StatusCode != 102 || second.Header.Get("Link") != "" {
		t.Errorf("second %v", second)
	}
	if a := c.finish(c.read("GET")); a.StatusCode != 200 || a.body != "hi" || a.Header.Get("Link") != "" {
		t.Errorf("last %v", a)
	}
}

func noInterim(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, hints+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")))
	if a := dial(t, address).ask("GET / HTTP/1.0\nHost: a\n\n"); a.StatusCode != 200 || a.body != "hi" {
		t.Errorf("%v", a)
	}
}

func noContinue(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		head := readHead(r)
		if strings.Contains(strings.ToLower(head), "expect") {
			t.Errorf("the backend got\n%s", head)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})))
	if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 200 {
		t.Errorf("%v", a)
	}
}

func expectation(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %q", body, r.Header.Get("Expect"))
	})))
	c := dial(t, address)
	for range 2 {
		c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 4\nExpect: 100-continue\n\n")
		if first := c.read("POST"); first.StatusCode != 100 {
			t.Fatalf("first %v", first)
		}
		c.send("body")
		if a := c.finish(c.read("POST")); a.StatusCode != 200 || a.body != `body ""` {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}

func refusedExpectation(t *testing.T, s Stack) {
	address, _ := local(t, s, Front{}, refuse)
	c := dial(t, address)
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 4\nExpect: 100-continue\n\n")
	if a := c.finish(c.read("POST")); a.StatusCode != 403 {
		t.Errorf("%v", a)
	}
}

// refuse answers without looking at the body.
func refuse(x *exchange.Exchange) bool {
	x.Status = 403
	x.Response.SetBodyString("no")
	return false
}

func pipelining(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	c := dial(t, address)
	c.send("GET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 2\n\nhiGET /3 HTTP/1.1\nHost: a\n\n")
	for _, want := range []string{"GET /1", "POST /2", "GET /3"} {
		if a := c.finish(c.read("GET")); !strings.HasPrefix(a.body, want+"\n") {
			t.Errorf("got %s, want %s", a.body, want)
		}
	}
}

func streamed(w http.ResponseWriter, _ *http.Request) {
	for range 3 {
		fmt.Fprint(w, "part ")
		_ = http.NewResponseController(w).Flush()
	}
}

func oldClient(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, streamed)))
	c := dial(t, address)
	a := c.ask("GET / HTTP/1.0\n\n")
	if a.body != "part part part " || len(a.TransferEncoding) > 0 || a.Header.Get("Content-Length") != "" {
		t.Errorf("%v %q", a.Response, a.body)
	}
	c.ended()
}

func oldKeepAlive(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	c := dial(t, address)
	for range 2 {
		a := c.ask("GET / HTTP/1.0\nHost: a\nConnection: keep-alive\n\n")
		if a.StatusCode != 200 || !strings.EqualFold(a.Header.Get("Connection"), "keep-alive") {
			t.Errorf("%v", a.Response)
		}
	}
	c.ask("GET / HTTP/1.0\nHost: a\n\n")
	c.ended()
}

func closes(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	c := dial(t, address)
	a := c.ask("GET / HTTP/1.1\nHost: a\nConnection: x, Close\n\n")
	if !a.Close {
		t.Errorf("the answer does not say close: %v", a.Header)
	}
	c.ended()
}

func untilClose(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.0 200 OK\r\n\r\nto the end")))
	c := dial(t, address)
	for range 2 {
		if a := c.ask("GET / HTTP/1.1\nHost: a\n\n"); a.body != "to the end" || len(a.TransferEncoding) != 1 {
			t.Errorf("%v %q", a.Response, a.body)
		}
	}
}

func staleConnection(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		// Keeps the connection, as it seems, and closes it after one answer.
		if request, err := http.ReadRequest(r); err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})))
	c := dial(t, address)
	for i := range 20 {
		if a := c.ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 200 || a.body != "ok" {
			t.Fatalf("request %d: %d %s", i, a.StatusCode, a.body)
		}
	}
}

func keepsAfterRefusal(t *testing.T, s Stack) {
	address, seen := local(t, s, Front{}, refuse)
	c := dial(t, address)
	for range 3 {
		if a := c.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody"); a.StatusCode != 403 || a.body != "no" {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if a := c.ask("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n4\nbody\n0\n\n"); a.StatusCode != 403 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	seen.wait(t, 6)
}
