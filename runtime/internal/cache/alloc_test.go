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
	host, target := make([]byte, 0, 20), make([]byte, 0, 20)
	serve := func() {
		x.Reset()
		x.API, x.Grant, x.Method, x.Scheme = b.api, grant, "GET", "https"
		x.Host, x.Target = append(host, "api.example"...), append(target, "/pets"...)
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
