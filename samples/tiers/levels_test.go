package tiers_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

// orders and invoices are requests that meet only what their callers have.
func orders(token, from string) harness.Request {
	return harness.Request{URL: "/orders/list", Token: token, From: from}
}

func invoices(token, from string) harness.Request {
	return harness.Request{URL: "/invoices/list", Token: token, From: from}
}

// The tiers document: "both users are eligible for 20 requests per minute
// access to the API", and the application's 20 are for both.
func TestTwoUsersOfOneApplicationGetTwentyTogether(t *testing.T) {
	t.Parallel()
	kim := token(t, "--sub", "kim", "--app", "App1", "--app-tier", "Gold", "--tier", "Gold")
	lee := token(t, "--sub", "lee", "--app", "App1", "--app-tier", "Gold", "--tier", "Gold")
	other := token(t, "--sub", "kim", "--app", "App2", "--app-tier", "Gold", "--tier", "Gold")
	time.Sleep(harness.UntilWindow(time.Now(), time.Minute, 50*time.Second))
	spend(t, 20, 900803, orders(kim, "10.20.0.1"), invoices(lee, "10.20.0.2"))
	if a := send(t, orders(other, "10.20.0.1")); a.Status != 200 {
		t.Errorf("another application of the same user: %v", a)
	}
}

// With applicationUser each of them has the application's tier.
func TestUsersHaveATierEachWhereConfigured(t *testing.T) {
	t.Parallel()
	g := another(t, "--throttlingConfig.applicationKey=applicationUser")
	for _, user := range []string{"kim", "lee"} {
		r := orders(token(t, "--sub", user, "--app", "App3", "--app-tier", "Small", "--tier", "Gold"), "10.20.1.1")
		r.URL = g.HTTP + r.URL
		spend(t, 6, 900803, r)
	}
}

// another starts a second gateway of the same build.
func another(t *testing.T, flags ...string) *harness.Gateway {
	t.Helper()
	flags = append(flags, "--echo_prod_endpoint_0="+sample.Servers["echo"].URL)
	g, err := sample.StartGateway(t.Context(), sample.Dir, "demo/target/demo", flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Errorf("%v\n%s", err, g.Output())
		}
	})
	return g
}

func TestUnlimitedCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	g := another(t, "--throttlingConfig.enableUnlimitedTier=false")
	for tier, status := range map[string]int{"Unlimited": 500, "Member": 200} {
		r := orders(token(t, "--app", "free", "--tier", tier), "10.20.2.1")
		r.URL = g.HTTP + r.URL
		if a := send(t, r); a.Status != status || status == 500 && a.Code != 900809 {
			t.Errorf("%s: %v", tier, a)
		}
	}
}

func TestLevelsInTheirOrder(t *testing.T) {
	small := func(user string) string {
		return token(t, "--sub", user, "--app", "small", "--app-tier", "Small", "--tier", "Gold")
	}
	write := func(app string) harness.Request {
		return harness.Request{Method: "POST", URL: "/orders/write", Token: token(t, "--app", app, "--tier", "Unlimited"), From: "10.21.1.1"}
	}
	item := func(app, path string) harness.Request {
		return harness.Request{URL: "/catalog/2.0.0" + path, Token: token(t, "--app", app, "--tier", "Unlimited"), From: "10.21.2.1"}
	}
	get := func(path string) harness.Request {
		return harness.Request{URL: path, Token: token(t, "--app", "reader", "--tier", "Unlimited"), From: "10.21.3.1"}
	}
	trial := token(t, "--app", "trial", "--tier", "Trial")
	for _, tc := range []struct {
		name     string
		passing  int
		code     int
		requests []harness.Request
	}{
		{"application, over its APIs and users", 6, 900803, []harness.Request{orders(small("kim"), "10.21.0.1"), invoices(small("lee"), "10.21.0.2")}},
		{"resource, over applications", 3, 900802, []harness.Request{write("one"), write("two")}},
		{"API, over operations and applications", 8, 900800, []harness.Request{item("one", "/items"), item("two", "/items/7")}},
		{"subscription to one API", 2, 900804, []harness.Request{orders(trial, "10.21.0.3")}},
		{"subscription to the other API", 2, 900804, []harness.Request{invoices(trial, "10.21.0.3")}},
		{"sliding window", 3, 900802, []harness.Request{get("/orders/sliding")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := spend(t, tc.passing, tc.code, tc.requests...)
			// A sliding window remembers the hour before.
			if wait, err := strconv.Atoi(a.Fields.Get("Retry-After")); err != nil || wait < 1 || wait > 2*3600 {
				t.Errorf("Retry-After %q", a.Fields.Get("Retry-After"))
			}
		})
	}
	t.Run("what is refused at one level is charged at none", func(t *testing.T) {
		user := token(t, "--app", "careful", "--app-tier", "Small", "--tier", "Gold")
		for range 3 {
			if a := send(t, harness.Request{Method: "POST", URL: "/orders/write", Token: user, From: "10.21.4.1"}); a.Code != 900802 {
				t.Fatal(a)
			}
		}
		if left := remaining(t, "application", "GET", "/orders/list", "--token", user); left != 6 {
			t.Errorf("the application has %d left of 6", left)
		}
		if left := remaining(t, "custom", "GET", "/orders/list", "--token", user, "--ip", "10.21.4.1"); left != 40 {
			t.Errorf("the address has %d left of 40", left)
		}
	})
}

