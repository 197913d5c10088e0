package throttle

import (
	"testing"
	"time"

	"mgw/runtime/spec"
)

func minutely(n int64) spec.Quota { return spec.Quota{Count: n, Window: time.Minute} }

// withIP gives a fixture whose first API has an IP policy.
func withIP(t *testing.T, rules ...spec.IPRule) *fixture {
	return newFixture(t, func(g *spec.Gateway, _ *Options) {
		g.Policies.IP = []spec.IPPolicy{{Name: "p", Rules: rules}}
		g.APIs[0].ThrottlePolicy = "p"
	})
}

// The tiers document's example, "IP-level throttling".
func TestOneAddressIsNamedEachOtherCountsAlone(t *testing.T) {
	f := withIP(t,
		spec.IPRule{Kind: spec.RuleIP, Other: true, Quota: minutely(2)},
		spec.IPRule{Kind: spec.RuleIP, First: "10.1.1.1", Last: "10.1.1.1", Quota: minutely(1)},
	)
	g := f.grant(caller("a", "u", ""), 0, "Gold")
	for _, tc := range []struct {
		from string
		want int
	}{{"10.1.1.1", 1}, {"10.1.1.2", 2}, {"10.1.1.3", 2}, {"10.1.1.2", 0}} {
		passed, code := f.passed(3, g, 0, tc.from)
		if passed != tc.want || code != 900810 {
			t.Errorf("%s: %d passed, then %d", tc.from, passed, code)
		}
	}
	if passed, _ := f.passed(3, f.grant(caller("a", "u", ""), 1, "Gold"), 2, "10.1.1.1"); passed != 3 {
		t.Errorf("an API without the policy: %d passed", passed)
	}
}

func TestRulesOfAnIPPolicy(t *testing.T) {
	rules := []spec.IPRule{
		{Kind: spec.RuleIP, First: "10.0.0.0", Last: "10.0.0.255", Quota: minutely(2)},
		{Kind: spec.RuleIP, First: "10.9.0.0", Last: "10.9.255.255", Allow: true},
		{Kind: spec.RuleIP, First: "2001:db8::", Last: "2001:db8::ffff", Deny: true},
		{Kind: spec.RuleRole, Value: "partner", Quota: minutely(3)},
		{Kind: spec.RuleDomain, Value: "*.acme.com", Quota: minutely(4)},
		{Kind: spec.RuleIP, Other: true, Quota: minutely(1)},
	}
	for _, tc := range []struct {
		name       string
		from       string
		roles      []string
		tenant     string
		want, code int
	}{
		{"a range", "10.0.0.7", nil, "", 2, 900810},
		{"allowed", "10.9.1.1", nil, "", 6, 0},
		{"denied", "2001:db8::5", nil, "", 0, 900810},
		{"behind the denied", "2001:db8::1:0", nil, "", 1, 900810},
		{"a role", "192.0.2.1", []string{"x", "partner"}, "", 3, 900810},
		{"a domain", "192.0.2.1", nil, "shop.ACME.com", 4, 900810},
		{"not that domain", "192.0.2.1", nil, "acme.com", 1, 900810},
		{"mapped to IPv6", "::ffff:10.0.0.9", nil, "", 2, 900810},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := withIP(t, rules...)
			p := caller("a", "u", "")
			p.Roles, p.Tenant = tc.roles, tc.tenant
			passed, code := f.passed(6, f.grant(p, 0, "Gold"), 0, tc.from)
			if passed != tc.want || code != tc.code {
				t.Errorf("%d passed, then %d", passed, code)
			}
		})
	}
}

func TestARangeIsCountedTogether(t *testing.T) {
	f := withIP(t, spec.IPRule{Kind: spec.RuleIP, First: "10.0.0.0", Last: "10.0.0.255", Quota: minutely(2)})
	g := f.grant(nobody, 0, spec.TierUnauthenticated)
	if a, b, c := f.send(g, 0, "10.0.0.1"), f.send(g, 0, "10.0.0.2"), f.send(g, 0, "10.0.0.3"); a != 0 || b != 0 || c != 900810 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
}

func TestOthersOfARoleAreUsers(t *testing.T) {
	f := withIP(t, spec.IPRule{Kind: spec.RuleRole, Other: true, Quota: minutely(1)})
	ann, bob := f.grant(caller("a", "ann", ""), 0, "Gold"), f.grant(caller("a", "bob", ""), 0, "Gold")
	if a, b, c := f.send(ann, 0, "10.0.0.1"), f.send(bob, 0, "10.0.0.1"), f.send(ann, 0, "10.0.0.2"); a != 0 || b != 0 || c != 900810 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
}

func TestProhibitedCallersStayRefused(t *testing.T) {
	f := withIP(t, spec.IPRule{Kind: spec.RuleIP, Other: true, Quota: minutely(1), Prohibit: 5 * time.Minute})
	g := f.grant(caller("a", "u", ""), 0, "Gold")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, 0}, {30 * time.Second, 900810}, {4 * time.Minute, 900810}, {59 * time.Second, 900810}, {time.Second, 0},
	} {
		f.now += int64(step.after)
		if code := f.send(g, 0, "10.0.0.1"); code != step.want {
			t.Errorf("after %v: %d, want %d", step.after, code, step.want)
		}
	}
}

func TestPoliciesThatCannotBeEnforcedAreRefused(t *testing.T) {
	for name, change := range map[string]func(*spec.Gateway, *Options){
		"IP policy that is not there": func(g *spec.Gateway, _ *Options) { g.APIs[0].ThrottlePolicy = "x" },
		"address": func(g *spec.Gateway, _ *Options) {
			g.Policies.IP = []spec.IPPolicy{{Name: "p", Rules: []spec.IPRule{{Kind: spec.RuleIP, First: "x", Quota: minutely(1)}}}}
			g.APIs[0].ThrottlePolicy = "p"
		},
		"count":     func(g *spec.Gateway, _ *Options) { g.Policies.Resource[0].Count = 0 },
		"window":    func(g *spec.Gateway, _ *Options) { g.Policies.Application[0].Window = 0 },
		"algorithm": func(g *spec.Gateway, _ *Options) { g.Policies.Subscription[0].Algorithm = "x" },
		"expression": func(g *spec.Gateway, _ *Options) {
			g.Policies.Resource[0].Conditions = []spec.Condition{{Header: &spec.ValueMatch{Values: map[string]string{"a": "("}}, Quota: minutely(1)}}
		},
		"placeholder": func(g *spec.Gateway, _ *Options) {
			g.Policies.Custom = []spec.CustomPolicy{{KeyTemplate: "$nothing", Quota: minutely(1)}}
		},
		"property": func(g *spec.Gateway, _ *Options) {
			g.Policies.Custom = []spec.CustomPolicy{{KeyTemplate: "$customProperty.", Quota: minutely(1)}}
		},
		"too many": func(g *spec.Gateway, _ *Options) { g.Policies.Custom = make([]spec.CustomPolicy, maxCustom+1) },
		"prefix":   func(_ *spec.Gateway, o *Options) { o.IPv6Prefix = 129 },
		"fields":   func(_ *spec.Gateway, o *Options) { o.RateLimitHeaders = "x" },
		"key":      func(_ *spec.Gateway, o *Options) { o.ApplicationKey = "x" },
		"clock":    func(_ *spec.Gateway, o *Options) { o.Now = nil },
	} {
		f := newFixture(t, nil)
		o := f.t.options
		change(f.g, &o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
