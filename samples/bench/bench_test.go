package main

import (
	"errors"
	"os"
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
