package throttle

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// The tiers document's example, "How throttling tiers work".
func TestTwoUsersOfOneApplicationShareItsTierOverTwoAPIs(t *testing.T) {
	f := newFixture(t, nil)
	ann := f.grant(caller("App1", "ann", "Gold"), 0, "Gold")
	bob := f.grant(caller("App1", "bob", "Gold"), 1, "Gold")
	first, _ := f.passed(15, ann, 0, "10.0.0.1")
	second, code := f.passed(15, bob, 2, "10.0.0.2")
	if first+second != 20 || code != 900803 {
		t.Errorf("%d + %d passed, then %d", first, second, code)
	}
	f = newFixture(t, func(_ *spec.Gateway, o *Options) { o.ApplicationKey = KeyApplicationUser })
	ann, bob = f.grant(caller("App1", "ann", "Gold"), 0, "Gold"), f.grant(caller("App1", "bob", "Gold"), 1, "Gold")
	first, _ = f.passed(25, ann, 0, "10.0.0.1")
	if second, _ = f.passed(25, bob, 2, "10.0.0.2"); first != 20 || second != 20 {
		t.Errorf("each user: %d and %d passed", first, second)
	}
}

func TestEachLevelRefusesWithItsCodeAndTheFirstIsNamed(t *testing.T) {
	quota := func(n int64) spec.Quota { return spec.Quota{Count: n, Window: time.Minute} }
	for _, tc := range []struct {
		name     string
		change   func(*spec.Gateway)
		app, sub string
		code     int
		level    string
		passes   int
	}{
		{"application", func(*spec.Gateway) {}, "Silver", "Gold", 900803, "application", 5},
		{"resource", func(g *spec.Gateway) { g.APIs[0].Operations[0].Tier = "Silver" }, "Gold", "Gold", 900802, "resource", 5},
		{"API", func(g *spec.Gateway) { g.APIs[0].Tier = "Silver"; g.APIs[0].Operations[0].Tier = "Bronze" }, "Gold", "Gold", 900800, "api", 5},
		{"subscription", func(*spec.Gateway) {}, "Gold", "Silver", 900804, "subscription", 5},
		{"application before subscription", func(*spec.Gateway) {}, "Silver", "Silver", 900803, "application", 5},
		{"resource before subscription", func(g *spec.Gateway) { g.APIs[0].Operations[0].Tier = "Silver" }, "", "Silver", 900802, "resource", 5},
		{"burst", func(g *spec.Gateway) { q := quota(2); g.Policies.Subscription[4].Burst = &q }, "", "Gold", 900807, "burst", 2},
		{"custom", func(g *spec.Gateway) {
			g.Policies.Custom = []spec.CustomPolicy{{Name: "c", KeyTemplate: "$userId:$apiContext", Quota: quota(4)}}
		}, "", "Gold", 900806, "custom", 4},
		{"IP, first of all", func(g *spec.Gateway) {
			g.Policies.IP = []spec.IPPolicy{{Name: "p", Rules: []spec.IPRule{{Kind: spec.RuleIP, Other: true, Quota: quota(1)}}}}
			g.APIs[0].ThrottlePolicy = "p"
		}, "Bronze", "Bronze", 900810, "ip", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, func(g *spec.Gateway, _ *Options) { tc.change(g) })
			g := f.grant(caller("a", "u", tc.app), 0, tc.sub)
			passed, code := f.passed(30, g, 0, "10.0.0.1")
			if passed != tc.passes || code != tc.code {
				t.Errorf("%d passed, then %d", passed, code)
			}
			x := f.request(g, 0, "10.0.0.1")
			if f.t.Check(x) || x.Status != 429 || x.Level != tc.level {
				t.Errorf("status %d, level %q", x.Status, x.Level)
			}
			body, _ := x.Response.Body.Next()
			want := fmt.Sprintf(`{"fault":{"code":%d, "message":"Message throttled out", "description":"You have exceeded your quota"}}`, tc.code)
			if string(body) != want {
				t.Errorf("body %s", body)
			}
			f.now += int64(time.Minute)
			if code := f.send(g, 0, "10.0.0.1"); code != 0 {
				t.Errorf("in the next window: %d", code)
			}
			if n := f.t.Stats().Refused[tc.level]; n != uint64(30-tc.passes+1) {
				t.Errorf("%d refusals counted", n)
			}
		})
	}
}

