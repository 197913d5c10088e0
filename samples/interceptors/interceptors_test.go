// Package interceptors_test follows the README of the interceptors sample and
// reads the audit that its gateway has written.
package interceptors_test

import (
	"context"
	"flag"
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
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, time.Minute))
	os.Exit(harness.Followed(func(s *harness.Sample) int {
		sample = s
		return m.Run()
	}))
}

func TestAuditTellsOfEachAnswerBehindTheLimits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, want := range []string{
		`"user":"kim","application":"shop",.*"path":"/orders/list","model":"","status":200,"backend":"127\.0\.0\.1:\d+"`,
		`"path":"/orders/public",.*"status":200`,
		`"path":"/orders/ask","model":"large","status":200`,
		`"path":"/orders/place","model":"","status":422,"backend":""`,
		`"path":"/orders/place","model":"","status":200`,
	} {
		if _, err := sample.Gateway.WaitLine(ctx, want); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsNoJSONFailsAsTheFunctionsSay(t *testing.T) {
	token, err := harness.Run(t.Context(), sample.Dir, nil, sample.Path("mgw"), "token", "demo", "--app", "other")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		method, target, body string
		status, code         int
	}{
		{"POST", "/orders/ask", "not JSON", 400, 0},
		{"POST", "/orders/ask", string(make([]byte, 70_000)), 413, 413},
		{"GET", "/orders/public?bytes=100", "", 500, 900808},
		{"GET", "/orders/list?bytes=200000", "", 200, 0}, // streams through
	} {
		r := harness.Request{Method: tc.method, URL: sample.Gateway.HTTP + tc.target, Body: tc.body, Token: last(token)}
		if a, err := r.Send(t.Context()); err != nil || a.Status != tc.status || a.Code != tc.code {
			t.Errorf("%s: %v, %v", tc.target, err, a)
		}
	}
}

// last gives the last line: a warning may stand before it.
func last(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
