package throttle

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// newCluster makes a fixture with a traffic manager's decisions and a record
// of the events.
func newCluster(t testing.TB, change func(*spec.Gateway, *Options)) (*fixture, *[]string) {
	t.Helper()
	var events []string
	f := newFixture(t, func(g *spec.Gateway, o *Options) {
		o.TrafficManager = true
		o.Decisions = NewDecisions(DecisionOptions{Now: o.Now, Skew: time.Minute, Headers: true, Queries: true, Claims: true})
		o.Publish = func(e *Event) { events = append(events, string(e.AppendJSON(nil))) }
		if change != nil {
			change(g, o)
		}
	})
	return f, &events
}

func (f *fixture) millis() int64 { return f.now / 1e6 }

// decide tells the gateway that a key is throttled for the rest of the minute.
func (f *fixture) decide(key string, conditions ...event.Group) {
	f.t.options.Decisions.Apply(&event.Decision{
		Key: key, Throttled: true, Expiry: f.millis() + 60_000,
		Conditional: strings.HasSuffix(key, "_default") || strings.Contains(key, "_condition_"), Conditions: conditions,
	})
}

func TestADecisionRefusesItsKeyUntilItExpires(t *testing.T) {
	for _, tc := range []struct {
		name, key string
		code      int
		level     string
	}{
		{"application", "app", 900803, "application"},
		{"subscription", "app:/shop:1.0.0", 900804, "subscription"},
		{"API", "/shop/1.0.0:1.0.0_default", 900800, "api"},
		{"resource", "/shop/1.0.0/items/{id}:GET_default", 900802, "resource"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, events := newCluster(t, nil)
			g := f.grant(caller("app", "kim", "ManagerKnows"), 0, "ManagerToo")
			if code := f.send(g, 0, "10.0.0.1"); code != 0 {
				t.Fatalf("before the decision: %d", code)
			}
			f.decide(tc.key)
			x := f.request(g, 0, "10.0.0.1")
			if f.t.Check(x) || x.Code != tc.code || x.Level != tc.level {
				t.Errorf("code %d, level %s", x.Code, x.Level)
			}
			if v, _ := x.Response.Lookup("Retry-After"); string(v) != "60" {
				t.Errorf("Retry-After %q", v)
			}
			other := f.grant(caller("other", "kim", ""), 1, "Gold")
			if code := f.send(other, 2, "10.0.0.1"); code != 0 {
				t.Errorf("another caller of another API: %d", code)
			}
			f.now += int64(61 * time.Second)
			if code := f.send(g, 0, "10.0.0.1"); code != 0 {
				t.Errorf("after the expiry: %d", code)
			}
			if len(*events) != 3 {
				t.Errorf("%d events for three requests that passed", len(*events))
			}
		})
	}
}

func TestAnUnknownCallersAddressIsRefusedByItsDecision(t *testing.T) {
	f, _ := newCluster(t, nil)
	g := f.grant(nobody, 0, spec.TierUnauthenticated)
	f.decide("10.0.0.1:/shop:1.0.0")
	if code := f.send(g, 0, "10.0.0.1"); code != 900804 {
		t.Errorf("code %d", code)
	}
	if code := f.send(g, 0, "10.0.0.2"); code != 0 {
		t.Errorf("another address: %d", code)
	}
}

func TestLocalLimitsHoldBesideTheDecisions(t *testing.T) {
	f, events := newCluster(t, nil)
	g := f.grant(caller("app", "kim", "Silver"), 0, "Gold")
	if passed, code := f.passed(9, g, 0, "10.0.0.1"); passed != 5 || code != 900803 || len(*events) != 5 {
		t.Errorf("%d passed, then %d, %d events", passed, code, len(*events))
	}
}