func TestRefusedRequestsAreChargedNowhere(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) { g.APIs[0].Operations[0].Tier = "Bronze" })
	g := f.grant(caller("a", "u", "Gold"), 0, "Gold")
	f.passed(10, g, 0, "10.0.0.1")
	if passed, code := f.passed(30, g, 1, "10.0.0.1"); passed != 19 || code != 900803 {
		t.Errorf("the application had %d left, then %d", passed, code)
	}
}

func TestUnknownCallersAreLimitedByAddress(t *testing.T) {
	f := newFixture(t, nil)
	g := f.grant(nobody, 0, spec.TierUnauthenticated)
	for _, tc := range []struct {
		from string
		want int
	}{
		{"10.0.0.1", 3}, {"10.0.0.2", 3}, {"10.0.0.1", 0}, {"::ffff:10.0.0.1", 0},
		{"2001:db8::1", 3}, {"2001:db8::ffff:2", 0}, {"2001:db8:0:1::1", 3},
	} {
		passed, code := f.passed(4, g, 0, tc.from)
		if passed != tc.want || code != 900804 {
			t.Errorf("%s: %d passed, then %d", tc.from, passed, code)
		}
	}
	if passed, _ := f.passed(4, f.grant(nobody, 1, spec.TierUnauthenticated), 2, "10.0.0.1"); passed != 3 {
		t.Errorf("another API: %d passed", passed)
	}
}

func TestTiersThatNobodyKnows(t *testing.T) {
	for _, tc := range []struct {
		name     string
		app, sub string
		roles    []string
		change   func(*spec.Gateway, *Options)
		code     int
		status   int
	}{
		{"application", "Platinum", "Gold", nil, nil, 900809, 500},
		{"subscription", "Gold", "Platinum", nil, nil, 900809, 500},
		{"a traffic manager's", "Platinum", "Diamond", nil, func(_ *spec.Gateway, o *Options) { o.TrafficManager = true }, 0, 0},
		{"resource", "", "Gold", nil, func(g *spec.Gateway, _ *Options) { g.APIs[0].Operations[0].Tier = "x" }, 900809, 500},
		{"API", "", "Gold", nil, func(g *spec.Gateway, _ *Options) { g.APIs[0].Tier = "x" }, 900809, 500},
		{"API, a traffic manager's", "", "Gold", nil, func(g *spec.Gateway, o *Options) { g.APIs[0].Tier = "x"; o.TrafficManager = true }, 0, 0},
		{"unlimited", "Unlimited", "Unlimited", nil, nil, 0, 0},
		{"unlimited is off", "Unlimited", "Gold", nil, func(_ *spec.Gateway, o *Options) { o.RefuseUnlimited = true }, 900809, 500},
		{"no tier is none", "", "Gold", nil, func(_ *spec.Gateway, o *Options) { o.RefuseUnlimited = true }, 0, 0},
		{"role not allowed", "", "Gold", []string{"guest"}, func(g *spec.Gateway, _ *Options) {
			g.Policies.Subscription[4].Permissions.Allow = []string{"partner"}
		}, 900812, 403},
		{"role allowed", "", "Gold", []string{"guest", "partner"}, func(g *spec.Gateway, _ *Options) {
			g.Policies.Subscription[4].Permissions.Allow = []string{"partner"}
		}, 0, 0},
		{"role denied", "", "Gold", []string{"guest", "partner"}, func(g *spec.Gateway, _ *Options) {
			g.Policies.Subscription[4].Permissions.Deny = []string{"guest"}
		}, 900812, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, tc.change)
			p := caller("a", "u", tc.app)
			p.Roles = tc.roles
			x := f.request(f.grant(p, 0, tc.sub), 0, "10.0.0.1")
			if ok := f.t.Check(x); ok != (tc.code == 0) || x.Code != tc.code || x.Status != tc.status {
				t.Errorf("passed %v, code %d, status %d", ok, x.Code, x.Status)
			}
		})
	}
}

