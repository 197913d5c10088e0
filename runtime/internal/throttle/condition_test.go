package throttle

import (
	"encoding/json"
	"net/netip"
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func TestConditionsOfAGroup(t *testing.T) {
	values := func(invert bool, pairs ...string) *spec.ValueMatch {
		m := &spec.ValueMatch{Values: map[string]string{}, Invert: invert}
		for i := 0; i < len(pairs); i += 2 {
			m.Values[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, tc := range []struct {
		name      string
		condition spec.Condition
		want      bool
	}{
		{"nothing asked", spec.Condition{}, true},
		{"address", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.1", Last: "10.0.0.1"}}, true},
		{"range, both ends included", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.1"}}, true},
		{"other address", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.2", Last: "10.0.0.9"}}, false},
		{"other address, inverted", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.2", Last: "10.0.0.9", Invert: true}}, true},
		{"address, inverted", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.1", Last: "10.0.0.1", Invert: true}}, false},
		{"IPv6 range", spec.Condition{IP: &spec.IPMatch{First: "::", Last: "ffff::"}}, false},
		{"header, unanchored", spec.Condition{Header: values(false, "user-agent", "url/[0-9]")}, true},
		{"header that differs", spec.Condition{Header: values(false, "User-Agent", "^wget")}, false},
		{"header that is empty", spec.Condition{Header: values(false, "X-Empty", ".*")}, false},
		{"all of several", spec.Condition{Header: values(false, "User-Agent", "curl", "X-None", ".")}, false},
		{"header, inverted", spec.Condition{Header: values(true, "X-None", ".")}, true},
		{"query", spec.Condition{Query: values(false, "kind", "^cat$")}, true},
		{"query, escaped", spec.Condition{Query: values(false, "a b", "^x y$")}, true},
		{"query, last value", spec.Condition{Query: values(false, "n", "^2$")}, true},
		{"query without value", spec.Condition{Query: values(false, "flag", ".*")}, false},
		{"query badly escaped", spec.Condition{Query: values(false, "bad", "^%zz$")}, true},
		{"claim", spec.Condition{Claim: values(false, "tier", "gold")}, true},
		{"claim that is a number", spec.Condition{Claim: values(false, "age", "^42$")}, true},
		{"claim that is a JSON number", spec.Condition{Claim: values(false, "big", "^123456789012345678$")}, true},
		{"claim that is true", spec.Condition{Claim: values(false, "ok", "true")}, true},
		{"claim that is a list", spec.Condition{Claim: values(false, "groups", "^b$")}, true},
		{"claim that is an object", spec.Condition{Claim: values(false, "object", ".*")}, false},
		{"claim that is not there", spec.Condition{Claim: values(false, "x", ".*")}, false},
		{"one of two kinds fails", spec.Condition{Query: values(false, "kind", "cat"), Claim: values(false, "x", ".*")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, nil)
			tc.condition.Unlimited = true
			g, err := f.t.group(&spec.Tier{Conditions: []spec.Condition{tc.condition}}, 0, levelResource, 0, keyOfResource)
			if err != nil {
				t.Fatal(err)
			}
			x := new(exchange.Exchange)
			x.Address = netip.MustParseAddr("10.0.0.1")
			x.Request.Add("User-Agent", "curl/8")
			x.Request.Add("X-Empty", "")
			x.Query = []byte("kind=cat&a%20b=x+y&n=1&n=2&flag&bad=%zz")
			x.Grant = &exchange.Grant{Principal: &exchange.Principal{Claims: map[string]any{
				"tier": "gold-plus", "age": 42.0, "big": json.Number("123456789012345678"), "ok": true,
				"groups": []any{"a", "b"}, "object": map[string]any{},
			}}}
			if got := g.matches(x); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestTheFirstGroupThatFitsCountsInPlaceOfTheDefault(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) {
		office := &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.255"}
		g.Policies.Resource[1].Conditions = []spec.Condition{
			{Quota: minutely(2), IP: office, Query: &spec.ValueMatch{Values: map[string]string{"kind": "cat"}}},
			{Quota: spec.Quota{Unlimited: true}, IP: office},
		}
		g.APIs[0].Operations[0].Tier = "Silver"
	})
	g := f.grant(caller("a", "u", ""), 0, "Gold")
	send := func(from, query string) int {
		x := f.request(g, 0, from)
		x.Query = []byte(query)
		f.t.Check(x)
		f.t.Done(x)
		return x.Code
	}
	for _, tc := range []struct {
		from, query string
		want        int
	}{{"10.0.0.1", "kind=cat", 2}, {"10.0.0.1", "", 7}, {"10.0.1.1", "kind=cat", 5}} {
		passed := 0
		for range 7 {
			if send(tc.from, tc.query) == 0 {
				passed++
			}
		}
		if passed != tc.want {
			t.Errorf("%s %s: %d passed, want %d", tc.from, tc.query, passed, tc.want)
		}
	}
}

func FuzzQueryValue(f *testing.F) {
	for _, seed := range []string{"a=b", "a=b&a=c", "%61=%zz", "&&=&", "a+b=c+d", "a=%"} {
		f.Add([]byte(seed), "a")
	}
	f.Fuzz(func(t *testing.T, query []byte, name string) {
		if value := queryValue(query, name); len(value) > len(query) {
			t.Errorf("%q has %q = %q", query, name, value)
		}
	})
}