func TestASubscriptionThatDoesNotStopOnQuotaPassesAManagersDecision(t *testing.T) {
	f, _ := newCluster(t, func(g *spec.Gateway, _ *Options) { g.Policies.Subscription[4].PassOnQuota = true })
	g := f.grant(caller("app", "kim", ""), 0, "Gold")
	f.decide("app:/shop:1.0.0")
	x := f.request(g, 0, "10.0.0.1")
	if !f.t.Check(x) || !x.Charge.(*charge).over {
		t.Errorf("code %d", x.Code)
	}
	f.t.Done(x)
}

func TestConditionGroupsOfDecisions(t *testing.T) {
	header := func(name, pattern string, invert bool) event.Group {
		return event.Group{Headers: &event.Patterns{Values: map[string]string{name: pattern}, Invert: invert}}
	}
	const base = "/shop/1.0.0/items/{id}:GET"
	for _, tc := range []struct {
		name   string
		decide func(*fixture)
		with   string // X-Kind of the request
		code   int
	}{
		{"a group that the request fits", func(f *fixture) { f.decide(base+"_condition_1", header("X-Kind", "^bot$", false)) }, "bot", 900802},
		{"one that it does not fit", func(f *fixture) { f.decide(base+"_condition_1", header("X-Kind", "^bot$", false)) }, "man", 0},
		{"an inverted group", func(f *fixture) { f.decide(base+"_condition_1", header("X-Kind", "^bot$", true)) }, "man", 900802},
		{"default, without conditions", func(f *fixture) { f.decide(base + "_default") }, "man", 900802},
		{"default spares what fits a group", func(f *fixture) { f.decide(base+"_default", header("X-Kind", "^bot$", false)) }, "bot", 0},
		{"default takes the rest", func(f *fixture) { f.decide(base+"_default", header("X-Kind", "^bot$", false)) }, "man", 900802},
		{"the first group that fits decides", func(f *fixture) {
			f.decide(base+"_condition_1", header("X-Kind", "bot", false))
			f.t.options.Decisions.Apply(&event.Decision{Key: base + "_condition_1"})
			f.decide(base + "_default")
		}, "bot", 0},
		{"a pattern that cannot be read fits nothing", func(f *fixture) { f.decide(base+"_condition_1", header("X-Kind", "(?!bot)", false)) }, "bot", 0},
		{"a key without conditions is no group", func(f *fixture) {
			f.t.options.Decisions.Apply(&event.Decision{Key: base + "_default", Throttled: true, Expiry: f.millis() + 1000})
		}, "man", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, _ := newCluster(t, nil)
			g := f.grant(caller("app", "kim", ""), 0, "Gold")
			tc.decide(f)
			x := f.request(g, 0, "10.0.0.1")
			x.Request.Add("X-Kind", tc.with)
			f.t.Check(x)
			f.t.Done(x)
			if x.Code != tc.code {
				t.Errorf("code %d, want %d", x.Code, tc.code)
			}
		})
	}
}

func TestRangesOfDecisionsLeaveTheirEndsOut(t *testing.T) {
	f, _ := newCluster(t, nil)
	g := f.grant(caller("app", "kim", ""), 0, "Gold")
	text := `{"event":{"payloadData":{"throttleKey":"/shop/1.0.0:1.0.0_condition_3","isThrottled":true,"expiryTimeStamp":` +
		fmt.Sprint(f.millis()+1000) + `,"evaluatedConditions":"W3siaXByYW5nZSI6eyJzdGFydGluZ0lwIjoiMTY3NzcyMTYxIiwiZW5kaW5nSXAiOiIxNjc3NzIxNjUifX1d"}}}`
	m, err := event.ParseText([]byte(text), 0) // 10.0.0.1 to 10.0.0.5
	if err != nil {
		t.Fatal(err)
	}
	f.t.options.Decisions.Apply(m)
	for from, want := range map[string]int{"10.0.0.1": 0, "10.0.0.2": 900800, "10.0.0.4": 900800, "10.0.0.5": 0} {
		if code := f.send(g, 0, from); code != want {
			t.Errorf("%s: %d, want %d", from, code, want)
		}
	}
}

