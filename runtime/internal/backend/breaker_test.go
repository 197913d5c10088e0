package backend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func broken(b *spec.CircuitBreaker, urls ...string) *spec.Gateway {
	e := spec.Endpoint{Type: spec.HTTP, URLs: urls, Advanced: spec.Advanced{CircuitBreaker: b}}
	if len(urls) > 1 {
		e.Type = spec.LoadBalance
	}
	return one(e)
}

func TestTheBreakerOpensHalfOpensAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 500
		f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error { x.Status = status; return nil }}
		b := mustNew(t, Options{Transport: f, Gateway: broken(&spec.CircuitBreaker{
			VolumeThreshold: 10, WindowMillis: 60_000, BucketMillis: 10_000, FailureThreshold: 0.5, ResetMillis: 5000, StatusCodes: []int{500},
		}, "http://a")})
		expect := func(what string, status, attempts int, state string) {
			t.Helper()
			f.asked = nil
			x := request("POST", "/")
			b.Forward(x)
			now := b.State()[0].Targets[0]
			if x.Status != status || len(f.asked) != attempts || now.Breaker != state {
				t.Fatalf("%s: %d after %d attempts, %s", what, x.Status, len(f.asked), now.Breaker)
			}
			if after, _ := x.Response.Lookup("Retry-After"); attempts == 0 && (len(after) == 0 || x.Code != 101503) {
				t.Errorf("%s: Retry-After %q, code %d", what, after, x.Code)
			}
		}
		for range 9 {
			expect("below the volume threshold", 500, 1, "closed")
		}
		expect("the tenth failure", 500, 1, "open")
		expect("open", 503, 0, "open")
		time.Sleep(4 * time.Second)
		expect("open still", 503, 0, "open")
		time.Sleep(time.Second + 1)
		expect("half-open, and it fails", 500, 1, "open")
		expect("open again", 503, 0, "open")
		time.Sleep(5*time.Second + 1)
		status = 200
		expect("half-open, and it answers", 200, 1, "closed")
		expect("closed", 200, 1, "closed")
		if n := b.State()[0].Targets[0].Opened; n != 2 {
			t.Errorf("opened %d times", n)
		}
	})
}

func TestOneRequestFindsOutWhetherToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		fails := true
		f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error {
			if fails {
				return errDown
			}
			<-release
			x.Status = 200
			return nil
		}}
		b := mustNew(t, Options{Transport: f, Gateway: broken(&spec.CircuitBreaker{WindowMillis: 1000, BucketMillis: 100, ResetMillis: 1000}, "http://a")})
		b.Forward(request("GET", "/")) // one failure is more than a part of 0
		time.Sleep(time.Second + 1)
		fails = false
		first := request("GET", "/")
		done := make(chan struct{})
		go func() { b.Forward(first); close(done) }()
		synctest.Wait()
		second := request("GET", "/")
		if b.Forward(second); second.Status != 503 {
			t.Errorf("while one finds out, another gets %d", second.Status)
		}
		close(release)
		<-done
		third := request("GET", "/")
		if b.Forward(third); first.Status != 200 || third.Status != 200 {
			t.Errorf("%d, then %d", first.Status, third.Status)
		}
	})
}

func TestTheWindowRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 500
		f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error { x.Status = status; return nil }}
		b := mustNew(t, Options{Transport: f, Gateway: broken(&spec.CircuitBreaker{
			VolumeThreshold: 4, WindowMillis: 10_000, BucketMillis: 1000, FailureThreshold: 0.6, ResetMillis: 1000, StatusCodes: []int{500},
		}, "http://a")})
		state := func() string { return b.State()[0].Targets[0].Breaker }
		for range 3 {
			b.Forward(request("GET", "/"))
		}
		time.Sleep(11 * time.Second) // they have left the window
		for range 3 {
			b.Forward(request("GET", "/"))
		}
		if state() != "closed" {
			t.Error("failures that are over count")
		}
		status = 200
		for range 3 {
			b.Forward(request("GET", "/"))
		}
		status = 500
		b.Forward(request("GET", "/"))
		if state() != "closed" {
			t.Error("4 of 7 are more than 0.6")
		}
		for range 2 {
			b.Forward(request("GET", "/"))
		}
		if state() != "open" {
			t.Error("6 of 9 are not more than 0.6")
		}
	})
}

func TestWhoIsNotToBlameOpensNoBreaker(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tc := range map[string]struct {
		err  error
		ctx  context.Context
		open bool
	}{
		"it was not reached":       {errDown, context.Background(), true},
		"it fell silent":           {&exchange.AttemptError{Sent: true, Timeout: true, Err: errDown}, context.Background(), true},
		"the client left":          {errDown, gone, false},
		"the client's body failed": {&exchange.AttemptError{Body: errDown}, context.Background(), false},
		"all connections are used": {&exchange.AttemptError{Busy: true, Err: errDown}, context.Background(), false},
		"a limit refused":          {spent{errDown}, context.Background(), false},
	} {
		f := &fake{do: func(exchange.Target, *exchange.Exchange) error { return tc.err }}
		b := mustNew(t, Options{Transport: f, Gateway: broken(&spec.CircuitBreaker{WindowMillis: 1000, BucketMillis: 1000, ResetMillis: 1000}, "http://a")})
		x := request("GET", "/")
		x.Client = caller{ctx: tc.ctx}
		b.Forward(x)
		if open := b.State()[0].Targets[0].Breaker == "open"; open != tc.open {
			t.Errorf("%s: open %v", name, open)
		}
	}
}

func TestAnOpenBreakerLeadsToTheOthers(t *testing.T) {
	f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
		if x.Status = 200; to.Host == "a" {
			x.Status = 500
		}
		return nil
	}}
	b := mustNew(t, Options{Transport: f, Gateway: broken(&spec.CircuitBreaker{
		WindowMillis: 60_000, BucketMillis: 60_000, ResetMillis: 60_000, StatusCodes: []int{500},
	}, "http://a", "http://b", "http://c")})
	bad := 0
	for range 30 {
		x := request("POST", "/")
		if b.Forward(x); x.Status != 200 {
			bad++
		}
	}
	if bad != 1 || asked(f, "a") != 1 {
		t.Errorf("%d answers of %d were bad", bad, asked(f, "a"))
	}
}
