package throttle

import (
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func TestKeyTemplates(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) { g.APIs[0].Context = "/t/acme/shop" })
	known := caller("7", "ann", "")
	known.Tenant = "acme"
	for _, tc := range []struct {
		template   string
		principal  *exchange.Principal
		properties []exchange.Property
		want       string
		meant      bool
	}{
		{"$resourceKey", known, nil, "/t/acme/shop/1.0.0/items/{id}:GET", true},
		{"$userId:$apiContext:$apiVersion", known, nil, "ann:/t/acme/shop:1.0.0", true},
		{"$appId/$appTenant/$apiTenant", known, nil, "7/acme/acme", true},
		{"a$clientIp", known, nil, "a10.0.0.1", true},
		{"$customProperty.plan:x", known, []exchange.Property{{Name: "other"}, {Name: "plan", Value: "pro"}}, "pro:x", true},
		{"$customProperty.plan", known, nil, "", false},
		{"$userId-$appId-$appTenant", nobody, nil, "-__unknown__-__unknown__", true},
		{"everybody", nobody, nil, "everybody", true},
	} {
		var c custom
		if err := c.parse(tc.template); err != nil {
			t.Fatal(err)
		}
		x := f.request(f.grant(tc.principal, 0, "Gold"), 0, "10.0.0.1")
		x.Properties = tc.properties
		if got, ok := c.appendKey(nil, f.t, x); ok != tc.meant || ok && string(got) != tc.want {
			t.Errorf("%s: %s, %v", tc.template, got, ok)
		}
	}
}

func TestCustomPoliciesCountByTheirKey(t *testing.T) {
	for _, tc := range []struct {
		template string
		want     [4]int // ann on the first API, its other operation, the second API; bob on the first API
	}{
		{"$userId", [4]int{2, 0, 0, 2}},
		{"$userId:$apiContext", [4]int{2, 0, 2, 2}},
		{"$resourceKey", [4]int{2, 2, 2, 0}},
		{"$resourceKey:$userId", [4]int{2, 2, 2, 2}},
		{"$clientIp", [4]int{2, 0, 0, 0}},
		{"$apiVersion", [4]int{2, 0, 2, 0}},
		{"all", [4]int{2, 0, 0, 0}},
		{"$customProperty.none", [4]int{3, 3, 3, 3}},
	} {
		t.Run(tc.template, func(t *testing.T) {
			f := newFixture(t, func(g *spec.Gateway, _ *Options) {
				g.Policies.Custom = []spec.CustomPolicy{
					{Name: "none", KeyTemplate: "$userId", Quota: spec.Quota{Unlimited: true}},
					{Name: "c", KeyTemplate: tc.template, Quota: minutely(2)},
				}
			})
			ann, bob := caller("a", "ann", ""), caller("b", "bob", "")
			var got [4]int
			got[0], _ = f.passed(3, f.grant(ann, 0, "Gold"), 0, "10.0.0.1")
			got[1], _ = f.passed(3, f.grant(ann, 0, "Gold"), 1, "10.0.0.1")
			got[2], _ = f.passed(3, f.grant(ann, 1, "Gold"), 2, "10.0.0.1")
			got[3], _ = f.passed(3, f.grant(bob, 0, "Gold"), 0, "10.0.0.1")
			if got != tc.want {
				t.Errorf("%v passed, want %v", got, tc.want)
			}
		})
	}
}

func FuzzKeyTemplate(f *testing.F) {
	for _, seed := range []string{"$userId:$apiContext", "$customProperty.a-b", "$", "$$", "x$", "$userIdx"} {
		f.Add(seed)
	}
	fx := newFixture(f, nil)
	x := fx.request(fx.grant(caller("a", "u", ""), 0, "Gold"), 0, "10.0.0.1")
	f.Fuzz(func(t *testing.T, template string) {
		var c custom
		if c.parse(template) == nil {
			c.appendKey(nil, fx.t, x)
		}
	})
}