func TestKeyTemplatesOfTheManager(t *testing.T) {
	f, _ := newCluster(t, nil)
	d := f.t.options.Decisions
	g := f.grant(caller("app", "kim", ""), 0, "Gold")
	f.decide("kim:/shop")
	if code := f.send(g, 0, "10.0.0.1"); code != 0 {
		t.Errorf("without the template: %d", code)
	}
	d.Apply(&event.KeyTemplate{Template: "$userId:$apiContext", Sent: 10})
	d.Apply(&event.KeyTemplate{Template: "$nonsense", Sent: 10})
	if code := f.send(g, 0, "10.0.0.1"); code != 900806 {
		t.Errorf("with the template: %d", code)
	}
	d.Apply(&event.KeyTemplate{Template: "$userId:$apiContext", Remove: true, Sent: 9})
	if code := f.send(g, 0, "10.0.0.1"); code != 900806 {
		t.Errorf("after a removal that is older: %d", code)
	}
	d.Apply(&event.KeyTemplate{Template: "$userId:$apiContext", Remove: true, Sent: 11})
	if code := f.send(g, 0, "10.0.0.1"); code != 0 {
		t.Errorf("after the removal: %d", code)
	}
}

func TestBlockingConditions(t *testing.T) {
	for _, tc := range []struct {
		name  string
		block event.Block
		known bool // refuses the known caller
		open  bool // refuses the one that nobody knows
	}{
		{"API", event.Block{Kind: event.BlockAPI, Value: "/shop"}, true, true},
		{"another API", event.Block{Kind: event.BlockAPI, Value: "/pets/2"}, false, false},
		{"user", event.Block{Kind: event.BlockUser, Value: "kim"}, true, false},
		{"application", event.Block{Kind: event.BlockApplication, Value: "owner:name"}, true, false},
		{"subscription", event.Block{Kind: event.BlockSubscription, Value: "/shop:1.0.0:owner-name:PRODUCTION"}, true, false},
		{"address", event.Block{Kind: event.BlockIP, ID: 7, Range: event.IPRange{Fixed: "10.0.0.1"}}, true, true},
		{"another address", event.Block{Kind: event.BlockIP, ID: 7, Range: event.IPRange{Fixed: "10.0.0.9"}}, false, false},
		{"all but an address", event.Block{Kind: event.BlockIP, ID: 7, Range: event.IPRange{Fixed: "10.0.0.9", Invert: true}}, true, true},
		{"range", event.Block{Kind: event.BlockIPRange, ID: 7, Range: event.IPRange{Starting: "10.0.0.0", Ending: "10.0.0.5"}}, true, true},
		{"the ends of a range", event.Block{Kind: event.BlockIPRange, ID: 7, Range: event.IPRange{Starting: "10.0.0.1", Ending: "10.0.0.5"}}, false, false},
		{"a range of nonsense", event.Block{Kind: event.BlockIPRange, ID: 7, Range: event.IPRange{Starting: "x"}}, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, events := newCluster(t, func(g *spec.Gateway, _ *Options) { g.Policies.Subscription[1].Count = 1000 })
			p := caller("app", "kim", "")
			p.Application.Owner, p.Application.Name = "owner", "name"
			known, open := f.grant(p, 0, "Gold"), f.grant(nobody, 0, spec.TierUnauthenticated)
			check := func(when string, wantKnown, wantOpen bool) {
				t.Helper()
				for name, c := range map[string]struct {
					g    *exchange.Grant
					want bool
				}{"known": {known, wantKnown}, "open": {open, wantOpen}} {
					if code := f.send(c.g, 0, "10.0.0.1"); (code == 900805) != c.want || code != 0 && code != 900805 {
						t.Errorf("%s, %s caller: %d", when, name, code)
					}
				}
			}
			on, off := tc.block, tc.block
			on.Active = true
			f.t.options.Decisions.Apply(&on)
			check("blocked", tc.known, tc.open)
			f.t.options.Decisions.Apply(&off)
			check("no longer", false, false)
			f.t.options.Decisions.Replace([]event.Block{on}, nil, nil, false)
			check("by snapshot", tc.known, tc.open)
			f.t.options.Decisions.Replace(nil, nil, nil, false)
			check("gone from the snapshot", false, false)
			for _, e := range *events {
				if !json.Valid([]byte(e)) {
					t.Errorf("event %s", e)
				}
			}
		})
	}
}