func TestUnlimitedInADefinitionIsRefusedWhenItIsOff(t *testing.T) {
	g := newFixture(t, nil).g
	g.APIs[0].Operations[0].Tier = spec.TierUnlimited
	if _, err := New(Options{Gateway: g, Now: func() int64 { return 0 }, RefuseUnlimited: true}); err == nil {
		t.Error("accepted")
	}
}

func TestARequestThatAuthDidNotSeeIsAnError(t *testing.T) {
	f := newFixture(t, nil)
	x := f.request(f.grant(nobody, 0, ""), 0, "10.0.0.1")
	x.Grant = nil
	if f.t.Check(x) || x.Status != 500 || x.Code != 900808 {
		t.Errorf("status %d, code %d", x.Status, x.Code)
	}
}

func TestLimitsThatDoNotStopLetPassAndTell(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) { g.Policies.Subscription[3].PassOnQuota = true })
	g := f.grant(caller("a", "u", ""), 0, "Silver")
	for i := range 8 {
		x := f.request(g, 0, "10.0.0.1")
		if !f.t.Check(x) || x.Charge.(*charge).over != (i >= 5) {
			t.Fatalf("request %d: code %d", i, x.Code)
		}
		f.t.Done(x)
	}
	if n := f.t.Stats().Over; n != 3 {
		t.Errorf("%d counted", n)
	}
}

func TestRefundsAreForTheSameWindowAndOnce(t *testing.T) {
	f := newFixture(t, nil)
	g := f.grant(caller("a", "u", "Bronze"), 0, "Gold")
	x := f.request(g, 0, "10.0.0.1")
	f.t.Check(x)
	f.t.Refund(x)
	f.t.Refund(x)
	f.t.Done(x)
	f.t.Refund(x)
	if passed, _ := f.passed(3, g, 0, "10.0.0.1"); passed != 1 {
		t.Errorf("%d passed after a refund", passed)
	}
	f.now += int64(time.Minute)
	late := f.request(g, 0, "10.0.0.1")
	f.t.Check(late)
	f.now += int64(time.Minute)
	f.send(g, 0, "10.0.0.1")
	f.t.Refund(late)
	f.t.Done(late)
	if code := f.send(g, 0, "10.0.0.1"); code != 900803 {
		t.Errorf("a refund of the window before counted: %d", code)
	}
}

func TestBytesAreChargedWhenTheyHavePassed(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) {
		g.Policies.Subscription[4].Quota = spec.Quota{Count: 1000, Bytes: true, Window: time.Minute}
	})
	g := f.grant(caller("a", "u", ""), 0, "Gold")
	for i, want := range []int{0, 0, 900804} {
		x := f.request(g, 0, "10.0.0.1")
		f.t.Check(x)
		x.BytesIn, x.BytesOut = 300, 400
		f.t.Done(x)
		if x.Code != want {
			t.Errorf("request %d: %d", i, x.Code)
		}
	}
}

