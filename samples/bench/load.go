package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed load.lua
var loadScript string

// sample is one run of wrk.
type sample struct {
	Requests int64 `json:"requests"`
	Micros   int64 `json:"micros"`
	Errors   int64 `json:"errors"` // of connections, and answers other than 2xx
	P50      int64 `json:"p50"`    // microseconds
	P99      int64 `json:"p99"`

	cpu    time.Duration // of the proxy, a request, by the reference clock
	memory int64         // resident bytes of the proxy
}

func (s *sample) rate() float64 { return float64(s.Requests) / (float64(s.Micros) / 1e6) }

// errRefused is a run that does not count.
var errRefused = errors.New("errors or answers other than 2xx")

// load runs wrk on a core.
func (l *lab) load(ctx context.Context, core int, url string, w workload, rate float64, length time.Duration) (*sample, error) {
	args := []string{"-c", strconv.Itoa(core), "wrk", "-t1", "-c" + strconv.Itoa(w.connections), "-d" + strconv.FormatFloat(length.Seconds(), 'f', 0, 64) + "s",
		"--timeout", "5s", "-s", l.path("load.lua"), url, "--", w.method, strconv.Itoa(w.body), l.authorization(w), pause(w, rate)}
	out, err := exec.CommandContext(ctx, "taskset", args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseLoad(string(out))
}

// pause gives the milliseconds that each connection waits on average between
// two requests, so that all together come to the rate; 0 for none.
func pause(w workload, rate float64) string {
	if !w.half || rate <= 0 {
		return "0"
	}
	return strconv.FormatFloat(1000*float64(w.connections)/rate, 'f', 2, 64)
}

// parseLoad reads the line that the script prints.
func parseLoad(out string) (*sample, error) {
	for line := range strings.Lines(out) {
		text, ok := strings.CutPrefix(line, "RESULT ")
		if !ok {
			continue
		}
		s := new(sample)
		if err := json.Unmarshal([]byte(text), s); err != nil {
			return nil, fmt.Errorf("wrk printed %q: %w", line, err)
		}
		if s.Errors > 0 || s.Requests == 0 {
			return s, fmt.Errorf("%w: %d of %d", errRefused, s.Errors, s.Requests)
		}
		return s, nil
	}
	return nil, fmt.Errorf("wrk printed no result:\n%s", out)
}
