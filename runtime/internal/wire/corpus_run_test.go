package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen/fronttest"
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
	for _, tc := range fronttest.RawRequests {
		for _, pace := range []string{"at once", "in pieces"} {
			t.Run(tc.Name+" "+pace, func(t *testing.T) {
				before := calls.Load()
				got, err := fronttest.AskRaw(p.addr, tc.Send, pace == "in pieces")
				switch {
				case err != nil:
					t.Fatal(err)
				case tc.Status == 0 && (got.Status != 200 || got.Body != tc.Want):
					t.Errorf("got %d %q, want %q", got.Status, got.Body, tc.Want)
				case tc.Status == 0 && got.Closed && !strings.Contains(tc.Send, "HTTP/1.0"):
					t.Error("the connection was closed")
				case tc.Status != 0 && (got.Status != tc.Status || !got.Closed):
					t.Errorf("got %d %q, closed %v, want %d and a closed connection", got.Status, got.Body, got.Closed, tc.Status)
				case tc.Status != 0 && calls.Load() != before:
					t.Error("the chain has seen it")
				case !got.Closed && !strings.HasPrefix(got.Second, "200 GET /second ? second"):
					t.Errorf("the next request was answered %s", got.Second)
				}
			})
		}
	}
}
