package backend

import (
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// retry is retryConfig (contract 2.3), with what stands for a zero.
type retry struct {
	count    int
	interval time.Duration
	factor   float64
	most     time.Duration
	statuses []int
}

func newRetry(s *spec.Retry) *retry {
	if s == nil || s.Count <= 0 {
		return nil
	}
	r := &retry{
		count:    s.Count,
		interval: time.Duration(s.IntervalMillis) * time.Millisecond,
		factor:   s.BackOffFactor,
		most:     time.Duration(s.MaxIntervalMillis) * time.Millisecond,
		statuses: s.StatusCodes,
	}
	if r.factor <= 0 {
		r.factor = 1
	}
	if r.most <= 0 {
		r.most = time.Minute
	}
	return r
}

// on tells whether a status is one to try again on.
func (r *retry) on(status int) bool { return r != nil && slices.Contains(r.statuses, status) }

// wait is how long to wait before the nth retry, from 0 on.
func (r *retry) wait(n int) time.Duration {
	wait := float64(r.interval) * math.Pow(r.factor, float64(n))
	if wait > float64(r.most) { // infinity, too
		return r.most
	}
	return time.Duration(wait)
}

// mostCourse is how long after the first attempt of a request another may
// begin.
const mostCourse = 2 * time.Minute

// pause ends early, and gives false, when the client goes.
func pause(x *exchange.Exchange, wait time.Duration) bool {
	ctx := x.Client.Context()
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// mostKept bounds a request body that is kept to be sent again.
const mostKept = 64 << 10

// keep reads a short body as a whole, so that a request that may be retried
// can be. What a front holds of it anyway differs from front to front.
func (r *retry) keep(x *exchange.Exchange) error {
	m := &x.Request
	if r == nil || m.Body == nil || m.Length <= 0 || m.Length > mostKept || !idempotent(x.Method) {
		return nil
	}
	content := make([]byte, 0, m.Length)
	for {
		chunk, err := m.Body.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &exchange.AttemptError{Body: err} // nothing was sent
		}
		content = append(content, chunk...)
	}
	m.Body = &keptBody{content: content}
	return nil
}

// keptBody is a request body in memory.
type keptBody struct {
	content []byte
	read    bool
}

func (b *keptBody) Next() ([]byte, error) {
	if b.read || len(b.content) == 0 {
		return nil, io.EOF
	}
	b.read = true
	return b.content, nil
}

func (b *keptBody) Rewind() bool { b.read = false; return true }

// Abort has nobody to wake: it may come while another goroutine is inside Next.
func (b *keptBody) Abort(error) {}

// safe methods do nothing that repeating them could do twice (RFC 9110 section
// 9.2.1); idempotent ones end in the same state (section 9.2.2), and are
// repeated only where retryConfig asks for it.
func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

func idempotent(method string) bool { return safe(method) || method == "PUT" || method == "DELETE" }

// repeatable tells whether a request that a target may have acted upon may be
// sent again.
func (e *endpoint) repeatable(method string) bool {
	return safe(method) || e.retry != nil && idempotent(method)
}
