//go:build !race

package cache

import (
	"testing"

	"mgw/runtime/internal/exchange"
)

// The race detector makes pools forget.

func TestAStoredAnswerAllocatesNothing(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60", "Vary", "Accept-Encoding, X-Own", "ETag", `"1"`, "Content-Type", "application/json"}
	b.do("GET /pets", "Accept-Encoding", "gzip", "X-Own", "1")
	x := new(exchange.Exchange)
	grant := &exchange.Grant{Principal: &exchange.Principal{}}
	host, target := []byte("api.example"), []byte("/pets")
	serve := func() {
		x.Reset()
		x.API, x.Grant, x.Method, x.Scheme, x.Host, x.Target = b.api, grant, "GET", "https", host, target
		x.Request.Add("Accept-Encoding", "gzip")
		x.Request.Add("X-Own", "1")
		if b.cache.Answer(x) {
			t.Fatal("not stored")
		}
	}
	serve()
	if n := testing.AllocsPerRun(200, serve); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
