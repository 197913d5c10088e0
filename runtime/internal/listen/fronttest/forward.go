package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

var forwarding = []behaviour{
	{"a request reaches the backend and its answer the client", passesOn},
	{"fields of one connection stay on it", stripsHops},
	{"an empty Connection field takes nothing away", emptyConnection},
	{"who asks is said anew", forwardedAnew},
	{"a trusted proxy is believed", forwardedByProxy},
	{"fields that shadow others by underscores are dropped", underscores},
	{"the request target goes on byte by byte", rawTargets},
	{"the endpoint's path and query come first", joinsPaths},
	{"no field is invented", inventsNothing},
	{"fields keep their order and number", keepsOrder},
	{"a body goes both ways", bodies},
	{"HEAD and statuses without a body have none", bodiless},
	{"a HEAD answer keeps its length", headLength},
	{"a dead backend is a 502 at once", deadBackend},
	{"a backend that is silent is a 504", silentBackend},
	{"an answer that is not HTTP is a 502", brokenAnswers},
	{"the next target is asked when one is dead", nextTarget},
	{"failover passes over statuses of gateways", failover},
	{"a request that may have been acted upon is not repeated", noRepetition},
}

// echo answers with what it received.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	names := []string{}
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", name, value)
		}
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "\n%s", body)
}

func passesOn(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Own") != "1" || r.Header.Get("Cookie") != "a=b; c=d" {
			t.Errorf("the backend saw %v", r.Header)
		}
		w.Header().Add("X-Multi", "a")
		w.Header().Add("X-Multi", "b")
		w.Header().Set("Set-Cookie", "flavor=chip")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout")
	})))
	c := dial(t, address)
	for range 2 { // on one connection
		a := c.ask("GET /pets HTTP/1.1\nHost: api.example\nx-own: 1\nCookie: a=b; c=d\n\n")
		if a.StatusCode != 418 || a.body != "short and stout" || a.ContentLength != 15 {
			t.Errorf("%v %q", a.Response, a.body)
		}
		if got := strings.Join(a.Header["X-Multi"], ","); got != "a,b" || a.Header.Get("Set-Cookie") != "flavor=chip" {
			t.Errorf("fields %v", a.Header)
		}
	}
	for _, done := range seen.wait(t, 2) {
		if done.status != 418 || done.out != 15 || done.aborted || done.upstream == "" {
			t.Errorf("done as %+v", done)
		}
	}
}

func stripsHops(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nconnection: x-two\r\nX-Two: 2\r\n"+
		"Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authenticate: x\r\nUpgrade: h2c\r\nTE: gzip\r\nX-Stays: 3\r\nContent-Length: 0\r\n\r\n")))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n\n")
	for _, name := range []string{"X-Hop", "X-Two", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Upgrade", "Te"} {
		if a.Header.Get(name) != "" {
			t.Errorf("the client sees %s: %s", name, a.Header.Get(name))
		}
	}
	if a.Header.Get("X-Stays") != "3" {
		t.Errorf("the client sees %v", a.Header)
	}

	address, _ = gateway(t, s, endpoint(backend(t, echo)))
	a = dial(t, address).ask("GET / HTTP/1.1\nHost: a\nConnection: x-hop, Keep-Alive\nX-Hop: 1\nconnection: X-Two\nX-Two: 2\nKeep-Alive: 5\n" +
		"TE: gzip, trailers;q=0.5\nProxy-Authorization: secret\nProxy-Connection: close\nUpgrade: h2c\nHTTP2-Settings: x\nX-Stays: 3\n\n")
	// RFC 9110 section 10.1.4 has TE named in Connection.
	for _, gone := range []string{"X-Hop", "X-Two", "Connection: x", "Keep-Alive", "secret", "Proxy", "Upgrade", "gzip"} {
		if strings.Contains(a.body, gone) {
			t.Errorf("the backend sees %s:\n%s", gone, a.body)
		}
	}
	for _, kept := range []string{"X-Stays: 3\n", "Te: trailers\n"} {
		if !strings.Contains(a.body, kept) {
			t.Errorf("the backend misses %s:\n%s", kept, a.body)
		}
	}
}

