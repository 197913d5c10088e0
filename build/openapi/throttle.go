package openapi

import (
	"fmt"
	"strings"
	"time"

	"mgw/runtime/spec"
)

const (
	throughputExtension = "x-mgw-max-backend-throughput"
	concurrentExtension = "x-mgw-max-concurrent-backend"
)

var kinds = []string{"production", "sandbox"}

var timeUnits = map[string]time.Duration{
	"sec": time.Second, "min": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

// maxWindow keeps a window's length far from overflow.
const maxWindow = 366 * 24 * time.Hour

func (r *reader) readBackendLimits(v value) spec.BackendLimits {
	var limits spec.BackendLimits
	if t := v.get(throughputExtension); t.exists() && r.kindFields(t, throughputExtension) {
		r.readThroughput(t.get("production"), &limits.Production)
		r.readThroughput(t.get("sandbox"), &limits.Sandbox)
	}
	if c := v.get(concurrentExtension); c.exists() && r.kindFields(c, concurrentExtension) {
		r.readConcurrency(c.get("production"), &limits.Production)
		r.readConcurrency(c.get("sandbox"), &limits.Sandbox)
	}
	return limits
}

// kindFields checks that a mapping is of production and sandbox.
func (r *reader) kindFields(v value, name string) bool {
	if !r.fields(v, name, kinds) {
		return false
	}
	if len(v.pairs()) == 0 {
		r.errorf(v, "%s names neither production nor sandbox", name)
	}
	return true
}

func (r *reader) readThroughput(v value, limit *spec.BackendLimit) {
	if !v.exists() || !r.fields(v, throughputExtension, []string{"count", "unitTime", "timeUnit", "shape", maxWaitField}) {
		return
	}
	for _, needed := range []string{"count", "timeUnit"} {
		if !v.get(needed).exists() {
			r.errorf(v, "%s needs a %s", throughputExtension, needed)
			return
		}
	}
	limit.Count = r.intField(v.get("count"), "count", 1, 0)
	unit := r.timeUnit(v.get("timeUnit"))
	length := r.intField(v.get("unitTime"), "unitTime", 1, 1)
	if length > int64(maxWindow/unit) {
		r.errorf(v.get("unitTime"), "unitTime: a window of more than a year")
		length = 1
	}
	limit.Window = time.Duration(length) * unit
	limit.Smooth = r.shape(v.get("shape"))
	limit.MaxWait = r.maxWait(v.get(maxWaitField))
}

const maxWaitField = "maxWaitInMillis"

// maxMaxWait bounds how long requests may wait for a limit: each that waits
// holds a connection of its client.
const maxMaxWait = 10 * time.Second

func (r *reader) maxWait(v value) time.Duration {
	wait := time.Duration(r.intField(v, maxWaitField, 0, 0)) * time.Millisecond
	if wait > maxMaxWait {
		r.want(v, maxWaitField, fmt.Sprintf("at most %d", maxMaxWait.Milliseconds()))
		return 0
	}
	return wait
}

func (r *reader) timeUnit(v value) time.Duration {
	text, _ := v.scalar()
	if unit, ok := timeUnits[strings.ToLower(text)]; ok {
		return unit
	}
	r.want(v, "timeUnit", "one of sec, min, hour, day").hint(nearest(text, []string{"sec", "min", "hour", "day"}))
	return time.Second
}

func (r *reader) shape(v value) (smooth bool) {
	text, _ := v.scalar()
	switch {
	case !v.exists() || text == "window":
		return false
	case text == "smooth":
		return true
	}
	r.want(v, "shape", "window or smooth").hint(nearest(text, []string{"window", "smooth"}))
	return false
}

// readConcurrency accepts the number alone, or as count.
func (r *reader) readConcurrency(v value, limit *spec.BackendLimit) {
	if !v.exists() {
		return
	}
	if v.isMap() {
		if !r.fields(v, concurrentExtension, []string{"count"}) {
			return
		}
		if !v.get("count").exists() {
			r.errorf(v, "%s needs a count", concurrentExtension)
			return
		}
		v = v.get("count")
	}
	limit.MaxConcurrent = int(r.intField(v, concurrentExtension, 1, 0))
}
