package throttle

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// pool is a cluster's limits, shared by the nodes of a test.
type pool map[string]*poolLimit

type poolLimit struct{ left int64 }

func (p pool) Lease(key string, count int64, _ time.Duration, address bool) (Lease, error) {
	if address != strings.HasPrefix(key, "unauthenticated:") {
		return nil, errors.New("a key of an address that is not said to be one, or the other way round")
	}
	if p[key] == nil {
		p[key] = &poolLimit{left: count}
	}
	return p[key], nil
}

func (l *poolLimit) Take(context.Context) (Use, bool) {
	if l.left == 0 {
		return Use{}, false
	}
	l.left--
	return Use{l.left}, true
}

func (l *poolLimit) Return(Use)                { l.left++ }
func (l *poolLimit) RetryAfter() time.Duration { return 7 * time.Second }

// present is a client that is there.
type present struct{ exchange.Client }

func (present) Context() context.Context { return context.Background() }

// share sends a request as one of several nodes would.
func share(f *fixture, g *exchange.Grant, operation int, from string) (int, *exchange.Exchange) {
	x := f.request(g, operation, from)
	x.Client = present{}
	f.t.Check(x)
	f.t.Done(x)
	return x.Code, x
}

func TestNodesShareTheQuotasOfTiers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*spec.Gateway)
		caller *exchange.Principal
		tier   string
		passes int
		code   int
		level  string
	}{
		{"application", func(*spec.Gateway) {}, caller("app", "kim", "Silver"), "Gold", 5, 900803, "application"},
		{"resource", func(g *spec.Gateway) { g.APIs[0].Operations[0].Tier = "Silver" }, caller("app", "kim", ""), "Gold", 5, 900802, "resource"},
		{"subscription", func(*spec.Gateway) {}, caller("app", "kim", ""), "Silver", 5, 900804, "subscription"},
		{"unknown callers", func(*spec.Gateway) {}, nobody, spec.TierUnauthenticated, 3, 900804, "unauthenticated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster := pool{}
			var nodes []*fixture
			var grants []*exchange.Grant
			for range 3 {
				f := newFixture(t, func(g *spec.Gateway, o *Options) { tc.change(g); o.Leases = cluster })
				nodes, grants = append(nodes, f), append(grants, f.grant(tc.caller, 0, tc.tier))
			}
			passed := 0
			for n := range 30 {
				code, x := share(nodes[n%3], grants[n%3], 0, "10.0.0.1")
				if code == 0 {
					passed++
					continue
				}
				if v, _ := x.Response.Lookup("Retry-After"); code != tc.code || x.Level != tc.level || passed == tc.passes && n < 3*tc.passes && string(v) != "7" {
					t.Errorf("request %d: code %d, level %s, Retry-After %q", n, code, x.Level, v)
				}
			}
			if passed != tc.passes {
				t.Errorf("%d passed three nodes, want %d", passed, tc.passes)
			}
		})
	}
}

func TestARefusalOfTheClusterIsChargedNowhere(t *testing.T) {
	cluster := pool{}
	f := newFixture(t, func(g *spec.Gateway, o *Options) { o.Leases = cluster })
	g := f.grant(caller("app", "kim", "Gold"), 0, "Silver")
	cluster["subscription:Silver:app:/shop:1.0.0"].left = 0
	for range 3 {
		if code, _ := share(f, g, 0, "10.0.0.1"); code != 900804 {
			t.Fatalf("code %d", code)
		}
	}
	if left := cluster["application:Gold:app"].left; left != 20 {
		t.Errorf("the cluster's application limit has %d left", left)
	}
	x := f.request(g, 0, "10.0.0.1")
	for _, l := range f.t.Explain(x).Limits {
		if l.Remaining != l.Count {
			t.Errorf("this node's %s has %d of %d left", l.Level, l.Remaining, l.Count)
		}
	}
}

func TestWhatIsRefundedGoesBackToTheCluster(t *testing.T) {
	cluster := pool{}
	f := newFixture(t, func(_ *spec.Gateway, o *Options) { o.Leases = cluster })
	x := f.request(f.grant(caller("app", "kim", "Gold"), 0, "Silver"), 0, "10.0.0.1")
	x.Client = present{}
	if !f.t.Check(x) || cluster["application:Gold:app"].left != 19 {
		t.Fatalf("code %d, %d left", x.Code, cluster["application:Gold:app"].left)
	}
	f.t.Refund(x)
	f.t.Done(x)
	if a, s := cluster["application:Gold:app"].left, cluster["subscription:Silver:app:/shop:1.0.0"].left; a != 20 || s != 5 {
		t.Errorf("%d and %d left", a, s)
	}
}
