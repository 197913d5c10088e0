package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
)

var refusing = append(malformed(), []behaviour{
	{"OPTIONS of the server as a whole", optionsAsterisk},
	{"a request target that is too long", longTarget},
	{"a head that is too large", largeHead},
	{"too many fields", manyFields},
	{"a body that is too large", largeBody},
	{"a body that comes too slowly", slowBody},
	{"a malformed chunk in a body that is forwarded", malformedChunk},
	{"an answer shorter than its head says is cut", shortAnswer},
}...)

// malformed are requests that no front may serve: the status, a closed
// connection, and no exchange that reached a stage.
func malformed() (list []behaviour) {
	for _, tc := range []struct {
		name, request string
		status        int // of several for one reason, 400 is always right
	}{
		{"no version", "GET /\n\n", 400},
		{"a version of the future", "GET / HTTP/3.0\nHost: a\n\n", 505},
		{"a malformed version", "GET / HTTP/1.1x\nHost: a\n\n", 400},
		{"a space in the target", "GET /a b HTTP/1.1\nHost: a\n\n", 400},
		{"a control character in the target", "GET /a\x01 HTTP/1.1\nHost: a\n\n", 400},
		{"a target without a slash", "GET a HTTP/1.1\nHost: a\n\n", 400},
		{"an absolute target of another scheme", "GET ftp://a/ HTTP/1.1\nHost: a\n\n", 400},
		{"an absolute target of TLS on plaintext", "GET https://a/ HTTP/1.1\nHost: a\n\n", 400},
		{"a broken escape", "GET /%zz HTTP/1.1\nHost: a\n\n", 400},
		{"a malformed method", "G(T / HTTP/1.1\nHost: a\n\n", 400},
		{"CONNECT", "CONNECT a:80 HTTP/1.1\nHost: a:80\n\n", 501},
		{"no Host", "GET / HTTP/1.1\n\n", 400},
		{"an empty Host", "GET / HTTP/1.1\nHost:\n\n", 400},
		{"two Hosts", "GET / HTTP/1.1\nHost: a\nHost: b\n\n", 400},
		{"a malformed Host", "GET / HTTP/1.1\nHost: a b\n\n", 400},
		{"a Host with a path", "GET / HTTP/1.1\nHost: a/b\n\n", 400},
		{"white space before the colon", "GET / HTTP/1.1\nHost: a\nX : 1\n\n", 400},
		{"a folded field", "GET / HTTP/1.1\nHost: a\nX: 1\n 2\n\n", 400},
		{"a folded first field", "GET / HTTP/1.1\n X: 1\nHost: a\n\n", 400},
		{"a field without colon", "GET / HTTP/1.1\nHost: a\nX\n\n", 400},
		{"a field without name", "GET / HTTP/1.1\nHost: a\n: 1\n\n", 400},
		{"a malformed field name", "GET / HTTP/1.1\nHost: a\nX(Y: 1\n\n", 400},
		{"a NUL in a field", "GET / HTTP/1.1\nHost: a\nX: a\x00b\n\n", 400},
		{"a control character in a field", "GET / HTTP/1.1\nHost: a\nX: a\x01b\n\n", 400},
		{"a lone carriage return in a field", "GET / HTTP/1.1\nHost: a\nX: a\rb\n\n", 400},
		{"two lengths that differ", "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2\n\nab", 400},
		{"two lengths in one field", "POST / HTTP/1.1\nHost: a\nContent-Length: 1, 1\n\na", 400},
		{"the same length twice", "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 1\n\na", 400},
		{"a length with a sign", "POST / HTTP/1.1\nHost: a\nContent-Length: +1\n\na", 400},
		{"a negative length", "POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\na", 400},
		{"a length that overflows", "POST / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999\n\na", 400},
		{"an empty length", "POST / HTTP/1.1\nHost: a\nContent-Length:\n\na", 400},
		{"a length and chunks", "POST / HTTP/1.1\nHost: a\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n", 400},
		{"chunked twice", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked\n\n0\n\n", 501},
		{"chunked not last", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, gzip\n\n0\n\n", 501},
		{"an unknown transfer coding", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n0\n\n", 501},
		{"chunks on HTTP/1.0", "POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n", 400},
		{"an unknown expectation", "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: tea\n\na", 417},
	} {
		list = append(list, behaviour{"refused: " + tc.name, func(t *testing.T, s Stack) {
			address, _ := local(t, s, Front{}, func(x *exchange.Exchange) bool {
				t.Error("a stage saw the request")
				return refuse(x)
			})
			c := dial(t, address)
			c.send(tc.request)
			response := c.read("GET")
			if response.StatusCode != tc.status && response.StatusCode != 400 {
				t.Errorf("status %d, want %d", response.StatusCode, tc.status)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			c.ended()
		}})
	}
	return list
}

func optionsAsterisk(t *testing.T, s Stack) {
	address, _ := local(t, s, Front{}, refuse)
	if a := dial(t, address).ask("OPTIONS * HTTP/1.1\nHost: a\n\n"); a.StatusCode != 200 || a.body != "" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func longTarget(t *testing.T, s Stack) {
	address, _ := local(t, s, Front{}, refuse)
	c := dial(t, address)
	if a := c.ask("GET /" + strings.Repeat("a", MaxURI-1) + " HTTP/1.1\nHost: a\n\n"); a.StatusCode != 403 {
		t.Errorf("at the limit: %d", a.StatusCode)
	}
	if a := c.ask("GET /" + strings.Repeat("a", MaxURI) + " HTTP/1.1\nHost: a\n\n"); a.StatusCode != 414 {
		t.Errorf("beyond: %d %s", a.StatusCode, a.body)
	}
}

func largeHead(t *testing.T, s Stack) {
	address, _ := local(t, s, Front{}, refuse)
	if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("a", MaxHeader/2) + "\n\n"); a.StatusCode != 403 {
		t.Errorf("half the limit: %d", a.StatusCode)
	}
	for _, size := range []int{MaxHeader, 10 * MaxHeader} {
		c := dial(t, address)
		go func() { _, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("a", size)) }()
		response, err := http.ReadResponse(c.r, nil)
		if err != nil || response.StatusCode != 431 {
			t.Errorf("%d bytes: %v, %v", size, response, err)
		}
	}
}

func manyFields(t *testing.T, s Stack) {
	address, _ := local(t, s, Front{}, refuse)
	if a := dial(t, address).ask("GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: 1\n", 120) + "\n"); a.StatusCode != 431 {
		t.Errorf("%d", a.StatusCode)
	}
}

func largeBody(t *testing.T, s Stack) {
	address, seen := gatewayWith(t, s, endpoint(backend(t, echo)), Front{MaxBody: 1000}, false)
	if a := dial(t, address).ask("POST / HTTP/1.1\nHost: a\nContent-Length: 1000\n\n" + strings.Repeat("a", 1000)); a.StatusCode != 200 {
		t.Errorf("at the limit: %d", a.StatusCode)
	}
	if a := dial(t, address).ask("POST / HTTP/1.1\nHost: a\nContent-Length: 1001\n\n"); a.StatusCode != 413 {
		t.Errorf("a length beyond: %d", a.StatusCode)
	}
	chunk := "1f4\n" + strings.Repeat("a", 500) + "\n"
	if a := dial(t, address).ask("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n" + chunk + chunk + "0\n\n"); a.StatusCode != 200 {
		t.Errorf("chunks at the limit: %d", a.StatusCode)
	}
	c := dial(t, address)
	if a := c.ask("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n" + chunk + chunk + chunk + "0\n\n"); a.StatusCode != 413 {
		t.Errorf("chunks beyond: %d %s", a.StatusCode, a.body)
	}
	seen.wait(t, 3)
}

func slowBody(t *testing.T, s Stack) {
	address, _, reads := gatewayToReader(t, s, Front{BodyTimeout: 100 * time.Millisecond})
	for _, length := range []int{10, 100_000} {
		c := dial(t, address)
		c.send(fmt.Sprintf("POST / HTTP/1.1\nHost: a\nContent-Length: %d\n\nfirst", length))
		if a := c.finish(c.read("POST")); a.StatusCode != 408 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		c.ended()
	}
	reads.incomplete(t)
}

func malformedChunk(t *testing.T, s Stack) {
	address, _, reads := gatewayToReader(t, s, Front{})
	for _, chunk := range []string{
		"zz\nfirst\n0\n\n", "-1\na\n0\n\n", "0x1\na\n0\n\n", "1_0\na\n0\n\n", "ffffffffffffffffff\na\n", "1\nab\n0\n\n", "0\nnot a trailer\n\n",
	} {
		c := dial(t, address)
		c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n" + chunk)
		if a := c.finish(c.read("POST")); a.StatusCode != 400 {
			t.Errorf("%q: %d %s", chunk, a.StatusCode, a.body)
		}
		c.ended()
	}
	reads.incomplete(t)
}

func shortAnswer(t *testing.T, s Stack) {
	address, seen := local(t, s, Front{}, func(x *exchange.Exchange) bool {
		x.Status = 200
		x.Response.SetBodyString("short")
		x.Response.Length = 10
		return false
	})
	c := dial(t, address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		_, err = io.ReadAll(response.Body)
	}
	if err == nil {
		t.Error("the client believes that the answer was complete")
	}
	if done := seen.wait(t, 1); !done[0].aborted {
		t.Errorf("done as %+v", done)
	}
}
