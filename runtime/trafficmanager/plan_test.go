package trafficmanager

import (
	"slices"
	"strings"
	"testing"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/limit"
	"mgw/runtime/spec"
)

func testPlan(t testing.TB, policies string) *plan {
	t.Helper()
	p, err := compile(parsePolicies(t, policies), limit.New(limit.Budget{}))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatAnEventIsCountedUnder(t *testing.T) {
	p := testPlan(t, testPolicies)
	p.custom = nil
	const ip10, ip11 = `{"ip":167772161,"ipv6":0}`, `{"ip":184549377,"ipv6":0}`
	for _, tc := range []struct {
		name    string
		e       event.Event
		want    string
		unknown int
	}{
		{"nothing", event.Event{}, "", 0},
		{"all levels", event.Event{AppKey: "a:u", AppTier: "Gold", SubscriptionKey: "a:/p:1", SubscriptionTier: "Silver",
			ResourceKey: "/p/1/x:GET", ResourceTier: "Plain"}, "a:u a:/p:1 /p/1/x:GET_default", 0},
		{"unauthenticated", event.Event{SubscriptionKey: "10.0.0.1:/p:1", SubscriptionTier: "Unauthenticated"}, "10.0.0.1:/p:1", 0},
		{"tier that nobody knows", event.Event{AppKey: "a:u", AppTier: "Bronze"}, "", 1},
		{"unlimited", event.Event{AppKey: "a:u", AppTier: "Unlimited"}, "", 0},
		{"tier of another level", event.Event{AppKey: "a:u", AppTier: "Silver"}, "", 1},
		{"tier without key", event.Event{AppTier: "Gold"}, "", 0},
		{"API tier", event.Event{APIKey: "/p/1:1", APITier: "Plain", ResourceKey: "/p/1:1", ResourceTier: "Plain"}, "/p/1:1_default", 0},
		{"no group fits", event.Event{ResourceKey: "r", ResourceTier: "Conditional", Properties: ip11}, "r_default", 0},
		{"one group", event.Event{ResourceKey: "r", ResourceTier: "Conditional", Properties: ip10}, "r_condition_0", 0},
		{"header, in any case", event.Event{ResourceKey: "r", ResourceTier: "Conditional", Properties: `{"user-agent":"a curl"}`}, "r_condition_1", 0},
		{"both groups", event.Event{ResourceKey: "r", ResourceTier: "Conditional", Properties: `{"ip":167772161,"User-Agent":"curl"}`}, "r_condition_0 r_condition_1", 0},
		{"properties that are no JSON", event.Event{ResourceKey: "r", ResourceTier: "Conditional", Properties: `{`}, "r_default", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			props := properties{text: tc.e.Properties}
			var keys []string
			charges, unknown := p.charges(nil, &tc.e, &props)
			for _, c := range charges {
				keys = append(keys, c.key)
			}
			if unknown != tc.unknown {
				t.Errorf("%d unknown tiers", unknown)
			}
			if got := strings.Join(keys, " "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestConditionsOfEvents(t *testing.T) {
	values := func(invert bool, name, re string) *spec.ValueMatch {
		return &spec.ValueMatch{Values: map[string]string{name: re}, Invert: invert}
	}
	const v6 = `{"ip":0,"ipv6":"42540766411282592856903984951653826561","Kind":"cat","n":7,"list":["x","gold"],"flag":true,"empty":""}` // 2001:db8::1
	for _, tc := range []struct {
		name       string
		condition  spec.Condition
		properties string
		want       bool
	}{
		{"address", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.1", Last: "10.0.0.1"}}, `{"ip":167772161}`, true},
		{"address as text", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.1", Last: "10.0.0.1"}}, `{"ip":"167772161"}`, true},
		{"last of a range", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.1"}}, `{"ip":167772161}`, true},
		{"behind a range", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.0"}}, `{"ip":167772161}`, false},
		{"inverted", spec.Condition{IP: &spec.IPMatch{First: "10.0.0.0", Last: "10.0.0.0", Invert: true}}, `{"ip":167772161}`, true},
		{"IPv6", spec.Condition{IP: &spec.IPMatch{First: "2001:db8::", Last: "2001:db8::ffff"}}, v6, true},
		{"IPv6 against IPv4", spec.Condition{IP: &spec.IPMatch{First: "0.0.0.0", Last: "255.255.255.255"}}, v6, false},
		{"no address", spec.Condition{IP: &spec.IPMatch{First: "0.0.0.0", Last: "255.255.255.255"}}, `{}`, false},
		{"address too large", spec.Condition{IP: &spec.IPMatch{First: "::", Last: "ffff::"}}, `{"ipv6":"999999999999999999999999999999999999999"}`, false},
		{"header without case", spec.Condition{Header: values(false, "KIND", "^cat$")}, v6, true},
		{"query with case", spec.Condition{Query: values(false, "KIND", "^cat$")}, v6, false},
		{"number", spec.Condition{Claim: values(false, "n", "^7$")}, v6, true},
		{"list", spec.Condition{Claim: values(false, "list", "^gold$")}, v6, true},
		{"flag", spec.Condition{Claim: values(false, "flag", "true")}, v6, true},
		{"empty", spec.Condition{Header: values(false, "empty", ".*")}, v6, false},
		{"missing, inverted", spec.Condition{Header: values(true, "none", ".*")}, v6, true},
	} {
		c, _, err := newCondition(&tc.condition)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.matches(&properties{text: tc.properties}); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestKeyTemplates(t *testing.T) {
	e := event.Event{ResourceKey: "R", UserID: "U", APIContext: "C", APIVersion: "V", AppTenant: "AT", APITenant: "PT", AppID: "I"}
	props := properties{text: `{"ip":167772161,"org":"acme","n":3}`}
	for text, want := range map[string]string{
		"$resourceKey|$userId|$apiContext|$apiVersion": "R|U|C|V",
		"$appTenant:$apiTenant:$appId:$clientIp":       "AT:PT:I:10.0.0.1",
		"x-$customProperty.org.$customProperty.n":      "x-acme.3",
		"$customProperty.none":                         "",
		"$userIds":                                     "Us",
		"fixed":                                        "fixed",
	} {
		template, err := parseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := template.fill(&e, &props); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "$", "$userid", "a$b", "$customProperty.", "$customProperty"} {
		if _, err := parseTemplate(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

// count gives the keys whose limit is spent by n events of a kind.
func spentBy(t *testing.T, policies string, e event.Event, n int, age int64) []string {
	t.Helper()
	table := limit.New(limit.Budget{})
	p, err := compile(parsePolicies(t, policies), table)
	if err != nil {
		t.Fatal(err)
	}
	const now = int64(1_795_303_631_332_000_000)
	tally := newTally()
	tally.add(p, &batch{events: repeat(e, n), age: age}, now)
	var keys []string
	for _, v := range newLocalCounter(table).count(now, tally.uses) {
		keys = append(keys, tally.uses[v.use].key)
	}
	slices.Sort(keys)
	return keys
}

func TestTheLastAdmittedRequestSpendsTheLimit(t *testing.T) {
	policies := func(body string) string { return "applicationPolicies:\n  - T: {" + body + "}\n" }
	e := event.Event{AppKey: "k", AppTier: "T"}
	sized := e
	sized.Properties = `{"messageSize":"400"}`
	for _, tc := range []struct {
		name, policy string
		e            event.Event
		n            int
		age          int64
		want         bool
	}{
		{"one less", "count: 3, unitTime: 1, timeUnit: min", e, 2, 0, false},
		{"the last", "count: 3, unitTime: 1, timeUnit: min", e, 3, 0, true},
		{"more", "count: 3, unitTime: 1, timeUnit: min", e, 9, 0, true},
		{"limit of one", "count: 1, unitTime: 1, timeUnit: min", e, 1, 0, true},
		{"past window", "count: 1, unitTime: 1, timeUnit: min", e, 1, 12e9, false},
		{"same window", "count: 1, unitTime: 1, timeUnit: min", e, 1, 11e9, true},
		{"past minute of an hour", "count: 1, unitTime: 1, timeUnit: hour", e, 1, 12e9, true},
		{"sliding", "count: 3, unitTime: 1, timeUnit: min, algorithm: slidingWindow", e, 3, 0, true},
		{"sliding, one less", "count: 3, unitTime: 1, timeUnit: min, algorithm: slidingWindow", e, 2, 0, false},
		{"sliding, long ago", "count: 1, unitTime: 1, timeUnit: min, algorithm: slidingWindow", e, 1, 61e9, false},
		{"bucket", "count: 3, unitTime: 1, timeUnit: min, algorithm: tokenBucket", e, 3, 0, true},
		{"bucket, one less", "count: 3, unitTime: 1, timeUnit: min, algorithm: tokenBucket", e, 2, 0, false},
		{"bytes", "bytes: 1000, unitTime: 1, timeUnit: min", sized, 3, 0, true},
		{"bytes, less", "bytes: 1000, unitTime: 1, timeUnit: min", sized, 2, 0, false},
		{"bytes that nobody told", "bytes: 1000, unitTime: 1, timeUnit: min", e, 2000, 0, false},
	} {
		if got := spentBy(t, policies(tc.policy), tc.e, tc.n, tc.age); (len(got) > 0) != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestDecisionLastsUntilTheWindowsEnd(t *testing.T) {
	const minute = int64(60_000)
	now := int64(1_795_303_631_332)
	for policy, want := range map[string]int64{
		"count: 1, unitTime: 1, timeUnit: min":                            now - now%minute + minute,
		"count: 1, unitTime: 2, timeUnit: min":                            now - now%(2*minute) + 2*minute,
		"count: 2, unitTime: 1, timeUnit: min, algorithm: tokenBucket":    now + minute/2,
		"bytes: 1, unitTime: 1, timeUnit: day":                            now - now%(1440*minute) + 1440*minute,
		"count: 1, unitTime: 1, timeUnit: week":                           now - now%(7*1440*minute) + 7*1440*minute,
		"count: 1, unitTime: 1, timeUnit: min, algorithm: slidingWindow ": now - now%minute + 2*minute,
	} {
		table := limit.New(limit.Budget{})
		p, err := compile(parsePolicies(t, "applicationPolicies:\n  - T: {"+policy+"}\n"), table)
		if err != nil {
			t.Fatal(err)
		}
		uses := []use{{charge{p.application["T"], "k"}, 2}}
		verdicts := newLocalCounter(table).count(now*1e6, uses)
		if len(verdicts) != 1 || verdicts[0].expiry != want {
			t.Errorf("%s: %+v, want %d", policy, verdicts, want)
		}
	}
}

func TestKeysThatNoGatewayTakesAreNotCounted(t *testing.T) {
	tally := newTally()
	e := event.Event{AppKey: strings.Repeat("k", maxThrottleKey+1), AppTier: "Gold"}
	tally.add(testPlan(t, testPolicies), &batch{events: []event.Event{e}}, 1e18)
	if tally.long != 1 {
		t.Errorf("%+v", tally)
	}
}
