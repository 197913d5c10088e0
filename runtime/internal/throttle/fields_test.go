package throttle

import (
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func field(x *exchange.Exchange, name string) string {
	value, _ := x.Response.Lookup(name)
	return string(value)
}

var fieldNames = []string{"Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}

func TestFieldsOfAnswers(t *testing.T) {
	const policies = `"application";q=5;w=60, "subscription";q=20;w=60`
	for _, tc := range []struct {
		name            string
		headers         string
		x               bool
		passed, refused [6]string
	}{
		{"by default on refusals", "", false, [6]string{},
			[6]string{"15", `"application";r=0;t=15`, `"application";q=5;w=60`}},
		{"always", HeadersAlways, false,
			[6]string{"", `"application";r=0;t=15, "subscription";r=15;t=15`, policies},
			[6]string{"15", `"application";r=0;t=15`, `"application";q=5;w=60`}},
		{"older names too", HeadersAlways, true,
			[6]string{"", `"application";r=0;t=15, "subscription";r=15;t=15`, policies, "5", "0", "15"},
			[6]string{"15", `"application";r=0;t=15`, `"application";q=5;w=60`, "5", "0", "15"}},
		{"off", HeadersOff, true, [6]string{}, [6]string{"15"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, func(_ *spec.Gateway, o *Options) { o.RateLimitHeaders, o.XRateLimitHeaders = tc.headers, tc.x })
			f.now += int64(45*time.Second + time.Millisecond)
			g := f.grant(caller("a", "u", "Silver"), 0, "Gold")
			f.passed(4, g, 0, "10.0.0.1")
			for i, want := range [][6]string{tc.passed, tc.refused} {
				x := f.request(g, 0, "10.0.0.1")
				if f.t.Check(x) != (i == 0) {
					t.Fatal("unexpected decision")
				}
				f.t.Announce(x)
				for j, name := range fieldNames {
					if got := field(x, name); got != want[j] {
						t.Errorf("request %d: %s: %s, want %s", i, name, got, want[j])
					}
				}
				f.t.Done(x)
			}
		})
	}
}

func TestFieldsTellWhatIsCounted(t *testing.T) {
	f := newFixture(t, func(g *spec.Gateway, o *Options) {
		o.RateLimitHeaders = HeadersAlways
		s := &g.Policies.Subscription[4]
		s.Quota = spec.Quota{Count: 1000, Bytes: true, Window: time.Hour}
		s.MaxConcurrent = 9
	})
	x := f.request(f.grant(caller("a", "u", ""), 0, "Gold"), 0, "10.0.0.1")
	f.t.Check(x)
	f.t.Announce(x)
	if got := field(x, "RateLimit-Policy"); got != `"subscription";q=1000;qu="content-bytes";w=3600, "concurrency";q=9;qu="concurrent-requests"` {
		t.Error(got)
	}
	if got := field(x, "RateLimit"); got != `"subscription";r=1000;t=1200, "concurrency";r=8` {
		t.Error(got)
	}
}

func TestRetryAfterOfEachAlgorithm(t *testing.T) {
	for algorithm, want := range map[spec.Algorithm]string{
		spec.FixedWindow: "30", spec.SlidingWindow: "60", spec.TokenBucket: "30",
	} {
		f := newFixture(t, func(g *spec.Gateway, _ *Options) {
			g.Policies.Subscription[4].Quota = spec.Quota{Count: 2, Window: time.Minute, Algorithm: algorithm}
		})
		f.now += int64(30 * time.Second)
		g := f.grant(caller("a", "u", ""), 0, "Gold")
		f.passed(2, g, 0, "10.0.0.1")
		x := f.request(g, 0, "10.0.0.1")
		f.t.Check(x)
		if got := field(x, "Retry-After"); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}
