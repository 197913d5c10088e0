package tiers_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

func public(path, from string) harness.Request {
	return harness.Request{URL: "/public" + path, From: from}
}

// The first document of the tiers page: 1 a minute for 10.1.1.1, 2 for each
// other address.
func TestPolicyDocumentLimitsAddresses(t *testing.T) {
	t.Parallel()
	time.Sleep(harness.UntilWindow(time.Now(), time.Minute, 50*time.Second))
	spend(t, 1, 900810, public("/login", "10.1.1.1"))
	spend(t, 2, 900810, public("/login", "10.1.1.2"))
	spend(t, 2, 900810, public("/login", "2001:db8:1:2::1"), public("/login", "2001:db8:1:2::2")) // of one network
	spend(t, 2, 900810, public("/login", "2001:db8:1:3::1"))
}

// The second one: 1000 requests under way at one time.
func TestPolicyDocumentLimitsWhatIsUnderWay(t *testing.T) {
	const most = 1000
	passed := hold(t, most, func(n int) harness.Request {
		return public("/upload?hold=thousand", fmt.Sprintf("10.30.%d.%d", n/250, n%250+1))
	})
	if a := send(t, public("/upload", "10.31.0.1")); a.Status != 429 || a.Code != 900811 {
		t.Errorf("request %d: %v, want 429 and 900811", most+1, a)
	}
	if a := send(t, public("/news", "10.31.0.1")); a.Status != 200 {
		t.Errorf("another operation: %v", a)
	}
	passed("thousand")
	if a := send(t, public("/upload", "10.31.0.1")); a.Status != 200 {
		t.Errorf("afterwards: %v", a)
	}
}

func TestOperationLimitsWhatIsUnderWay(t *testing.T) {
	user := token(t, "--app", "reporter", "--tier", "Unlimited")
	report := func(query string) harness.Request {
		return harness.Request{URL: "/orders/report" + query, Token: user, From: "10.32.0.1"}
	}
	passed := hold(t, 2, func(int) harness.Request { return report("?hold=report") })
	if a := send(t, report("")); a.Status != 429 || a.Code != 900811 {
		t.Errorf("third request: %v, want 429 and 900811", a)
	}
	passed("report")
	if a := send(t, report("")); a.Status != 200 {
		t.Errorf("afterwards: %v", a)
	}
}

// Clients that leave give their places back.
func TestPlacesOfClientsThatLeaveAreFree(t *testing.T) {
	user := token(t, "--app", "leaver", "--tier", "Unlimited")
	report := harness.Request{URL: sample.Gateway.HTTP + "/orders/report?hold=never", Token: user, From: "10.34.0.1"}
	ctx, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if a, err := report.Send(ctx); err == nil {
				t.Errorf("answered: %v", a)
			}
		})
	}
	awaitHeld(t, 2, nil)
	leave()
	group.Wait()
	report.URL = "/orders/report"
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := send(t, report)
		if a.Status == 200 {
			return
		}
		if a.Code != 900811 || time.Now().After(deadline) {
			t.Fatal(a)
		}
	}
}

// hold sends requests that the backend holds, and waits until it has them all.
// The function that it gives releases them and checks that all have passed.
func hold(t *testing.T, count int, request func(n int) harness.Request) (passed func(name string)) {
	t.Helper()
	var group sync.WaitGroup
	bad := make(chan string, count)
	for n := range count {
		r := request(n)
		r.URL = sample.Gateway.HTTP + r.URL
		group.Go(func() {
			if a, err := r.Send(t.Context()); err != nil || a.Status != 200 {
				bad <- fmt.Sprint(err, a)
			}
		})
	}
	awaitHeld(t, count, bad)
	return func(name string) {
		t.Helper()
		send(t, harness.Request{Method: http.MethodPost, URL: sample.Servers["echo"].URL + "/-/release?hold=" + name})
		group.Wait()
		close(bad)
		for what := range bad {
			t.Errorf("a request that was under way: %s", what)
		}
	}
}

// awaitHeld waits until the backend holds so many requests.
func awaitHeld(t *testing.T, count int, bad chan string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a := send(t, harness.Request{URL: sample.Servers["echo"].URL + "/-/held"})
		if strings.TrimSpace(a.Body) == fmt.Sprint(count) {
			return
		}
		if len(bad) > 0 || time.Now().After(deadline) {
			t.Fatalf("the backend holds %s requests, want %d; %d failed", strings.TrimSpace(a.Body), count, len(bad))
		}
	}
}

func TestRulesForAddresses(t *testing.T) {
	spend(t, 2, 900810, public("/office", "10.1.1.1"))
	spend(t, 4, 900804, public("/office", "10.200.0.1")) // allowed here, and Unauthenticated
	for _, from := range []string{"192.0.2.1", "192.0.2.9"} {
		if a := send(t, public("/office", from)); a.Status != 429 || a.Code != 900810 {
			t.Errorf("%s: %v, want 429 and 900810", from, a)
		}
	}
}

// After the second that the limit counts, the client stays barred for a time.
func TestRuleMayBarForATime(t *testing.T) {
	t.Parallel()
	r := public("/office", "203.0.113.77")
	if a := send(t, r); a.Status != 200 {
		t.Fatal(a)
	}
	began := time.Now()
	a := send(t, r)
	if time.Since(began) > 500*time.Millisecond {
		t.Skip("this machine is too busy to send two requests in one second")
	}
	for a.Status == 200 && time.Since(began) < time.Second { // the second had just ended
		a = send(t, r)
	}
	if a.Code != 900810 {
		t.Fatal(a)
	}
	barred := time.Now()
	for time.Since(barred) < 2*time.Second {
		if a := send(t, r); a.Code != 900810 {
			t.Fatalf("after %v: %v", time.Since(barred), a)
		}
		time.Sleep(100 * time.Millisecond)
	}
	for time.Since(barred) < 10*time.Second {
		if a := send(t, r); a.Status == 200 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the client stays barred after 10 seconds; prohibit is 3")
}

func TestKeyOfOnesOwnMaking(t *testing.T) {
	user := token(t, "--app", "busy", "--tier", "Unlimited")
	spend(t, 40, 900806, orders(user, "10.33.0.1"), invoices(user, "10.33.0.1"))
	if a := send(t, orders(user, "10.33.0.2")); a.Status != 200 {
		t.Errorf("from another address: %v", a)
	}
}

// Whoever is no trusted proxy is counted by where it really is.
func TestAddressCannotBePretended(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs 127.0.0.2")
	}
	var requests []harness.Request
	for n := range 6 {
		r := public("/news", fmt.Sprintf("203.0.113.%d", 100+n))
		r.Source = "127.0.0.2"
		requests = append(requests, r)
	}
	spend(t, 4, 900804, requests...)
	r := public("/news", "203.0.113.100")
	r.Source = "127.0.0.3"
	if a := send(t, r); a.Status != 200 {
		t.Errorf("another client: %v", a)
	}
}
