package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedianAndInterval(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("median of %v is %v", tc.values, got)
		}
	}
	if low, high := interval([]float64{1, 1, 1, 1, 1, 9}); low != 1 || high <= 1 || high > 9 {
		t.Errorf("from %v to %v", low, high)
	}
	if got := ratios([]float64{1, 4}, []float64{2, 2}); got[0] != 0.5 || got[1] != 2 {
		t.Errorf("ratios %v", got)
	}
}

func TestRunsWithErrorsDoNotCount(t *testing.T) {
	for out, want := range map[string]error{
		"Running\nRESULT {\"requests\":10,\"micros\":1000000,\"errors\":0,\"p50\":5,\"p99\":9}\n": nil,
		"RESULT {\"requests\":10,\"micros\":1000000,\"errors\":1}\n":                              errRefused,
		"RESULT {\"requests\":0,\"micros\":1000000,\"errors\":0}\n":                               errRefused,
	} {
		s, err := parseLoad(out)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v", out, err)
		}
		if err == nil && (s.rate() != 10 || s.P99 != 9) {
			t.Errorf("%+v", s)
		}
	}
	for _, out := range []string{"", "RESULT nothing\n"} {
		if _, err := parseLoad(out); err == nil {
			t.Errorf("%q was taken for a result", out)
		}
	}
}

func TestUsageSeesThisProcess(t *testing.T) {
	before, memory := usage(os.Getpid())
	for began := time.Now(); time.Since(began) < 30*time.Millisecond; {
		work(10)
	}
	if after, _ := usage(os.Getpid()); after <= before || memory < 1<<20 {
		t.Errorf("cpu from %v to %v, %d bytes", before, after, memory)
	}
}

func TestHalfTheLoadIsSpreadOverTheConnections(t *testing.T) {
	w := workload{connections: 64, half: true}
	if got := pause(w, 6400); got != "10.00" {
		t.Errorf("pause %s", got)
	}
	if got := pause(workload{connections: 64}, 6400); got != "0" {
		t.Errorf("pause %s without half", got)
	}
}

func TestAimsAreJudgedByMedianAndInterval(t *testing.T) {
	r := &result{placement: placements[0], workload: cases[0], samples: map[string][]*sample{}}
	for range 6 {
		r.samples["nginx"] = append(r.samples["nginx"], &sample{cpu: 10 * time.Microsecond})
		r.samples["ReverseProxy"] = append(r.samples["ReverseProxy"], &sample{cpu: 50 * time.Microsecond})
	}
	for _, tc := range []struct {
		micros []int
		memory int64
		nginx  string
		other  string
		in     string
	}{
		{[]int{10, 10, 11, 11, 11, 11}, 20 << 20, "1.10 (1.00 to 1.10): held", "0.22 (0.20 to 0.22): held", "20.0 (" + cases[0].name + "): held"},
		{[]int{10, 10, 10, 13, 13, 13}, 33 << 20, "1.15 (1.00 to 1.30): missed", "0.23 (0.20 to 0.26): held", "33.0 (" + cases[0].name + "): missed"},
		{[]int{20, 20, 20, 20, 20, 20}, 1 << 20, "2.00 (2.00 to 2.00): missed", "0.40 (0.40 to 0.40): missed", "1.0 (" + cases[0].name + "): held"},
	} {
		r.samples["gateway"] = nil
		for _, n := range tc.micros {
			r.samples["gateway"] = append(r.samples["gateway"], &sample{cpu: time.Duration(n) * time.Microsecond, memory: tc.memory})
		}
		var out strings.Builder
		printAims(&out, []*result{r})
		rows := strings.Split(out.String(), "\n")
		for i, want := range map[int]string{3: tc.nginx, 4: tc.other, 3 + len(aims): tc.in} {
			if !strings.HasSuffix(rows[i], "| "+want+" | not measured |") {
				t.Errorf("%s, want %s", rows[i], want)
			}
		}
	}
	for _, a := range aims {
		if !slices.ContainsFunc(cases, func(w workload) bool { return strings.Contains(w.name, a.cases) }) {
			t.Errorf("no case for %q", a.text)
		}
	}
}

func TestASoakFindsGrowthAllocationsAndGoroutinesLeft(t *testing.T) {
	sum := &sample{Requests: 1000, Micros: 20e6}
	before, after := &observed{Goroutines: 5}, &observed{Goroutines: 5, Places: map[string]int64{"a": 3, "b": 9}}
	samples := func(growth int64, mallocs uint64) (all []*observed) {
		for i := range int64(20) {
			all = append(all, &observed{at: time.Duration(i) * time.Second, resident: 100 + i*growth, Mallocs: uint64(i) * mallocs})
		}
		return all
	}
	for _, tc := range []struct {
		seen  []*observed
		after *observed
		want  bool
	}{
		{samples(0, 0), after, true},
		{samples(2, 0), after, false},
		{samples(0, 100), after, false},
		{samples(0, 44), after, true}, // what a look allocates
		{samples(0, 0), &observed{Goroutines: 6}, false},
	} {
		var out strings.Builder
		if got := printSoak(&out, sum, tc.seen, before, tc.after, 44); got != tc.want {
			t.Error(out.String())
		}
	}
	if got := mostObjects(map[string]int64{"b": 9}, map[string]int64{"a": 3, "b": 9, "c": 4}, 8); !slices.Equal(got, []string{"c", "a"}) {
		t.Error(got)
	}
}
