package backend

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// prober answers health checks.
type prober struct {
	mu    sync.Mutex
	wrong map[string]func(context.Context) (int, error)
	asked []string
}

func (p *prober) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.URL.String()+" "+r.Host+" "+r.Header.Get("Authorization"))
	does := p.wrong[r.Host]
	p.mu.Unlock()
	status := 200
	if does != nil {
		var err error
		if status, err = does(r.Context()); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

func (p *prober) set(host string, does func(context.Context) (int, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong[host] = does
}

func TestChecksTakeTargetsOutAndBack(t *testing.T) {
	for name, does := range map[string]func(context.Context) (int, error){
		"another status": func(context.Context) (int, error) { return 503, nil },
		"refused":        func(context.Context) (int, error) { return 0, errors.New("refused") },
		"silent":         func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &prober{wrong: map[string]func(context.Context) (int, error){}}
			f := &fake{do: answer(200)}
			e := spec.Endpoint{
				Type: spec.LoadBalance, URLs: []string{"https://a/v1", "http://b:81"},
				Security:    &spec.EndpointSecurity{Type: "basic", Username: "user"},
				HealthCheck: &spec.HealthCheck{Path: "/health?x", IntervalMillis: 10_000, TimeoutMillis: 2000, Healthy: 2, Unhealthy: 3},
			}
			b := mustNew(t, Options{Gateway: one(e), Transport: f, Probe: p, Password: func(int) (string, bool) { return "pass", true }})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { b.Run(ctx); close(done) }()
			defer func() { cancel(); <-done }()
			synctest.Wait()
			if len(p.asked) != 2 || p.asked[0]+p.asked[1] != "GET https://a:443/health?x a Basic dXNlcjpwYXNzGET http://b:81/health?x b:81 Basic dXNlcjpwYXNz" &&
				p.asked[1]+p.asked[0] != "GET https://a:443/health?x a Basic dXNlcjpwYXNzGET http://b:81/health?x b:81 Basic dXNlcjpwYXNz" {
				t.Fatalf("%s: asked %q", name, p.asked)
			}
			goesTo := func(want int) {
				t.Helper()
				synctest.Wait()
				f.asked = nil
				for range 10 {
					b.Forward(request("POST", "/"))
				}
				if n := asked(f, "b:81"); n != want {
					t.Errorf("%s: %d of 10 go there", name, n)
				}
			}
			p.set("b:81", does)
			time.Sleep(29 * time.Second) // two checks
			goesTo(5)
			time.Sleep(10 * time.Second)
			goesTo(0)
			p.set("b:81", nil)
			time.Sleep(10 * time.Second)
			goesTo(0)
			time.Sleep(10 * time.Second)
			goesTo(5)
		})
	}
}

func TestWhenAllFailTheirChecksAllAreAsked(t *testing.T) {
	f := &fake{do: answer(200)}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b"}}), Transport: f})
	for _, tt := range b.endpoints[0].set.Load().targets {
		tt.health.checked(false, 1, 1)
	}
	for range 4 {
		x := request("GET", "/")
		if b.Forward(x); x.Status != 200 {
			t.Errorf("%d", x.Status)
		}
	}
	if asked(f, "a") != 2 || asked(f, "b") != 2 {
		t.Errorf("asked %q", f.asked)
	}
}

var _ exchange.Upstream = countedWay{}