func TestWhatIsInFlightIsBounded(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) {
		g.Policies.Subscription[4].MaxConcurrent = 2
		g.Policies.IP = []spec.IPPolicy{{Name: "p", MaxConcurrent: 3, Rules: []spec.IPRule{{Kind: spec.RuleIP, Other: true, Quota: spec.Quota{Unlimited: true}}}}}
		g.APIs[0].ThrottlePolicy = "p"
	})
	a, b := f.grant(caller("a", "u", ""), 0, "Gold"), f.grant(caller("b", "v", ""), 0, "Gold")
	var open []*exchange.Exchange
	start := func(g *exchange.Grant) int {
		x := f.request(g, 0, "10.0.0.1")
		if f.t.Check(x) {
			open = append(open, x)
		} else if got, _ := x.Response.Lookup("Retry-After"); string(got) != "1" || x.Level != "concurrency" {
			t.Errorf("Retry-After %q, level %s", got, x.Level)
		}
		return x.Code
	}
	for i, step := range []struct {
		g    *exchange.Grant
		want int
	}{{a, 0}, {a, 0}, {a, 900811}, {b, 0}, {b, 900811}} {
		if code := start(step.g); code != step.want {
			t.Errorf("step %d: %d, want %d", i, code, step.want)
		}
	}
	f.t.Done(open[0])
	f.t.Done(open[0])
	if start(b) != 0 || start(b) != 900811 {
		t.Error("not released exactly once")
	}
}

