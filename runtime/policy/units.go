package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

const day = 24 * time.Hour

// unitNames are the names that messages mention, shortest first.
var unitNames = []string{"sec", "min", "hour", "day", "week", "month", "year"}

// unitOf reads a time unit without regard to case: contract 3.1's, seconds,
// their plurals and common short forms. A month has 30 days, a year 365.
func unitOf(name string) (time.Duration, bool) {
	switch strings.ToLower(name) {
	case "s", "sec", "secs", "second", "seconds":
		return time.Second, true
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute, true
	case "h", "hour", "hours":
		return time.Hour, true
	case "d", "day", "days":
		return day, true
	case "w", "week", "weeks":
		return 7 * day, true
	case "month", "months":
		return 30 * day, true
	case "y", "year", "years":
		return 365 * day, true
	}
	return 0, false
}

// longest bounds windows and prohibitions: the counters' times are nanoseconds
// in 64 bits.
const longest = 50 * 365 * day

// maxSliding is the largest count of a sliding window: two of them share a
// word.
const maxSliding = math.MaxInt32

// quota reads count or bytes, unitTime and timeUnit, algorithm. An amount that
// is absent gives an unlimited quota; whether that will do is the caller's.
func (f *fields) quota() (q spec.Quota, given bool) {
	_, hasCount := f.values["count"]
	_, hasBytes := f.values["bytes"]
	q.Count, _ = f.count("count", math.MaxInt64)
	if size, ok := f.bytes("bytes"); hasBytes {
		q.Bytes = true
		if ok {
			q.Count = size
		}
	}
	if hasCount && hasBytes {
		f.r.errorf(f.values["bytes"].key, "%s has both count and bytes: give one", f.what)
	}
	q.Window = f.window(hasCount || hasBytes)
	q.Algorithm = f.algorithm()
	if !hasCount && !hasBytes {
		return spec.Quota{Unlimited: true}, false
	}
	f.fits(q)
	return q, true
}

// fits reports an amount that the algorithm cannot count.
func (f *fields) fits(q spec.Quota) {
	switch {
	case q.Count == 0 || q.Window == 0: // reported already
	case q.Algorithm == spec.SlidingWindow && !q.Bytes && q.Count > maxSliding:
		f.r.errorf(f.values["count"].value, "count must be at most %d with algorithm slidingWindow", int64(maxSliding))
	case q.Algorithm == spec.TokenBucket && q.Count > int64(q.Window):
		f.r.errorf(f.values["algorithm"].value, "a tokenBucket gives at most one token in a nanosecond")
	}
}

// window reads unitTime and timeUnit.
func (f *fields) window(needed bool) time.Duration {
	unitTime, ok := f.count("unitTime", math.MaxInt64)
	name, node := f.text("timeUnit")
	unit, known := unitOf(name)
	switch {
	case !needed:
		for _, key := range []string{"unitTime", "timeUnit"} {
			if v, given := f.values[key]; given {
				f.r.errorf(v.key, "%s is without count or bytes", key)
			}
		}
		return 0
	case !f.has("unitTime"):
		f.r.errorf(f.node, "%s has no unitTime", f.what)
	}
	switch {
	case node == nil:
		f.r.errorf(f.node, "%s has no timeUnit", f.what)
	case !known:
		hint := diag.DidYouMean(name, unitNames)
		f.r.problem(node, diag.Error, hint, fmt.Sprintf("timeUnit must be one of %s, not %s", strings.Join(unitNames, ", "), kindOf(node)))
	case ok && unitTime > int64(longest/unit):
		f.r.errorf(f.values["unitTime"].value, "unitTime is too long: %d %s are more than 50 years", unitTime, name)
	case ok:
		return time.Duration(unitTime) * unit
	}
	return 0
}

func (f *fields) has(name string) bool {
	v, ok := f.values[name]
	return ok && !isNull(v.value)
}

var algorithms = []spec.Algorithm{spec.FixedWindow, spec.SlidingWindow, spec.TokenBucket}

func (f *fields) algorithm() spec.Algorithm {
	name, n := f.text("algorithm")
	if n == nil {
		return spec.FixedWindow
	}
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		if strings.EqualFold(string(a), name) {
			return a
		}
		names[i] = string(a)
	}
	f.r.problem(n, diag.Error, diag.DidYouMean(name, names),
		fmt.Sprintf("algorithm must be one of %s, not %s", strings.Join(names, ", "), kindOf(n)))
	return spec.FixedWindow
}

// sizes are the units of bytes. As in WSO2's bandwidth policies, each is 1024
// of the one before, whether it is written KB or KiB.
var sizes = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}

// bytes reads a size such as 10MB.
func (f *fields) bytes(name string) (int64, bool) {
	s, n := f.text(name)
	if n == nil {
		return 0, false
	}
	digits := strings.TrimRight(s, "bBkKmMgGtTiI ")
	unit, known := sizes[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	amount, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case !known || err != nil && !strings.Contains(err.Error(), "range"):
		f.r.errorf(n, "%s must be a size such as 10MB, not %s", name, kindOf(n))
	case err != nil || amount > math.MaxInt64/unit:
		f.r.errorf(n, "%s is too large: %s", name, kindOf(n))
	case amount < 1:
		f.r.errorf(n, "%s must be 1 or more, not %s", name, kindOf(n))
	default:
		return amount * unit, true
	}
	return 0, false
}
