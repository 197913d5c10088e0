package trafficmanager

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/limit"
)

// benchEvents are requests of 500 callers of one API.
func benchEvents() []event.Event {
	all := make([]event.Event, 500)
	for i := range all {
		app := fmt.Sprint("app", i)
		all[i] = event.Event{
			MessageID: "0a1b2c3d-0000-4000-8000-000000000000", AppKey: app + ":user@carbon.super", AppTier: "Gold",
			APIKey: "/petstore/v1/1.0.5:1.0.5", SubscriptionKey: app + ":/petstore/v1:1.0.5", SubscriptionTier: "Silver",
			ResourceKey: "/petstore/v1/1.0.5/pet/{petId}:GET", ResourceTier: "Plain", UserID: "user@carbon.super",
			APIContext: "/petstore/v1", APIVersion: "1.0.5", AppTenant: "carbon.super", APITenant: "carbon.super",
			AppID: app, APIName: "Petstore__1_0_5", Properties: `{"ip":167772161,"ipv6":0}`,
		}
	}
	return all
}

const benchPolicies = `
applicationPolicies:
  - Gold: {count: 1000000000, unitTime: 1, timeUnit: min}
subscriptionPolicies:
  - Silver: {count: 1000000000, unitTime: 1, timeUnit: min}
resourcePolicies:
  - Plain: {count: 1000000000, unitTime: 1, timeUnit: min}
`

// BenchmarkEvents takes one event from the request's body to its counts.
func BenchmarkEvents(b *testing.B) {
	table := limit.New(limit.Budget{Verified: 64 << 20})
	p, err := compile(parsePolicies(b, benchPolicies), table)
	if err != nil {
		b.Fatal(err)
	}
	g := &engine{plan: p, ledger: newLedger(1000), commit: &committer{}, now: func() int64 { return 1e18 }}
	c := newReceiver(newQueue(10_000), newNodes(), g.now)
	counter, tally := newLocalCounter(table), newTally()
	body := string(bodyWith(benchEvents()...))
	var batches []*batch
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%500 != 0 { // one event is a 500th of a batch
			continue
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, eventPath, strings.NewReader(body)))
		batches = c.queue.take(batches[:0], nil)
		g.evaluate(batches, tally, counter)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkCount is the part of it that counts.
func BenchmarkCount(b *testing.B) {
	table := limit.New(limit.Budget{Verified: 64 << 20})
	p, err := compile(parsePolicies(b, benchPolicies), table)
	if err != nil {
		b.Fatal(err)
	}
	g := &engine{plan: p, ledger: newLedger(1000), commit: &committer{}, now: func() int64 { return 1e18 }}
	counter, tally := newLocalCounter(table), newTally()
	batches := []*batch{{events: benchEvents()}}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%500 == 0 {
			g.evaluate(batches, tally, counter)
		}
	}
}

// BenchmarkPosts sends batches of 50 events over TLS, four at a time.
func BenchmarkPosts(b *testing.B) {
	f := run(b, conf(b, b.TempDir(), noBroker), benchPolicies)
	body := string(bodyWith(benchEvents()[:50]...))
	b.SetParallelism(2)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if status, answer := f.ask(b, "POST", eventPath, body); status != 200 {
				b.Errorf("%d %s", status, answer)
				return
			}
		}
	})
	f.counted(b)
	b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