func TestOfTwoDecisionsAboutAKeyTheLaterCounts(t *testing.T) {
	now := int64(1_000_000) * int64(time.Minute)
	ms := now / 1e6
	for name, tc := range map[string]struct {
		messages []event.Decision
		want     bool
	}{
		"late news of an earlier window": {[]event.Decision{{Throttled: true, Expiry: ms + 2000}, {Throttled: false, Expiry: ms + 1000}}, true},
		"taken back":                     {[]event.Decision{{Throttled: true, Expiry: ms + 2000, Sent: ms}, {Throttled: false, Expiry: ms + 2000, Sent: ms + 1}}, false},
		"taken back before":              {[]event.Decision{{Throttled: true, Expiry: ms + 2000, Sent: ms + 1}, {Throttled: false, Expiry: ms + 2000, Sent: ms}}, true},
		"freed by the next window":       {[]event.Decision{{Throttled: true, Expiry: ms + 2000}, {Throttled: false, Expiry: ms + 62000}}, false},
		"freed without an expiry":        {[]event.Decision{{Throttled: true, Expiry: ms + 2000}, {Throttled: false}}, false},
		"twice the same":                 {[]event.Decision{{Throttled: true, Expiry: ms + 2000}, {Throttled: true, Expiry: ms + 2000}}, true},
		"past":                           {[]event.Decision{{Throttled: true, Expiry: ms - 1}}, false},
		"never seen, free":               {[]event.Decision{{Throttled: false, Expiry: ms + 2000}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecisions(DecisionOptions{Now: func() int64 { return now }})
			for i := range tc.messages {
				tc.messages[i].Key = "k"
				d.Apply(&tc.messages[i])
			}
			if _, got := d.throttled(d.hashString("k")); got != tc.want {
				t.Errorf("throttled %v", got)
			}
		})
	}
}

