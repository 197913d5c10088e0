package cli

import (
	"encoding/json"
	"testing"
	"time"

	"mgw/runtime/spec"
)

func perMinute(n int64) spec.Quota { return spec.Quota{Count: n, Window: time.Minute} }

func TestTierText(t *testing.T) {
	burst := spec.Quota{Count: 5, Window: time.Second}
	for _, tc := range []struct {
		tier spec.Tier
		want string
	}{
		{spec.Tier{Quota: perMinute(20)}, "20 a minute"},
		{spec.Tier{Quota: spec.Quota{Unlimited: true}}, "unlimited"},
		{spec.Tier{Quota: spec.Quota{Count: 1, Window: time.Hour, Algorithm: spec.FixedWindow}}, "1 an hour"},
		{spec.Tier{Quota: spec.Quota{Count: 9, Window: 5 * time.Minute, Algorithm: spec.SlidingWindow}}, "9 every 5 minutes, sliding"},
		{spec.Tier{Quota: spec.Quota{Count: 9, Window: 14 * 24 * time.Hour, Algorithm: spec.TokenBucket}}, "9 every 2 weeks, token bucket"},
		{spec.Tier{Quota: spec.Quota{Count: 9, Window: 30 * 24 * time.Hour}}, "9 a month"},
		{spec.Tier{Quota: spec.Quota{Count: 9, Window: 90 * time.Second}}, "9 every 90 seconds"},
		{spec.Tier{Quota: spec.Quota{Count: 9, Window: 1500 * time.Millisecond}}, "9 every 1.5s"},
		{spec.Tier{Quota: spec.Quota{Count: 3 << 20, Bytes: true, Window: 24 * time.Hour}}, "3 MiB a day"},
		{spec.Tier{Quota: spec.Quota{Count: 1000, Bytes: true, Window: time.Second}}, "1000 bytes a second"},
		{spec.Tier{Quota: perMinute(20), Burst: &burst, MaxConcurrent: 3, PassOnQuota: true, Conditions: []spec.Condition{{Quota: perMinute(2)}}},
			"20 a minute; bursts of 5 a second; 3 at a time; 2 a minute under conditions; beyond it marked, not refused"},
	} {
		if got := tierText(tc.tier); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestTierAsJSON(t *testing.T) {
	burst := spec.Quota{Count: 5, Window: time.Second, Algorithm: spec.TokenBucket}
	tier := spec.Tier{Name: "Gold", Quota: perMinute(20), Burst: &burst, Permissions: spec.Permissions{Deny: []string{"guest"}}}
	got, err := json.Marshal(tierAsJSON(tier))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"Gold","count":20,"unit":"requests","windowSeconds":60,"algorithm":"fixedWindow","stopOnQuota":true,` +
		`"burst":{"count":5,"unit":"requests","windowSeconds":1,"algorithm":"tokenBucket"},"deny":["guest"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, _ = json.Marshal(tierAsJSON(spec.Tier{Name: "U", Quota: spec.Quota{Unlimited: true}}))
	if string(got) != `{"name":"U","unlimited":true,"stopOnQuota":true}` {
		t.Errorf("unlimited: %s", got)
	}
}
