package openapi

import (
	"fmt"

	"mgw/runtime/spec"
)

// readAdvanced reads advanceEndpointConfig, its names and defaults as in
// contract section 2.3.
func (r *reader) readAdvanced(v value) spec.Advanced {
	known := []string{"timeoutInMillis", "retryConfig", "circuitBreaker", "poolConfig"}
	if !v.exists() || !r.fields(v, "advanceEndpointConfig", known) {
		return spec.Advanced{}
	}
	return spec.Advanced{
		TimeoutMillis:  int(r.intField(v.get("timeoutInMillis"), "timeoutInMillis", 1, 0)),
		Retry:          r.readRetry(v.get("retryConfig")),
		CircuitBreaker: r.readBreaker(v.get("circuitBreaker")),
		Pool:           r.readPool(v.get("poolConfig")),
	}
}

// maxRetries is more than anybody should send again.
const maxRetries = 100

func (r *reader) readRetry(v value) *spec.Retry {
	known := []string{"count", "intervalInMillis", "backOffFactor", "maxWaitIntervalInMillis", "statusCodes"}
	if !v.exists() || !r.fields(v, "retryConfig", known) {
		return nil
	}
	retry := &spec.Retry{
		Count:             int(r.intField(v.get("count"), "count", 0, 0)),
		IntervalMillis:    int(r.intField(v.get("intervalInMillis"), "intervalInMillis", 0, 0)),
		BackOffFactor:     r.numberField(v.get("backOffFactor"), "backOffFactor", 0, 100),
		MaxIntervalMillis: int(r.intField(v.get("maxWaitIntervalInMillis"), "maxWaitIntervalInMillis", 0, 0)),
		StatusCodes:       r.statusCodes(v.get("statusCodes")),
	}
	if retry.Count > maxRetries {
		r.want(v.get("count"), "count", fmt.Sprintf("at most %d", maxRetries))
	}
	return retry
}

func (r *reader) readBreaker(v value) *spec.CircuitBreaker {
	known := []string{"rollingWindow", "failureThreshold", "resetTimeInMillis", "statusCodes"}
	if !v.exists() || !r.fields(v, "circuitBreaker", known) {
		return nil
	}
	w := v.get("rollingWindow")
	if w.exists() {
		r.fields(w, "rollingWindow", []string{"requestVolumeThreshold", "timeWindowInMillis", "bucketSizeInMillis"})
	}
	b := &spec.CircuitBreaker{
		VolumeThreshold:  int(r.intField(w.get("requestVolumeThreshold"), "requestVolumeThreshold", 0, 10)),
		WindowMillis:     int(r.intField(w.get("timeWindowInMillis"), "timeWindowInMillis", 1, 60_000)),
		BucketMillis:     int(r.intField(w.get("bucketSizeInMillis"), "bucketSizeInMillis", 1, 10_000)),
		FailureThreshold: r.numberField(v.get("failureThreshold"), "failureThreshold", 0, 1),
		ResetMillis:      int(r.intField(v.get("resetTimeInMillis"), "resetTimeInMillis", 0, 0)),
		StatusCodes:      r.statusCodes(v.get("statusCodes")),
	}
	if b.BucketMillis > b.WindowMillis {
		at := w.get("bucketSizeInMillis")
		if !at.exists() {
			at = w.get("timeWindowInMillis")
		}
		r.errorf(at, "bucketSizeInMillis (%d) must not exceed timeWindowInMillis (%d)", b.BucketMillis, b.WindowMillis)
	}
	if b.WindowMillis/b.BucketMillis > maxBuckets {
		r.errorf(w, "the rolling window has %d buckets: at most %d are supported", b.WindowMillis/b.BucketMillis, maxBuckets).
			hint("a longer bucketSizeInMillis, or a shorter timeWindowInMillis")
	}
	return b
}

// maxBuckets bounds the memory of a rolling window.
const maxBuckets = 1000

// readPool fills in the defaults, as the values that stand for them (0 or -1)
// differ from field to field.
func (r *reader) readPool(v value) *spec.Pool {
	known := []string{"maxActiveConnections", "maxIdleConnections", "waitTimeInMillis", "maxActiveStreamsPerConnection"}
	if !v.exists() || !r.fields(v, "poolConfig", known) {
		return nil
	}
	p := &spec.Pool{
		MaxActive:  int(r.intField(v.get(known[0]), known[0], -1, -1)),
		MaxIdle:    int(r.intField(v.get(known[1]), known[1], -1, -1)),
		WaitMillis: int(r.intField(v.get(known[2]), known[2], -1, -1)),
		MaxStreams: int(r.intField(v.get(known[3]), known[3], -1, -1)),
	}
	if p.MaxActive == 0 {
		p.MaxActive = -1
	}
	if p.MaxIdle < 0 {
		p.MaxIdle = 100
	}
	if p.WaitMillis < 0 {
		p.WaitMillis = 30_000
	}
	if p.MaxStreams < 0 {
		p.MaxStreams = 50
	}
	return p
}

func (r *reader) numberField(v value, name string, low, high float64) float64 {
	if !v.exists() {
		return 0
	}
	f, ok := v.number()
	if !ok || !(f >= low && f <= high) {
		r.want(v, name, fmt.Sprintf("a number from %g to %g", low, high))
		return 0
	}
	return f
}

func (r *reader) statusCodes(v value) []int {
	if !v.exists() {
		return nil
	}
	if !v.isList() {
		r.want(v, "statusCodes", "a list of HTTP status codes")
		return nil
	}
	var codes []int
	for _, item := range v.items() {
		code, ok := item.integer()
		if !ok || code < 100 || code > 599 {
			r.want(item, "a status code", "a number from 100 to 599")
			continue
		}
		codes = append(codes, int(code))
	}
	return codes
}
