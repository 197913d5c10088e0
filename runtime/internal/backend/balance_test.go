package backend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func TestTurnsFollowWeightsAndAreMixed(t *testing.T) {
	for _, tc := range []struct {
		weights []int
		want    string
	}{
		{[]int{1, 1, 1}, "012"}, {[]int{5, 5}, "01"}, {[]int{3, 1}, "0010"}, {[]int{4, 2}, "010"}, {[]int{5, 1, 1}, "0010200"}, {[]int{0, 1}, "01"}, {nil, ""},
	} {
		targets := make([]*target, len(tc.weights))
		for i, w := range tc.weights {
			targets[i] = &target{weight: w}
		}
		got := ""
		for _, i := range turns(targets) {
			got += string('0' + i)
		}
		if got != tc.want {
			t.Errorf("%v: %s, want %s", tc.weights, got, tc.want)
		}
	}
	heavy := turns([]*target{{weight: 65535}, {weight: 65534}, {weight: 1}})
	if len(heavy) > mostTurns+3 || !slices.Contains(heavy, 2) {
		t.Errorf("%d turns, or one without any", len(heavy))
	}
}

func asked(f *fake, host string) int { return strings.Count(strings.Join(f.asked, " "), host+"/") }

func TestTheLoadIsSharedByWeight(t *testing.T) {
	f := &fake{do: answer(200)}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}, Weights: []int{6, 3, 1}}), Transport: f})
	for range 100 {
		b.Forward(request("GET", "/"))
	}
	if asked(f, "a") != 60 || asked(f, "b") != 30 || asked(f, "c") != 10 {
		t.Errorf("%d, %d, %d of 100", asked(f, "a"), asked(f, "b"), asked(f, "c"))
	}
}

func TestTheIdlestTargetIsAsked(t *testing.T) {
	f := &fake{do: answer(200)}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{
		Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}, Algorithm: spec.LeastRequests, Weights: []int{2, 1, 1},
	}), Transport: f})
	var open []*exchange.Exchange
	begin := func() string {
		x := request("GET", "/")
		b.Forward(x)
		open = append(open, x)
		return x.Backend
	}
	counts := map[string]int{}
	for range 40 {
		counts[begin()]++
	}
	if counts["a"] != 20 || counts["b"] != 10 || counts["c"] != 10 {
		t.Errorf("of 40 that last: %v", counts)
	}
	for _, x := range open {
		if x.Backend == "c" {
			b.Done(x)
			b.Done(x) // once only
		}
	}
	for range 10 {
		if host := begin(); host != "c" {
			t.Errorf("%s was asked while c was idle", host)
		}
	}
	for _, x := range open {
		b.Done(x)
	}
	for _, s := range b.State()[0].Targets {
		if s.Flights != 0 {
			t.Errorf("%s: %d under way at the end", s.Host, s.Flights)
		}
	}
}

func TestFailuresAreNotUnderWay(t *testing.T) {
	f := &fake{do: func(exchange.Target, *exchange.Exchange) error { return errDown }}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{
		Type: spec.LoadBalance, URLs: []string{"http://a", "http://b"}, Algorithm: spec.LeastRequests,
	}), Transport: f})
	b.Forward(request("GET", "/"))
	for _, s := range b.State()[0].Targets {
		if s.Flights != 0 || s.State != "avoided" {
			t.Errorf("%+v", s)
		}
	}
}

func TestFailoverReturnsToTheFirst(t *testing.T) {
	now, up := int64(time.Hour), false
	f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
		if to.Host == "a" && !up {
			return errDown
		}
		x.Status = 200
		return nil
	}}
	b := mustNew(t, Options{
		Gateway: one(spec.Endpoint{Type: spec.Failover, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f, Now: func() int64 { return now },
	})
	for range 5 {
		b.Forward(request("GET", "/"))
	}
	if asked(f, "a") != 1 || asked(f, "b") != 5 || asked(f, "c") != 0 {
		t.Errorf("asked %q", f.asked)
	}
	up, now, f.asked = true, now+int64(firstHold), nil
	for range 5 {
		b.Forward(request("POST", "/"))
	}
	if asked(f, "a") != 5 || len(f.asked) != 5 {
		t.Errorf("asked %q", f.asked)
	}
}

func TestWhenNoneIsThoughtToLiveAllAreAsked(t *testing.T) {
	f := &fake{do: func(exchange.Target, *exchange.Exchange) error { return errDown }}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f})
	for range 2 {
		f.asked = nil
		x := request("POST", "/")
		if b.Forward(x); x.Status != 502 || len(f.asked) != 3 {
			t.Errorf("%d after %q", x.Status, f.asked)
		}
	}
	f.do = answer(200)
	x := request("POST", "/")
	if b.Forward(x); x.Status != 200 {
		t.Errorf("they live again, and the answer is %d", x.Status)
	}
}

// A target that takes requests and says nothing: those under way wait, and
// from then on nobody who could come to harm is sent there.
func TestASilentTargetCostsNoClientAnError(t *testing.T) {
	now := int64(time.Hour)
	silent := &exchange.AttemptError{Sent: true, Timeout: true, Err: errDown}
	f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
		if to.Host == "b" {
			return silent
		}
		x.Status = 200
		return nil
	}}
	b := mustNew(t, Options{
		Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f, Now: func() int64 { return now },
	})
	lost, tries := 0, 0
	for i := range 3000 {
		f.asked = nil
		x := request([]string{"POST", "GET", "PUT"}[i%3], "/")
		if b.Forward(x); x.Status != 200 {
			lost++
		}
		tries += asked(f, "b")
		now += int64(10 * time.Millisecond)
	}
	if lost > 1 || tries > 8 {
		t.Errorf("in 30 s %d requests lost, %d sent to the silent target", lost, tries)
	}
}