func emptyConnection(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\nConnection:\nConnection: ,\nX-One: 1\n\n")
	if a.StatusCode != 200 || !strings.Contains(a.body, "X-One: 1\n") || strings.Contains(a.body, "Connection") {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

func forwardedAnew(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: api.example:9090\nX-Forwarded-For: 6.6.6.6\nX-Forwarded-Host: evil\nX-Forwarded-Proto: https\n" +
		"X-Forwarded-Port: 1\nForwarded: for=6.6.6.6\nX-Real-IP: 6.6.6.6\n\n")
	if strings.Contains(a.body, "6.6.6.6") || strings.Contains(a.body, "evil") || strings.Contains(a.body, "Port") {
		t.Errorf("the backend believes the client:\n%s", a.body)
	}
	for _, want := range []string{"X-Forwarded-For: 127.0.0.1\n", "X-Forwarded-Host: api.example:9090\n", "X-Forwarded-Proto: http\n"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the backend misses %s:\n%s", want, a.body)
		}
	}
}

func forwardedByProxy(t *testing.T, s Stack) {
	address, _ := gatewayWith(t, s, endpoint(backend(t, echo)), Front{}, true)
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: internal\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-For: 8.8.8.8\nX-Forwarded-Proto: https\nX-Forwarded-Host: api.example\n\n")
	for _, want := range []string{"X-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1\n", "X-Forwarded-Proto: https\n", "X-Forwarded-Host: api.example\n"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the backend misses %s:\n%s", want, a.body)
		}
	}
}

func underscores(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, echo)))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\nX_Forwarded_For: 6.6.6.6\nX-Forwarded_Host: evil\nX-Own: 1\nX_Own: 2\nuser_agent: x\nplain_name: 3\n\n")
	if strings.Contains(a.body, "6.6.6.6") || strings.Contains(a.body, "evil") || strings.Contains(a.body, ": 2\n") || strings.Contains(a.body, "ser_agent") {
		t.Errorf("the backend sees\n%s", a.body)
	}
	if !strings.Contains(strings.ToLower(a.body), "plain_name: 3\n") {
		t.Errorf("a field that shadows nothing is lost:\n%s", a.body)
	}
}

func rawTargets(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			line, _, _ := strings.Cut(readHead(r), "\r\n")
			if line == "" {
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(line), line)
		}
	})))
	c := dial(t, address)
	for _, target := range []string{
		"/", "/a/b/", "//", "//a//b", "/a%2Fb%2fc", "/%41%7e", "/a;x=1/b;y", "/a:b@c", "/!$&'()*+,;=", "/a?", "/a?b=1;c=2&d", "/a?%zz&%",
		"/a?b=%2e&c={x}|y", "/a?x=?y/z", "//a?b", "//?", "/a??", "/%25%20%E2%82%AC",
	} {
		a := c.ask("GET " + target + " HTTP/1.1\nHost: a\n\n")
		if want := "GET " + target + " HTTP/1.1"; a.body != want {
			t.Errorf("sent %q, the backend got %q (%d)", want, a.body, a.StatusCode)
		}
	}
	a := c.ask("GET http://other.example/x?y HTTP/1.1\nHost: other.example\n\n")
	if a.body != "GET /x?y HTTP/1.1" {
		t.Errorf("absolute-form became %q", a.body)
	}
}

func joinsPaths(t *testing.T, s Stack) {
	for _, tc := range []struct{ path, target, want string }{
		{"", "/a", "/a"}, {"/", "/a", "/a"}, {"/v2", "/a", "/v2/a"}, {"/v2/", "/a", "/v2/a"}, {"/v2/", "/", "/v2/"},
		{"/v%202", "/a%2f", "/v%202/a%2f"}, {"/v2?k=1", "/a", "/v2/a?k=1"}, {"/v2?k=1", "/a?b", "/v2/a?k=1&b"}, {"?k=1", "/a?", "/a?k=1&"},
	} {
		address, _ := gateway(t, s, endpoint(backend(t, echo)+tc.path))
		a := dial(t, address).ask("GET " + tc.target + " HTTP/1.1\nHost: a\n\n")
		if got, _, _ := strings.Cut(a.body, "\n"); got != "GET "+tc.want {
			t.Errorf("%s and %s: %q, want %q", tc.path, tc.target, got, tc.want)
		}
	}
}

