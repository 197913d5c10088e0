package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/samples/backend-throughput/fleet"
)

func TestPlansOfferWhatTheySay(t *testing.T) {
	for _, tc := range []struct {
		name       string
		shape      shape
		all, first int // requests in eight seconds, and of the first gateway
	}{
		{"evenly", evenly(3), 24000, 2400},
		{"skewed", skewed(3), 24000, 4*2700 + 4*33},
		{"below", skewed(0.8), 6400, 4*720 + 4*9},
		{"bursts", bursts, 4 * (3000 + 850), 1540},
	} {
		b := &bench{Project: &fleet.Project{Limit: 1000}, gateways: 10}
		plan := b.plan(tc.shape, 8*time.Second)
		all := 0
		for _, due := range plan {
			all += len(due)
		}
		if !near(all, tc.all) || !near(len(plan[0]), tc.first) {
			t.Errorf("%s: %d in all, %d of the first gateway; want %d and %d", tc.name, all, len(plan[0]), tc.all, tc.first)
		}
	}
}

func near(n, want int) bool { return n >= want*99/100-10 && n <= want*101/100+10 }

func TestSharesLeaveOutTheFirstAndTheLastWindow(t *testing.T) {
	offered := map[int64]int64{1: 30, 2: 300, 3: 50, 4: 100, 5: 20}
	windows := map[int64]int64{1: 30, 2: 90, 3: 50, 4: 100, 5: 20}
	all, saturated := shares(offered, windows, 100)
	if !slices.Equal(all, []float64{0.9, 1, 1}) || !slices.Equal(saturated, []float64{0.9, 1}) {
		t.Errorf("%v, saturated %v", all, saturated)
	}
	if all, _ := shares(map[int64]int64{1: 1, 2: 1}, nil, 1); all != nil {
		t.Errorf("%v of two windows that were not loaded throughout", all)
	}
}

func TestPictureHasABarForEachSecondAndShowsWhatIsAboveTheLimit(t *testing.T) {
	svg := draw([]panel{{"local", []int64{300, 90}}, {"lease", []int64{100, 100}}}, 100)
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if bars, above := strings.Count(svg, "<title>"), strings.Count(svg, "#c9503c"); bars != 4 || above != 1 {
		t.Errorf("%d bars, %d above the limit:\n%s", bars, above, svg)
	}
}
