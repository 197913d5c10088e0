package cache

import (
	"strings"
	"testing"
	"time"
)

// FuzzFields lets anything stand in the fields that the cache reads: it must
// not panic, must give every client the whole body, and must never store what
// forbids it in plain words.
func FuzzFields(f *testing.F) {
	f.Add("max-age=60", "Accept", "Sun, 22 Nov 2026 12:01:00 GMT", "5", `"1"`, "no-cache", `W/"1", "2"`, "a")
	f.Add(`private="a, b", s-maxage="1"`, "*", "0", "-1", "", "max-stale", "*", "")
	f.Add("stale-if-error=99999999999, max-age=99999999999", "X-Own, ,", "", "99999999999999999999", `"`, "min-fresh=1,max-age", `""`, "\xff")
	f.Fuzz(func(t *testing.T, control, vary, expires, age, etag, asked, known, own string) {
		b := newBench(t)
		header := []string{"Accept", own, "X-Own", own}
		b.header = []string{"Cache-Control", control, "Vary", vary, "Expires", expires, "Age", age, "ETag", etag}
		b.do("GET /pets", header...)
		again := b.do("GET /pets", append(header, "Cache-Control", asked)...)
		if again.status == 200 && again.body != "pets" {
			t.Fatalf("%+v", again)
		}
		if strings.EqualFold(control, "no-store") && len(b.asked) == 1 && again.status == 200 {
			t.Fatalf("stored: %+v", again)
		}
		b.pass(time.Hour)
		b.status = 304
		if a := b.do("GET /pets", append(header, "If-None-Match", known)...); a.status != 200 && a.status != 304 || a.status == 200 && a.body != "pets" {
			t.Fatalf("%+v", a)
		}
	})
}
