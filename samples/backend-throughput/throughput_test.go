// Package throughput_test runs the sample: three gateways, Redis and the
// backend, each a process.
package throughput_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"mgw/samples/backend-throughput/fleet"
	"mgw/samples/internal/harness"
)

const (
	gateways = 3
	limit    = 200 // a second; a small machine runs other tests beside this one
)

var project *fleet.Project

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if _, err := exec.LookPath("redis-server"); err != nil {
		fmt.Println("left out:", err)
		if os.Getenv("CI") == "true" {
			return 1
		}
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var err error
	if project, err = fleet.Build(ctx, limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer project.Remove()
	return m.Run()
}

// start runs gateways that share a Redis; it is gone before they are.
func start(t *testing.T, flags ...string) (*fleet.Fleet, *fleet.Redis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	redis, err := project.StartRedis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redis.Kill() })
	f, err := project.Start(ctx, gateways, func(int) string { return redis.Address }, flags...)
	t.Cleanup(func() { end(t, f) })
	if err != nil {
		t.Fatal(err)
	}
	return f, redis
}

func end(t *testing.T, f *fleet.Fleet) {
	if err := f.End(); err != nil {
		t.Error(err)
	}
}

// at sends so many requests a second to the gateways, in turn.
func at(t *testing.T, f *fleet.Fleet, path string, rate float64, length time.Duration) (passed int) {
	t.Helper()
	n := len(f.Gateways)
	shots, err := fleet.Offer(t.Context(), f.Gateways, path, "", fleet.NewPlan(n, length, func(int, time.Duration) float64 { return rate / float64(n) }))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shots {
		switch s.Status {
		case 200:
			passed++
		case 503:
		default:
			t.Fatalf("a request was answered %d", s.Status)
		}
	}
	return passed
}

func counts(t *testing.T, f *fleet.Fleet, path string) fleet.Counts {
	t.Helper()
	c, err := f.Backend.Counts(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The gateways get more than the tier's forty each: had what the backend's
// limit refuses been charged to it, the answers would turn into 429.
func TestLongWindowLetsExactlyTheLimitThroughAllGateways(t *testing.T) {
	f, _ := start(t)
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, 20*time.Second))
	// A Redis that has just started empty may have forgotten what it granted,
	// and grants nothing of a long window for a second.
	passed := 0
	for deadline := time.Now().Add(10 * time.Second); passed == 0; {
		if passed = at(t, f, "/stock/audits", 6, time.Second); time.Now().After(deadline) {
			t.Fatal("nothing is let through")
		}
	}
	if passed += at(t, f, "/stock/audits", 300, 600*time.Millisecond); passed != 30 {
		t.Errorf("%d were let through, want 30", passed)
	}
	if c := counts(t, f, "/audits"); c.Reached != 30 {
		t.Errorf("%d reached the backend, want 30", c.Reached)
	}
	a, err := harness.Request{URL: f.Gateways[0].HTTP + "/stock/audits"}.Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := strconv.Atoi(a.Fields.Get("Retry-After"))
	left := int(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)).Seconds())
	if a.Status != 503 || a.Code != 900801 || err != nil || after < left-2 || after > left+2 {
		t.Errorf("%v, Retry-After %q, want 503, 900801 and %d seconds", a, a.Fields.Get("Retry-After"), left)
	}
}

func TestNoWindowHoldsMoreThanTheLimit(t *testing.T) {
	f, _ := start(t)
	passed := at(t, f, "/stock/levels", 3*limit, 4*time.Second)
	c := counts(t, f, "/levels")
	if int64(passed) != c.Reached {
		t.Errorf("%d were answered 200, %d reached the backend", passed, c.Reached)
	}
	most := int64(0)
	for window, n := range c.Windows {
		most = max(most, n)
		if n > limit || window == 0 {
			t.Errorf("%d requests with tokens of window %d", n, window)
		}
	}
	if most < limit*8/10 {
		t.Errorf("no window holds more than %d of %d", most, limit)
	}
}

func TestSmoothShapeHoldsItsBoundInEachSecond(t *testing.T) {
	f, _ := start(t)
	at(t, f, "/stock/prices", 3*limit, 3*time.Second)
	// The bound of the lease is of admission; on the way to the backend, and on
	// a busy machine in its queue, requests may draw nearer.
	const bound, late = limit * 109 / 100, limit / 10
	if c := counts(t, f, "/prices"); c.Busiest > bound+late || c.Reached < limit {
		t.Errorf("%d reached the backend, %d of them in one second; the bound is %d", c.Reached, c.Busiest, bound)
	}
}

func TestRequestWaitsForTheNextWindow(t *testing.T) {
	f, _ := start(t)
	if passed := at(t, f, "/stock/queue", 30, 150*time.Millisecond); passed != 4 {
		t.Errorf("%d of 4 were let through", passed)
	}
	for window, n := range counts(t, f, "/queue").Windows {
		if n > 2 {
			t.Errorf("%d requests with tokens of window %d", n, window)
		}
	}
}

// While Redis is away each gateway has its third; afterwards the limit is one
// again, however Redis came back.
func TestRedisIsKilledAndComesBackEmpty(t *testing.T) {
	f, redis := start(t)
	phase := func(name string, least int64) {
		t.Helper()
		if err := f.Backend.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		at(t, f, "/stock/levels", 3*limit, 4*time.Second)
		c, most := counts(t, f, "/levels"), int64(0)
		for window, n := range c.Windows {
			most = max(most, n)
			if n > limit {
				t.Errorf("%s: %d requests with tokens of window %d", name, n, window)
			}
		}
		if most < least {
			t.Errorf("%s: no window holds more than %d, want %d", name, most, least)
		}
	}
	phase("with Redis", limit*8/10)
	if err := redis.Kill(); err != nil {
		t.Fatal(err)
	}
	phase("without Redis", gateways*(limit/gateways)*8/10)
	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	phase("with an empty Redis", 1)
	phase("and later", limit*8/10)
}

func TestWithoutRedisEachGatewayHasTheWholeLimit(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f, err := project.Start(ctx, gateways, nil)
	defer end(t, f)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(harness.UntilWindow(time.Now(), time.Minute, 5*time.Second))
	if passed := at(t, f, "/stock/reports", 300, 300*time.Millisecond); passed != gateways*10 {
		t.Errorf("%d were let through, want %d", passed, gateways*10)
	}
	for _, g := range f.Gateways {
		if _, err := g.WaitLine(ctx, "counted by each node alone"); err != nil {
			t.Error(err)
		}
	}
}