// However many come at once.
func TestNotOneMorePassesOfManyAtOnce(t *testing.T) {
	r := orders(token(t, "--app", "crowd", "--app-tier", "Small", "--tier", "Gold"), "10.28.0.1")
	r.URL = sample.Gateway.HTTP + r.URL
	var group sync.WaitGroup
	var passed, refused atomic.Int64
	for range 60 {
		group.Go(func() {
			switch a, err := r.Send(t.Context()); {
			case err == nil && a.Status == 200:
				passed.Add(1)
			case err == nil && a.Status == 429 && a.Code == 900803:
				refused.Add(1)
			default:
				t.Error(err, a)
			}
		})
	}
	group.Wait()
	if passed.Load() != 6 || refused.Load() != 54 {
		t.Errorf("%d passed and %d were refused, want 6 and 54", passed.Load(), refused.Load())
	}
}

func TestRulesForRoles(t *testing.T) {
	open := func(sub, role string) harness.Request {
		return harness.Request{URL: "/invoices/open", From: "10.29.0.1", Token: token(t, "--sub", sub, "--app", "office", "--tier", "Unlimited", "--role", role)}
	}
	spend(t, 3, 900810, open("kim", "partner"), open("lee", "staff,partner"))
	spend(t, 1, 900810, open("max", "staff"))
	spend(t, 1, 900810, open("ann", ""))
}

