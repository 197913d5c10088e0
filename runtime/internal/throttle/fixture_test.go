package throttle

import (
	"net/netip"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// fixture is a gateway of two APIs, its limits, and a clock that the test
// moves.
type fixture struct {
	t *Throttle
	g *spec.Gateway
	// now starts at the beginning of a minute.
	now int64
}

func perMinute(name string, n int64) spec.Tier {
	return spec.Tier{Name: name, Quota: spec.Quota{Count: n, Window: time.Minute}}
}

// newFixture makes a gateway with the usual tiers; change, when given, alters
// it before it is compiled.
func newFixture(t testing.TB, change func(*spec.Gateway, *Options)) *fixture {
	t.Helper()
	f := &fixture{now: 1_000_000 * int64(time.Minute)}
	usual := []spec.Tier{perMinute("Bronze", 1), perMinute("Silver", 5), perMinute("Gold", 20)}
	f.g = &spec.Gateway{
		Policies: spec.Policies{
			Resource:     append([]spec.Tier(nil), usual...),
			Application:  append([]spec.Tier(nil), usual...),
			Subscription: append([]spec.Tier{perMinute("Default", 500), perMinute("Unauthenticated", 3)}, usual...),
		},
		APIs: []spec.API{
			{ID: 0, Name: "shop", Version: "1.0.0", BasePath: "/shop", Context: "/shop", Operations: []spec.Operation{
				{ID: 0, Method: "GET", Path: "/items/{id}", KeyPath: "/items/{id}"},
				{ID: 1, Method: "POST", Path: "/items", KeyPath: "/items"},
			}},
			{ID: 1, Name: "pets", Version: "2", BasePath: "/pets/2", Context: "/pets/2", Operations: []spec.Operation{
				{ID: 2, Method: "GET", Path: "/pet", KeyPath: "/pet"},
			}},
		},
	}
	o := Options{Gateway: f.g, Now: func() int64 { return f.now }}
	if change != nil {
		change(f.g, &o)
	}
	var err error
	if f.t, err = New(o); err != nil {
		t.Fatal(err)
	}
	return f
}

// caller gives a principal of an application and its tier.
func caller(app, user, tier string) *exchange.Principal {
	return &exchange.Principal{Kind: exchange.JWT, Subject: user, Application: exchange.Application{ID: app, Tier: tier}}
}

var nobody = &exchange.Principal{Kind: exchange.Anonymous, Application: exchange.Application{ID: "anonymous"}}

// grant gives a principal's prepared right to an API.
func (f *fixture) grant(p *exchange.Principal, api int, tier string) *exchange.Grant {
	g := &exchange.Grant{Principal: p, API: &f.g.APIs[api], SubscriptionTier: tier}
	f.t.Prepare(g)
	return g
}

// request gives an exchange that has passed auth.
func (f *fixture) request(g *exchange.Grant, operation int, from string) *exchange.Exchange {
	x := new(exchange.Exchange)
	x.API, x.Grant, x.Address = g.API, g, netip.MustParseAddr(from)
	for i := range g.API.Operations {
		if g.API.Operations[i].ID == operation {
			x.Operation = &g.API.Operations[i]
		}
	}
	return x
}

// send sends a request and completes it; it gives the fault's code, 0 when it
// passed.
func (f *fixture) send(g *exchange.Grant, operation int, from string) int {
	x := f.request(g, operation, from)
	if f.t.Check(x) {
		f.t.Publish(x)
	}
	f.t.Done(x)
	return x.Code
}

// passed sends n requests and tells how many passed, and the last code.
func (f *fixture) passed(n int, g *exchange.Grant, operation int, from string) (passed, code int) {
	for range n {
		if code = f.send(g, operation, from); code == 0 {
			passed++
		}
	}
	return passed, code
}