func inventsNothing(t *testing.T, s Stack) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		w.Header()["Date"] = nil
		echo(nilType{w}, r)
	})
	address, _ := gateway(t, s, endpoint(url))
	a := dial(t, address).ask("GET /x HTTP/1.1\nHost: a\n\n")
	want := "GET /x\nHost: " + strings.TrimPrefix(url, "http://") + "\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: http\n\n"
	if a.body != want {
		t.Errorf("the backend sees\n%s\nwant\n%s", a.body, want)
	}
	if a.Header.Get("Content-Type") != "" {
		t.Errorf("the client sees %v", a.Header)
	}
}

// nilType keeps a handler from naming a content type.
type nilType struct{ http.ResponseWriter }

func (w nilType) Header() http.Header { return http.Header{} }

func keepsOrder(t *testing.T, s Stack) {
	heads := make(chan string, 1)
	address, _ := gateway(t, s, endpoint(rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		heads <- readHead(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-B: 1\r\nx-b: 3\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n")
	})))
	a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\nX-A: 3\nX-a: 1\nX-A: 2\nX-Empty:\nX-Bytes: \xc3\xa9\x80\n\n")
	raw := within(t, "a request", heads)
	head := strings.ToLower(raw)
	if i, j, k := strings.Index(head, "x-a: 3"), strings.Index(head, "x-a: 1"), strings.Index(head, "x-a: 2"); i < 0 || j < i || k < j {
		t.Errorf("the backend got\n%s", head)
	}
	if !strings.Contains(head, "x-empty:") || !strings.Contains(raw, "\xc3\xa9\x80") {
		t.Errorf("the backend got\n%s", head)
	}
	if got := strings.Join(a.Header["X-B"], ","); got != "1,3,2" {
		t.Errorf("the client got X-B %s", got)
	}
}

func bodies(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the backend's read: %v", err)
		}
		w.Header().Set("X-Framing", fmt.Sprint(r.ContentLength, r.TransferEncoding))
		_, _ = w.Write(body)
	})))
	c := dial(t, address)
	for _, size := range []int{0, 1, 4095, 4096, 32 << 10, 32<<10 + 1, 200_000} {
		body := strings.Repeat("x", size)
		a := c.ask(fmt.Sprintf("POST /p HTTP/1.1\nHost: a\nContent-Length: %d\n\n%s", size, body))
		if a.body != body || a.Header.Get("X-Framing") != fmt.Sprint(size, []string(nil)) {
			t.Errorf("%d bytes: back came %d, the backend saw %s", size, len(a.body), a.Header.Get("X-Framing"))
		}
	}
	a := c.ask("POST /p HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n4;x=y\ndefg\n0\n\n")
	if a.body != "abcdefg" || a.Header.Get("X-Framing") != "-1 [chunked]" {
		t.Errorf("chunked: %q, the backend saw %s", a.body, a.Header.Get("X-Framing"))
	}
	if a := c.ask("PUT /p HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n"); a.StatusCode != 200 || a.body != "" {
		t.Errorf("empty chunked: %d %q", a.StatusCode, a.body)
	}
	if done := seen.wait(t, 9); done[6].in != 200_000 || done[6].out != 200_000 || done[7].in != 7 {
		t.Errorf("done as %+v", done)
	}
}

func bodiless(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(backend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(304)
		default:
			fmt.Fprint(w, "body")
		}
	})))
	c := dial(t, address)
	for _, tc := range []struct {
		request string
		status  int
		length  string
	}{{"GET /204", 204, ""}, {"GET /304", 304, ""}, {"HEAD /x", 200, "4"}, {"HEAD /204", 204, ""}, {"GET /x", 200, "4"}} {
		a := c.ask(tc.request + " HTTP/1.1\nHost: a\n\n")
		if a.StatusCode != tc.status || a.Header.Get("Content-Length") != tc.length || len(a.TransferEncoding) > 0 {
			t.Errorf("%s: %v", tc.request, a.Response)
		}
	}
}

