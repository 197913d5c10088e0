//go:build !race

// Under the race detector sync.Pool drops at random.

package backend

import (
	"testing"

	"mgw/runtime/spec"
)

func TestABreakerAllocatesNothing(t *testing.T) {
	b := mustNew(t, Options{Transport: noting{}, Gateway: broken(&spec.CircuitBreaker{
		VolumeThreshold: 10, WindowMillis: 60_000, BucketMillis: 10_000, FailureThreshold: 0.5, ResetMillis: 5000, StatusCodes: []int{500},
	}, "http://a", "http://b")})
	x := request("GET", "/pets?x")
	run := func() {
		x.Request.Reset()
		x.Response.Reset()
		b.Forward(x)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestForwardingItselfAllocatesNothing(t *testing.T) {
	f := &noting{}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a/v", "http://b/v"}}), Transport: f})
	x := request("GET", "/pets?x")
	run := func() {
		x.Request.Reset()
		x.Response.Reset()
		x.Request.Add("Connection", "keep-alive")
		x.Request.Add("X-Own_Field", "1")
		x.Request.Add("X-Forwarded-For", "6.6.6.6")
		b.Forward(x)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
