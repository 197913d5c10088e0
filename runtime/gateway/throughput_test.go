package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// bounded is the served gateway with a limit on what reaches the backend of
// /pets/few, whose tier lets five through.
func bounded(backend string, limit spec.BackendLimit) *spec.Gateway {
	g := served(backend)
	g.APIs[0].Operations[0].MaxBackend.Production = limit
	return g
}

func TestBackendThroughputRefusesAndChargesNothingElse(t *testing.T) {
	var reached atomic.Int64
	url := backendOf(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	for name, tc := range map[string]struct {
		override string
		status   int
	}{"503": {"throttlingConfig.redis.refusalStatus=503", 503}, "429 by setting": {"throttlingConfig.redis.refusalStatus=429", 429}} {
		t.Run(name, func(t *testing.T) {
			reached.Store(0)
			r := start(t, bounded(url, spec.BackendLimit{Count: 2, Window: time.Hour}), tc.override)
			for n := 1; n <= 9; n++ {
				status, body := get(t, r.url+"/pets/few")
				switch {
				case n <= 2 && status != 200, n > 2 && (status != tc.status || !strings.Contains(body, "900801")):
					t.Errorf("request %d: %d %s", n, status, body)
				}
			}
			if n := reached.Load(); n != 2 {
				t.Errorf("%d reached the backend", n)
			}
			e, err := r.Explain(t.Context(), Question{Method: "GET", Path: "/pets/few", IP: "127.0.0.1"})
			if err != nil || e.Limits[0].Remaining != 3 {
				t.Errorf("the tier has %+v left, want 3", e.Limits)
			}
			if l := e.BackendLimits; len(l) != 1 || l[0].Taken != 2 || l[0].Key != "backend:/pets:1:GET:/few:PRODUCTION" {
				t.Errorf("%+v", l)
			}
			s := r.State()
			if s.Backends == nil || !s.Backends.Redis.PerNode || s.Backends.Limits[0].Taken != 2 {
				t.Errorf("%+v", s.Backends)
			}
			if !strings.Contains(r.log.String(), "counted by each node alone") {
				t.Errorf("start-up did not say that the limit is per node: %s", r.log)
			}
		})
	}
}

func TestCallsInFlightAreBoundedAndGivenBack(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	r := start(t, bounded(backendOf(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}), spec.BackendLimit{MaxConcurrent: 2}))
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if status, body, err := try(t.Context(), "GET", r.url+"/pets/few", ""); err != nil || status != 200 {
				t.Errorf("%d %s %v", status, body, err)
			}
		})
		<-arrived
	}
	for range 3 {
		if status, body := get(t, r.url+"/pets/few"); status != 503 || !strings.Contains(body, "900801") {
			t.Errorf("beside two in flight: %d %s", status, body)
		}
	}
	close(release)
	group.Wait()
	go func() { <-arrived }()
	if status, body := get(t, r.url+"/pets/few"); status != 200 {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

func TestRequestWaitsForTheNextToken(t *testing.T) {
	url := backendOf(t, func(http.ResponseWriter, *http.Request) {})
	r := start(t, bounded(url, spec.BackendLimit{Count: 1, Window: 500 * time.Millisecond, MaxWait: 5 * time.Second}))
	for n := range 3 { // of as many windows
		if status, body := get(t, r.url+"/pets/few"); status != 200 {
			t.Errorf("request %d: %d %s", n+1, status, body)
		}
	}
}

func TestBackendSeesTheWindowOfItsTokenWhereConfigured(t *testing.T) {
	var seen atomic.Value
	url := backendOf(t, func(_ http.ResponseWriter, r *http.Request) { seen.Store(strings.Join(r.Header["X-Mgw-Window"], ", ")) })
	for setting, want := range map[string]string{"true": strconv.FormatInt(time.Now().Unix()/(366*86400), 10), "false": ""} {
		r := start(t, bounded(url, spec.BackendLimit{Count: 1, Window: 366 * 24 * time.Hour}), "throttlingConfig.redis.windowHeader="+setting)
		if status, body := get(t, r.url+"/pets/few"); status != 200 || seen.Load() != want {
			t.Errorf("%s: %d %s, the backend saw window %q, want %q", setting, status, body, seen.Load(), want)
		}
	}
}