func TestExactlyNPassAllLevelsTogether(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) {
		g.APIs[0].Operations[0].Tier = "Silver"
		g.Policies.Subscription[4].MaxConcurrent = 1000
	})
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			g := f.grant(caller(fmt.Sprint("app", i%4), "u", "Gold"), 0, "Gold")
			for range 50 {
				if f.send(g, 0, "10.0.0.1") == 0 {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 5 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestRequestsCountWhenTheyArrived(t *testing.T) {
	f := newFixture(t, nil)
	g := f.grant(caller("a", "u", "Bronze"), 0, "Gold")
	x := f.request(g, 0, "10.0.0.1")
	x.Start = f.now - 1 // the window before
	if !f.t.Check(x) || f.send(g, 0, "10.0.0.1") != 0 {
		t.Error("counted in the window of the decision")
	}
	late := f.request(g, 0, "10.0.0.1")
	late.Start = f.now - 1
	if f.t.Check(late) {
		t.Error("the window before was opened again")
	}
}

func TestCountersGoOnAfterAReload(t *testing.T) {
	f := newFixture(t, nil)
	g := f.grant(caller("a", "u", "Silver"), 0, "Gold")
	f.passed(3, g, 0, "10.0.0.1")
	next, err := New(Options{Gateway: f.g, Now: f.t.options.Now, Before: f.t})
	if err != nil {
		t.Fatal(err)
	}
	f.t = next
	// The grant is still the one that the first Throttle prepared.
	if passed, _ := f.passed(5, g, 0, "10.0.0.1"); passed != 2 {
		t.Errorf("%d passed", passed)
	}
}

func TestAChangedLimitGoesOnWhereItStands(t *testing.T) {
	for _, tc := range []struct {
		name string
		tier spec.Quota
		left int // after three of five
	}{
		{"raised", spec.Quota{Count: 8, Window: time.Minute}, 5},
		{"lowered", spec.Quota{Count: 2, Window: time.Minute}, 0},
		{"other window", spec.Quota{Count: 5, Window: time.Hour}, 5},
		{"other algorithm", spec.Quota{Count: 5, Window: time.Minute, Algorithm: spec.SlidingWindow}, 5},
		{"removed", spec.Quota{Unlimited: true}, 20},
	} {
		f := newFixture(t, func(g *spec.Gateway, _ *Options) {
			g.Policies.Application = []spec.Tier{{Name: "T", Quota: spec.Quota{Count: 5, Window: time.Minute}}}
		})
		g := f.grant(caller("a", "u", "T"), 0, "Unlimited")
		if passed, _ := f.passed(3, g, 0, "10.0.0.1"); passed != 3 {
			t.Fatalf("%s: %d passed before", tc.name, passed)
		}
		changed := *f.g
		changed.Policies.Application = []spec.Tier{{Name: "T", Quota: tc.tier}}
		next, err := New(Options{Gateway: &changed, Now: f.t.options.Now, Before: f.t})
		if err != nil {
			t.Fatal(err)
		}
		f.t = next
		if passed, _ := f.passed(20, g, 0, "10.0.0.1"); passed != tc.left {
			t.Errorf("%s: %d passed, want %d", tc.name, passed, tc.left)
		}
	}
}

// skipIfPoolsForget is for the race detector, with which sync.Pool forgets on
// purpose.
func skipIfPoolsForget(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool forgets with the race detector")
	}
}

// everything gives a fixture whose caller meets each kind of level.
func everything(tb testing.TB) (*fixture, *exchange.Grant) {
	many := spec.Quota{Count: 1 << 40, Window: time.Minute}
	f := newFixture(tb, func(g *spec.Gateway, _ *Options) {
		p := &g.Policies
		p.Resource = []spec.Tier{{Name: "Gold", Quota: many}}
		p.Application = []spec.Tier{{Name: "Gold", Quota: many}}
		p.Subscription = []spec.Tier{
			{Name: "Gold", Quota: many, Burst: &many}, {Name: "Default", Quota: many}, {Name: spec.TierUnauthenticated, Quota: many},
		}
		p.Custom = []spec.CustomPolicy{{Name: "c", KeyTemplate: "$userId:$apiContext", Quota: many}}
		g.APIs[0].Operations[0].Tier = "Gold"
	})
	return f, f.grant(caller("a", "u", "Gold"), 0, "Gold")
}

func TestPassingAllocatesNothing(t *testing.T) {
	skipIfPoolsForget(t)
	f, g := everything(t)
	x := f.request(g, 0, "10.0.0.1")
	if n := testing.AllocsPerRun(1000, func() { f.t.Check(x); f.t.Done(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	x.Grant = f.grant(nobody, 0, spec.TierUnauthenticated)
	if n := testing.AllocsPerRun(1000, func() { f.t.Check(x); f.t.Done(x) }); n != 0 {
		t.Errorf("unknown caller: %v allocations", n)
	}
}

func TestRefusingAllocatesNothing(t *testing.T) {
	skipIfPoolsForget(t)
	f := newFixture(t, func(_ *spec.Gateway, o *Options) { o.XRateLimitHeaders = true })
	x := f.request(f.grant(caller("a", "u", "Bronze"), 0, "Gold"), 0, "10.0.0.1")
	if n := testing.AllocsPerRun(1000, func() {
		f.t.Check(x)
		f.t.Done(x)
		x.Response.Reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmark(b *testing.B, prepare func(*fixture, *exchange.Grant) *exchange.Exchange) {
	b.ReportAllocs()
	f, g := everything(b)
	x := prepare(f, g)
	x.Start = f.now
	for b.Loop() {
		if !f.t.Check(x) {
			b.Fatal(x.Code)
		}
		f.t.Done(x)
	}
}

// Application, resource, subscription, burst and custom on a cached grant.
func BenchmarkFiveLevels(b *testing.B) {
	benchmark(b, func(f *fixture, g *exchange.Grant) *exchange.Exchange { return f.request(g, 0, "10.0.0.1") })
}

func BenchmarkUnknownCaller(b *testing.B) {
	benchmark(b, func(f *fixture, _ *exchange.Grant) *exchange.Exchange {
		return f.request(f.grant(nobody, 0, spec.TierUnauthenticated), 0, "10.0.0.1")
	})
}

func BenchmarkRefusal(b *testing.B) {
	b.ReportAllocs()
	f := newFixture(b, nil)
	x := f.request(f.grant(caller("a", "u", "Bronze"), 0, "Gold"), 0, "10.0.0.1")
	for b.Loop() {
		f.t.Check(x)
		f.t.Done(x)
		x.Response.Reset()
	}
}