func TestACompleteSnapshotFreesWhatItDoesNotHave(t *testing.T) {
	f, _ := newCluster(t, nil)
	d := f.t.options.Decisions
	f.decide("app")
	f.decide("other")
	d.Replace(nil, nil, []event.Decision{{Key: "new", Throttled: true, Expiry: f.millis() + 1000}, {Key: "other", Throttled: true, Expiry: f.millis() + 60_000}}, true)
	for key, want := range map[string]bool{"app": false, "other": true, "new": true} {
		if _, got := d.throttled(d.hashString(key)); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	if n := d.Stats().Keys; n != 2 {
		t.Errorf("%d keys held", n)
	}
}

func TestTheManagersClockIsFollowedWithinItsBound(t *testing.T) {
	now := int64(1_000_000) * int64(time.Minute)
	ms := now / 1e6
	for _, tc := range []struct {
		behind int64 // of the manager's clock, milliseconds
		want   bool
	}{{0, false}, {5000, true}, {90_000, false}, {100, false}} {
		d := NewDecisions(DecisionOptions{Now: func() int64 { return now }, Skew: 10 * time.Second})
		theirs := ms - tc.behind
		// It expires a second from now by the manager's clock.
		d.Apply(&event.Decision{Key: "k", Throttled: true, Expiry: theirs + 1000, Sent: theirs})
		now += int64(3 * time.Second)
		d.Apply(&event.Decision{Key: "x", Sent: theirs + 3000})
		now -= int64(2500 * time.Millisecond)
		_, got := d.throttled(d.hashString("k"))
		if want := tc.behind == 5000 || tc.behind < 500; got != want {
			t.Errorf("%d ms behind: throttled %v, offset %d", tc.behind, got, d.Stats().ClockOffset)
		}
		now -= int64(500 * time.Millisecond)
	}
}

func TestExpiredDecisionsGiveTheirMemoryBack(t *testing.T) {
	f, _ := newCluster(t, nil)
	d := f.t.options.Decisions
	for i := range 1000 {
		f.decide(fmt.Sprint("/shop/1.0.0:1.0.0_condition_", i))
	}
	d.Sweep()
	if n := d.Stats().Keys; n != 1000 {
		t.Fatalf("%d held", n)
	}
	f.now += int64(2 * time.Minute)
	d.Sweep()
	groups := 0
	for i := range d.shards {
		groups += len(d.shards[i].groups)
	}
	if n := d.Stats().Keys; n != 0 || groups != 0 {
		t.Errorf("%d keys, %d groups left", n, groups)
	}
}

// A manager that serves many projects decides about resources that this gateway
// does not have; taking them in must not cost more the more there are.
func TestDecisionsAboutManyResourcesAreTakenInFast(t *testing.T) {
	f, _ := newCluster(t, nil)
	began := time.Now()
	for i := range 100_000 {
		f.decide(fmt.Sprintf("/other/%d/1.0.0:1.0.0_default", i))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("100000 decisions took %v", took)
	}
}

func TestRequestsAndDecisionsAtTheSameTime(t *testing.T) {
	f, _ := newCluster(t, func(_ *spec.Gateway, o *Options) { o.Publish = func(e *Event) { e.AppendJSON(nil) } })
	g := f.grant(caller("app", "kim", ""), 0, "Default")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 500 {
				if i%2 == 0 {
					f.send(g, 0, "10.0.0.1")
					continue
				}
				f.decide(fmt.Sprint("app", n%7))
				f.decide("/shop/1.0.0:1.0.0_default")
				f.t.options.Decisions.Apply(&event.Block{Kind: event.BlockUser, Value: fmt.Sprint(n), Active: n%2 == 0})
				f.t.options.Decisions.Sweep()
			}
		})
	}
	group.Wait()
}