func headLength(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")))
	c := dial(t, address)
	if a := c.ask("HEAD / HTTP/1.1\nHost: a\n\n"); a.Header.Get("Content-Length") != "12345" {
		t.Errorf("%v", a.Header)
	}
	address, _ = gateway(t, s, endpoint(answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")))
	c = dial(t, address)
	if a := c.ask("HEAD / HTTP/1.1\nHost: a\n\n"); a.Header.Get("Content-Length") != "" {
		t.Errorf("%v", a.Header)
	}
}

const (
	unreachable = `{"fault":{"code":101503, "message":"Runtime Error", "description":"Error connecting to the back end"}}`
	timedOut    = `{"fault":{"code":101504, "message":"Runtime Error", "description":"Connection timed out"}}`
)

// nobody gives the URL of a port on which nothing listens.
func nobody(t *testing.T) string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	return "http://" + socket.Addr().String()
}

func deadBackend(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(nobody(t)))
	c := dial(t, address)
	for range 2 {
		if a := c.ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 502 || a.body != unreachable {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if a := c.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody"); a.StatusCode != 502 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if done := seen.wait(t, 3); done[0].code != 101503 {
		t.Errorf("done as %+v", done)
	}
}

func silentBackend(t *testing.T, s Stack) {
	e := endpoint(rawBackend(t, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }))
	e.Advanced.TimeoutMillis = 100
	address, _ := gateway(t, s, e)
	if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 504 || a.body != timedOut {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func brokenAnswers(t *testing.T, s Stack) {
	for name, bytes := range map[string]string{
		"none": "", "not HTTP": "hello\r\n\r\n", "status 000": "HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n", "status 99": "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
		"status of two digits": "HTTP/1.1 20 OK\r\n\r\n", "101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"head too large": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200<<10) + "\r\n\r\n", "cut in the head": "HTTP/1.1 200 OK\r\nX: y",
		"two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "length with a sign": "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
	} {
		address, _ := gateway(t, s, endpoint(answering(t, bytes)))
		if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 502 || a.body != unreachable {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func nextTarget(t *testing.T, s Stack) {
	alive := backend(t, echo)
	for _, kind := range []spec.EndpointType{spec.LoadBalance, spec.Failover} {
		address, _ := gateway(t, s, spec.Endpoint{Type: kind, URLs: []string{nobody(t), alive, nobody(t)}})
		c := dial(t, address)
		for range 6 {
			if a := c.ask("POST /x HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody"); a.StatusCode != 200 || !strings.HasSuffix(a.body, "\nbody") {
				t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
			}
		}
	}
}

func failover(t *testing.T, s Stack) {
	status := func(code int) string {
		return backend(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code); fmt.Fprint(w, code) })
	}
	for _, tc := range []struct {
		method      string
		first, want int
	}{{"GET", 501, 200}, {"GET", 502, 200}, {"GET", 503, 200}, {"GET", 504, 200}, {"GET", 500, 500}, {"GET", 404, 404}, {"POST", 503, 503}} {
		address, _ := gateway(t, s, spec.Endpoint{Type: spec.Failover, URLs: []string{status(tc.first), status(200)}})
		if a := dial(t, address).ask(tc.method + " / HTTP/1.1\nHost: a\n\n"); a.StatusCode != tc.want || a.body != fmt.Sprint(tc.want) {
			t.Errorf("%s, first %d: %d %s", tc.method, tc.first, a.StatusCode, a.body)
		}
	}
	address, _ := gateway(t, s, spec.Endpoint{Type: spec.Failover, URLs: []string{status(503), status(502)}})
	if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 502 || a.body != "502" {
		t.Errorf("all fail: %d %s", a.StatusCode, a.body)
	}
}

func noRepetition(t *testing.T, s Stack) {
	asked := make(chan string, 16)
	slam := func(conn net.Conn, r *bufio.Reader) {
		line, _, _ := strings.Cut(readHead(r), " ")
		asked <- line
	}
	address, _ := gateway(t, s, spec.Endpoint{Type: spec.LoadBalance, URLs: []string{rawBackend(t, slam), rawBackend(t, slam)}})
	c := dial(t, address)
	if a := c.ask("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nbody"); a.StatusCode != 502 {
		t.Errorf("%d", a.StatusCode)
	}
	if n := len(asked); n != 1 {
		t.Errorf("a POST was sent %d times", n)
	}
	if a := c.ask("GET / HTTP/1.1\nHost: a\n\n"); a.StatusCode != 502 {
		t.Errorf("%d", a.StatusCode)
	}
	if n := len(asked); n != 3 {
		t.Errorf("a GET was sent %d times, want one for each target", n-1)
	}
}