func TestBucketsAreRefilledSteadily(t *testing.T) {
	for name, tc := range map[string]struct {
		passing, code int
		request       harness.Request
	}{
		"resource tier": {3, 900802, harness.Request{URL: "/orders/bucket", Token: token(t, "--tier", "Unlimited"), From: "10.22.0.1"}},
		"burst":         {5, 900807, orders(token(t, "--app", "steady", "--tier", "Steady"), "10.22.0.2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := spend(t, tc.passing, tc.code, tc.request)
			wait, err := strconv.Atoi(a.Fields.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 4 {
				t.Fatalf("Retry-After %q, a token comes every 4 seconds", a.Fields.Get("Retry-After"))
			}
			time.Sleep(time.Duration(wait) * time.Second)
			if a := send(t, tc.request); a.Status != 200 {
				t.Errorf("after %d s: %v", wait, a)
			}
		})
	}
}

func TestBytesAreChargedWithWhatPassed(t *testing.T) {
	r := harness.Request{URL: "/orders/list?bytes=40000", From: "10.23.0.1",
		Token: token(t, "--app", "heavy", "--app-tier", "Volume", "--tier", "Unlimited")}
	spend(t, 3, 900803, r) // 40, 80, 120 of 100 KB
	if left := remaining(t, "application", "GET", "/orders/list", "--token", r.Token); left != 0 {
		t.Errorf("%d bytes left", left)
	}
}

func TestExceededQuotaMayPass(t *testing.T) {
	over := func() uint64 { return state(t).Limits.Over }
	before := over()
	marked := orders(token(t, "--app", "marked", "--tier", "Marked"), "10.24.0.1")
	for n := range 5 {
		if a := send(t, marked); a.Status != 200 {
			t.Fatalf("request %d: %v", n+1, a)
		}
	}
	if n := over() - before; n != 3 {
		t.Errorf("%d requests are counted as over the quota, want 3", n)
	}
}

// state asks the admin listener.
func state(t *testing.T) (s struct{ Limits struct{ Over uint64 } }) {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(sample.Dir, "demo/conf/admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	a := send(t, harness.Request{URL: sample.Admin + "/state", Token: strings.TrimSpace(string(secret))})
	if err := json.Unmarshal([]byte(a.Body), &s); err != nil || a.Status != 200 {
		t.Fatalf("%v: %v", err, a)
	}
	return s
}

func TestRolesMayBarATier(t *testing.T) {
	for _, tc := range []struct {
		tier, role string
		allowed    bool
	}{
		{"Partner", "partner", true},
		{"Partner", "guest,staff", true},
		{"Partner", "guest", false},
		{"Partner", "", false},
		{"Member", "", true},
		{"Member", "partner", true},
		{"Member", "partner,guest", false},
	} {
		a := send(t, orders(token(t, "--app", tc.tier+tc.role, "--tier", tc.tier, "--role", tc.role), "10.25.0.1"))
		switch {
		case tc.allowed && a.Status != 200:
			t.Errorf("%s for %q: %v", tc.tier, tc.role, a)
		case !tc.allowed && (a.Status != http.StatusForbidden || a.Code != 900812):
			t.Errorf("%s for %q: %v, want 403 and 900812", tc.tier, tc.role, a)
		}
	}
}

func TestTierThatNobodyKnows(t *testing.T) {
	if a := send(t, orders(token(t, "--tier", "Platinum", "--app", "rich"), "10.25.0.2")); a.Status != 500 || a.Code != 900809 {
		t.Error(a)
	}
}

func TestConditionsHaveCountsOfTheirOwn(t *testing.T) {
	user := token(t, "--app", "searcher", "--tier", "Unlimited")
	search := func(query, from string, fields map[string]string) harness.Request {
		if fields["Accept"] == "" {
			fields["Accept"] = "application/json"
		}
		return harness.Request{URL: "/orders/search" + query, Token: user, From: from, Fields: fields}
	}
	none := map[string]string{"User-Agent": "browser"}
	trial := search("", "10.26.0.1", none)
	trial.Token = token(t, "--app", "searcher", "--tier", "Unlimited", "--claim", "plan=trial")
	for _, tc := range []struct {
		name    string
		passing int
		request harness.Request
	}{
		{"address", 1, search("", "198.51.100.9", none)},
		{"header field", 2, search("", "10.26.0.1", map[string]string{"User-Agent": "crawler/2"})},
		{"query parameter", 3, search("?deep=true", "10.26.0.1", none)},
		{"claim", 1, trial},
		{"inverted", 5, search("", "10.26.0.1", map[string]string{"User-Agent": "browser", "Accept": "text/html"})},
		{"none of them", 4, search("?deep=false", "10.26.0.1", none)},
	} {
		t.Run(tc.name, func(t *testing.T) { spend(t, tc.passing, 900802, tc.request) })
	}
}

func TestAnswersTellWhatIsLeft(t *testing.T) {
	a := send(t, orders(token(t, "--app", "curious", "--app-tier", "Small", "--tier", "Gold"), "10.27.0.1"))
	if a.Status != 200 {
		t.Fatal(a)
	}
	for name, want := range map[string]string{
		"RateLimit":             `"application";r=5;t=`,
		"RateLimit-Policy":      `"application";q=6;w=3600`,
		"X-RateLimit-Limit":     "6",
		"X-RateLimit-Remaining": "5",
	} {
		if got := a.Fields.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