func TestEventsSayWhatTheContractWants(t *testing.T) {
	f, events := newCluster(t, func(g *spec.Gateway, o *Options) {
		g.APIs[0].ServiceName, g.APIs[0].Operations[0].Tier = "shop__1_0_0", "Gold"
		g.APIs[1].Tier = "Silver"
		o.EventHeaders, o.EventQueries, o.EventClaims = true, true, true
	})
	p := caller("2", "kim", "")
	p.Tenant = "here.com"
	p.Claims = map[string]any{"level": "7"}
	x := f.request(f.grant(p, 0, "Gold"), 0, "192.168.1.1")
	x.Request.Add("X-\"Odd\\", "va\"l\\ue\x01é\xff")
	x.Query = []byte("a=1&b=%20x&a=2&=none")
	x.Properties = []exchange.Property{{Name: "tier", Value: "blue"}}
	f.t.Check(x)
	f.t.Publish(x)
	f.t.Done(x)
	f.send(f.grant(caller("9", "lee", "Gold"), 1, "Default"), 2, "10.0.0.1")
	f.send(f.grant(nobody, 0, spec.TierUnauthenticated), 0, "2001:db8::1")
	for i, want := range []event.Event{
		{
			AppKey: "2", AppTier: "Unlimited", APIKey: "/shop/1.0.0:1.0.0", APITier: "",
			SubscriptionKey: "2:/shop:1.0.0", SubscriptionTier: "Gold",
			ResourceKey: "/shop/1.0.0/items/{id}:GET", ResourceTier: "Gold",
			UserID: "kim", APIContext: "/shop", APIVersion: "1.0.0", AppTenant: "here.com", APITenant: "carbon.super",
			AppID: "2", APIName: "shop__1_0_0",
			Properties: `{"ip":3232235777,"ipv6":0,"X-\"Odd\\":"va\"l\\ue` + "\\u0001é\ufffd" + `","b":" x","a":"2","level":"7","tier":"blue"}`,
		},
		{
			AppKey: "9", AppTier: "Gold", APIKey: "/pets/2:2", APITier: "Silver",
			SubscriptionKey: "9:/pets/2:2", SubscriptionTier: "Default",
			ResourceKey: "/pets/2:2", ResourceTier: "Silver",
			UserID: "lee", APIContext: "/pets/2", APIVersion: "2", AppTenant: "carbon.super", APITenant: "carbon.super",
			AppID: "9", Properties: `{"ip":167772161,"ipv6":0}`,
		},
		{
			AppKey: "2001:db8::/64:anonymous", AppTier: "Unlimited", APIKey: "/shop/1.0.0:1.0.0",
			SubscriptionKey: "2001:db8::/64:/shop:1.0.0", SubscriptionTier: "Unauthenticated",
			ResourceKey: "/shop/1.0.0/items/{id}:GET", ResourceTier: "Gold",
			UserID: "anonymous", APIContext: "/shop", APIVersion: "1.0.0", AppTenant: "__unknown__", APITenant: "carbon.super",
			AppID: "2001:db8::/64", APIName: "shop__1_0_0", Properties: `{"ipv6":"42540766411282592856903984951653826561","ip":0}`,
		},
	} {
		got, err := event.ParseEvents([]byte((*events)[i]))
		if err != nil {
			t.Fatalf("%v: %s", err, (*events)[i])
		}
		if len(got[0].MessageID) != 36 {
			t.Errorf("messageID %q", got[0].MessageID)
		}
		if got[0].MessageID = ""; got[0] != want {
			t.Errorf("event %d:\ngot  %+v\nwant %+v", i, got[0], want)
		}
		if !json.Valid([]byte(got[0].Properties)) {
			t.Errorf("properties are not JSON: %s", got[0].Properties)
		}
	}
}

func TestTheClusterCostsARequestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	buf := make([]byte, 0, 8192)
	f, _ := newCluster(t, func(g *spec.Gateway, o *Options) {
		g.Policies.Subscription[1].Count = 1_000_000
		o.Publish = func(e *Event) { buf = e.AppendJSON(buf[:0]) }
	})
	f.decide("somebody else")
	f.decide("/shop/1.0.0:1.0.0_condition_1", event.Group{Headers: &event.Patterns{Values: map[string]string{"X-Kind": "bot"}}})
	f.t.options.Decisions.Apply(&event.KeyTemplate{Template: "$userId:$apiContext"})
	f.t.options.Decisions.Apply(&event.Block{Kind: event.BlockUser, Value: "lee", Active: true})
	for name, x := range map[string]*exchange.Exchange{
		"known":   f.request(f.grant(caller("a", "u", ""), 0, "Unlimited"), 0, "10.0.0.1"),
		"unknown": f.request(f.grant(nobody, 0, spec.TierUnauthenticated), 0, "10.0.0.1"),
	} {
		if n := testing.AllocsPerRun(200, func() { f.t.Check(x); f.t.Publish(x); f.t.Done(x) }); n != 0 || x.Code != 0 {
			t.Errorf("%s caller: %v allocations, code %d", name, n, x.Code)
		}
	}
}

func BenchmarkClusterDecisions(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 8192)
	f, _ := newCluster(b, func(_ *spec.Gateway, o *Options) { o.Publish = func(e *Event) { buf = e.AppendJSON(buf[:0]) } })
	for i := range 100_000 {
		f.decide(fmt.Sprint("key", i))
	}
	x := f.request(f.grant(caller("a", "u", ""), 0, "Unlimited"), 0, "10.0.0.1")
	for b.Loop() {
		f.t.Check(x)
		f.t.Publish(x)
		f.t.Done(x)
	}
}
