// Package tiers_test follows the README of the tiers sample and then meets each
// of its limits.
package tiers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

// sample runs for all tests.
var sample *harness.Sample

func TestMain(m *testing.M) {
	flag.Parse()
	// What is spent in one window must not be looked at in the next.
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, 2*time.Minute))
	os.Exit(harness.Followed(func(s *harness.Sample) int {
		sample = s
		return m.Run()
	}))
}

// token makes one as a user would.
func token(t *testing.T, args ...string) string {
	t.Helper()
	out, err := harness.Run(t.Context(), sample.Dir, nil, sample.Path("mgw"), append([]string{"token", "demo"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n") // a warning may stand before it
	return lines[len(lines)-1]
}

// send sends a request; its URL is a path of the gateway's.
func send(t *testing.T, r harness.Request) harness.Answer {
	t.Helper()
	if strings.HasPrefix(r.URL, "/") {
		r.URL = sample.Gateway.HTTP + r.URL
	}
	a, err := r.Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// spend sends a request over and over: so many pass, and the next two are
// refused with the code.
func spend(t *testing.T, passing, code int, requests ...harness.Request) harness.Answer {
	t.Helper()
	var a harness.Answer
	for n := range passing + 2 {
		a = send(t, requests[n%len(requests)])
		switch {
		case n < passing && a.Status != 200:
			t.Fatalf("request %d of %d that may pass: %v", n+1, passing, a)
		case n >= passing && (a.Status != 429 || a.Code != code):
			t.Fatalf("request %d, %d may pass: %v, want 429 and %d", n+1, passing, a, code)
		}
	}
	wantBody := fmt.Sprintf(`{"fault":{"code":%d, "message":"Message throttled out", "description":"You have exceeded your quota"}}`, code)
	if a.Body != wantBody {
		t.Errorf("body %s, want %s", a.Body, wantBody)
	}
	for _, name := range []string{"Retry-After", "RateLimit", "RateLimit-Policy"} {
		if a.Fields.Get(name) == "" {
			t.Errorf("the refusal has no %s", name)
		}
	}
	return a
}

// limit is a line of `mgw explain --format json`.
type limit struct {
	Level, Tier, Key string
	Remaining        int64
}

// remaining asks the gateway what a request's limit of a level has left.
func remaining(t *testing.T, level, method, path string, args ...string) int64 {
	t.Helper()
	args = append([]string{"explain", "demo", method, path, "--format", "json", "--gateway", sample.Admin}, args...)
	out, err := harness.Run(t.Context(), sample.Dir, nil, sample.Path("mgw"), args...)
	if err != nil {
		t.Fatal(err)
	}
	var e struct{ Limits []limit }
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatal(err)
	}
	for _, l := range e.Limits {
		if l.Level == level {
			return l.Remaining
		}
	}
	t.Fatalf("no limit of level %s: %s", level, out)
	return 0
}
