package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// seen answers with what a chain sees, having read the body.
func seen(calls *atomic.Int64) exchange.Stage {
	return func(x *exchange.Exchange) bool {
		var body []byte
		for x.Request.Body != nil {
			chunk, err := x.Request.Body.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if refusal, ok := errors.AsType[reply.Refusal](err); ok {
				refusal.Fault().Send(x)
				return false
			}
			if err != nil {
				reply.BadRequest.Send(x)
				return false
			}
			body = append(body, chunk...)
		}
		calls.Add(1)
		query := string(x.Query)
		if len(x.Target) == len(x.Path) {
			query = "?"
		}
		x.Status = 200
		x.Response.SetBodyString(fmt.Sprintf("%s %s %s %s [%s]", x.Method, x.Path, query, x.Host, body))
		return false
	}
}

func TestRawRequests(t *testing.T) {
	var calls atomic.Int64
	chain := &exchange.Chain{
		Request: []exchange.Stage{seen(&calls)},
		Panic:   func(x *exchange.Exchange, r any) { t.Error(r); reply.Internal.Send(x) },
	}
	p := newProxy(t, "", proxyOptions{server: Options{Chain: chain, MaxBody: 1_000_000}})
	for _, tc := range rawCases {
		for _, pace := range []string{"at once", "in pieces"} {
			t.Run(tc.name+" "+pace, func(t *testing.T) {
				before := calls.Load()
				status, body, closed := ask(t, p.addr, tc.send, pace == "in pieces")
				switch {
				case tc.status == 0 && (status != 200 || body != tc.want):
					t.Errorf("got %d %q, want %q", status, body, tc.want)
				case tc.status == 0 && closed && !strings.Contains(tc.send, "HTTP/1.0"):
					t.Error("the connection was closed")
				case tc.status != 0 && (status != tc.status || !closed):
					t.Errorf("got %d %q, closed %v, want %d and a closed connection", status, body, closed, tc.status)
				case tc.status != 0 && calls.Load() != before:
					t.Error("the chain has seen it")
				}
			})
		}
	}
	if len(rawCases) < 100 {
		t.Errorf("only %d cases", len(rawCases))
	}
}

// ask sends bytes and gives the one answer. Afterwards it tells whether the
// connection was closed, and that nothing but the answer has come.
func ask(t *testing.T, addr, send string, pieces bool) (status int, body string, closed bool) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const second = "GET /second HTTP/1.1\r\nHost: second\r\nConnection: close\r\n\r\n"
	go func(send string) {
		for step := len(send); pieces && len(send) > 0; send = send[min(step, len(send)):] {
			step = max(1, len(send)/7)
			if _, err := io.WriteString(nc, send[:step]); err != nil {
				return
			}
			time.Sleep(50 * time.Microsecond) // to make packets of them, not to wait
		}
		_, _ = io.WriteString(nc, send)
	}(send)
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	r := bufio.NewReader(nc)
	method, _, _ := strings.Cut(strings.TrimLeft(send, "\r\n "), " ")
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("answer cut: %v", err)
	}
	if resp.Close {
		rest, _ := io.ReadAll(r)
		if len(rest) > 0 {
			t.Errorf("a second answer: %q", rest)
		}
		return resp.StatusCode, string(content), true
	}
	_, _ = io.WriteString(nc, second)
	next, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("the connection said keep-alive and broke: %v", err)
	}
	content2, _ := io.ReadAll(next.Body)
	if next.StatusCode != 200 || !strings.HasPrefix(string(content2), "GET /second ? second") {
		t.Errorf("the next request was answered %d %q", next.StatusCode, content2)
	}
	return resp.StatusCode, string(content), false
}
