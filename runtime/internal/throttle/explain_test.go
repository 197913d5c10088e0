package throttle

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/spec"
)

func TestExplainListsEachLimitInOrder(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, _ *Options) {
		g.APIs[0].Operations[0].Tier = "Silver"
		burst := minutely(7)
		g.Policies.Subscription[4].Burst = &burst
		g.Policies.Subscription[4].MaxConcurrent = 3
		g.Policies.Custom = []spec.CustomPolicy{{Name: "c", KeyTemplate: "$userId:$clientIp", Quota: minutely(9)}}
		g.Policies.IP = []spec.IPPolicy{{Name: "p", Rules: []spec.IPRule{{Kind: spec.RuleIP, Other: true, Quota: minutely(8)}}}}
		g.APIs[0].ThrottlePolicy = "p"
	})
	g := f.grant(caller("7", "ann", "Bronze"), 0, "Gold")
	f.send(g, 0, "10.0.0.1")
	e := f.t.Explain(f.request(g, 0, "10.0.0.1"))
	want := []struct {
		level, tier, key string
		remaining        int64
	}{
		{"ip", "p/1", "/shop/1.0.0:1.0.0:10.0.0.1", 7},
		{"application", "Bronze", "7", 0},
		{"resource", "Silver", "/shop/1.0.0/items/{id}:GET", 4},
		{"subscription", "Gold", "7:/shop:1.0.0", 19},
		{"burst", "Gold", "7:/shop:1.0.0", 6},
		{"custom", "c", "ann:10.0.0.1", 8},
		{"concurrency", "Gold", "7:/shop:1.0.0", 3},
	}
	if len(e.Limits) != len(want) || e.Code != 0 {
		t.Fatalf("%+v", e)
	}
	for i, w := range want {
		l := e.Limits[i]
		if l.Level != w.level || l.Tier != w.tier || l.Key != w.key || l.Remaining != w.remaining {
			t.Errorf("%d: %+v, want %+v", i, l, w)
		}
	}
	if l := e.Limits[1]; l.Algorithm != "fixedWindow" || l.Window != time.Minute || l.Reset != time.Minute || l.Count != 1 {
		t.Errorf("%+v", l)
	}
	if again := f.t.Explain(f.request(g, 0, "10.0.0.1")); again.Limits[0].Remaining != 7 {
		t.Error("explaining charges")
	}
}

func TestExplainOfUnknownCallersAndTiers(t *testing.T) {
	f := newFixture(t, nil)
	e := f.t.Explain(f.request(f.grant(nobody, 0, spec.TierUnauthenticated), 0, "2001:db8::1"))
	if len(e.Limits) != 1 || e.Limits[0].Level != "unauthenticated" || e.Limits[0].Key != "2001:db8::/64:/shop:1.0.0" || e.Limits[0].Remaining != 3 {
		t.Errorf("%+v", e)
	}
	e = f.t.Explain(f.request(f.grant(caller("7", "ann", "Platinum"), 0, "Gold"), 0, "10.0.0.1"))
	if e.Code != 900809 {
		t.Errorf("%+v", e)
	}
	x := f.request(f.grant(nobody, 0, ""), 0, "10.0.0.1")
	x.Grant = nil
	if out, _ := json.Marshal(f.t.Explain(x)); string(out) != `{"limits":[]}` {
		t.Errorf("%s", out)
	}
}

func TestStatsAreReadableAsJSON(t *testing.T) {
	f := newFixture(t, nil)
	f.passed(3, f.grant(caller("7", "ann", "Bronze"), 0, "Gold"), 0, "10.0.0.1")
	out, err := json.Marshal(f.t.Stats())
	if err != nil || !strings.Contains(string(out), `"application":2`) {
		t.Errorf("%s, %v", out, err)
	}
	if s := f.t.Stats(); s.Verified.Keys != 2 || s.Address.Keys != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRunGivesMemoryBackUntilItIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.send(f.grant(caller("7", "ann", "Gold"), 0, "Gold"), 0, "10.0.0.1")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		f.now += int64(time.Minute)
		go func() { f.t.Run(ctx); close(done) }()
		time.Sleep(2 * sweepEvery)
		synctest.Wait()
		if s := f.t.Stats(); s.Verified.Keys != 0 {
			t.Errorf("%+v", s)
		}
		cancel()
		<-done
	})
}
