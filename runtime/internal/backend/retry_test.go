package backend

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func retrying(r spec.Retry, urls ...string) *spec.Gateway {
	e := spec.Endpoint{Type: spec.HTTP, URLs: urls, Advanced: spec.Advanced{Retry: &r}}
	if len(urls) > 1 {
		e.Type = spec.LoadBalance
	}
	return one(e)
}

func TestWaitsGrowUpToABound(t *testing.T) {
	for _, tc := range []struct {
		r    spec.Retry
		want []time.Duration // ms
	}{
		{spec.Retry{Count: 4, IntervalMillis: 100, BackOffFactor: 2, MaxIntervalMillis: 500}, []time.Duration{100, 200, 400, 500}},
		{spec.Retry{Count: 2, IntervalMillis: 100}, []time.Duration{100, 100}},
		{spec.Retry{Count: 2}, []time.Duration{0, 0}},
		{spec.Retry{Count: 100, IntervalMillis: 1000, BackOffFactor: 100}, []time.Duration{1000, 60_000, 60_000}},
	} {
		r := newRetry(&tc.r)
		for n, want := range tc.want {
			if got := r.wait(n); got != want*time.Millisecond {
				t.Errorf("%+v: wait %d is %v", tc.r, n, got)
			}
		}
	}
	if r := newRetry(&spec.Retry{Count: 100, IntervalMillis: 1, BackOffFactor: 100}); r.wait(99) != time.Minute {
		t.Errorf("the hundredth: %v", r.wait(99))
	}
	if newRetry(nil) != nil || newRetry(&spec.Retry{}) != nil {
		t.Error("no count is no retry")
	}
}

func TestWhatIsRetried(t *testing.T) {
	reset := &exchange.AttemptError{Sent: true, Err: errors.New("reset")}
	for _, tc := range []struct {
		name    string
		method  string
		body    string
		err     error // nil: status 503
		want    int   // attempts
		status  int
		elapsed time.Duration
	}{
		{"a status", "GET", "", nil, 4, 503, 700 * time.Millisecond},
		{"a status to PUT", "PUT", "abc", nil, 4, 503, 700 * time.Millisecond},
		{"a status to DELETE", "DELETE", "", nil, 4, 503, 700 * time.Millisecond},
		{"a status to POST: it may have acted", "POST", "abc", nil, 1, 503, 0},
		{"a status to PATCH", "PATCH", "abc", nil, 1, 503, 0},
		{"nothing was sent", "POST", "abc", errDown, 4, 502, 700 * time.Millisecond},
		{"POST was sent", "POST", "abc", reset, 1, 502, 0},
		{"PUT was sent", "PUT", "abc", reset, 4, 502, 700 * time.Millisecond},
		{"the body failed", "PUT", "abc", &exchange.AttemptError{Body: io.ErrUnexpectedEOF}, 1, 499, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []string
			f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error {
				got = append(got, content(x))
				if tc.err == nil {
					x.Status = 503
				}
				return tc.err
			}}
			b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 3, IntervalMillis: 100, BackOffFactor: 2, StatusCodes: []int{503}}, "http://a")})
			x := request(tc.method, "/")
			if tc.body != "" {
				x.Request.SetBodyString(tc.body)
			}
			start := time.Now()
			b.Forward(x)
			if len(got) != tc.want || x.Status != tc.status || time.Since(start) != tc.elapsed {
				t.Errorf("%s: %d attempts, %d, %v", tc.name, len(got), x.Status, time.Since(start))
			}
			for i, body := range got {
				if body != tc.body {
					t.Errorf("%s: attempt %d has the body %q", tc.name, i, body)
				}
			}
		})
	}
}

// content reads the request's body.
func content(x *exchange.Exchange) (all string) {
	for x.Request.Body != nil {
		chunk, err := x.Request.Body.Next()
		if err != nil {
			break
		}
		all += string(chunk)
	}
	return all
}

func TestARetryGoesToAnotherTarget(t *testing.T) {
	f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
		if x.Status = 200; to.Host == "a" {
			x.Status = 503
		}
		return nil
	}}
	b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 1, StatusCodes: []int{503}}, "http://a", "http://b")})
	for range 10 {
		x := request("GET", "/")
		if b.Forward(x); x.Status != 200 || len(x.Response.Fields) != 0 {
			t.Errorf("%d", x.Status)
		}
	}
	if n := b.State()[0].Retries; n != 5 {
		t.Errorf("%d retries of 10 requests", n)
	}
}

func TestARetryEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{do: answer(503)}
		b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 3, IntervalMillis: 10_000, StatusCodes: []int{503}}, "http://a")})
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		x := request("GET", "/")
		x.Client = caller{ctx: canceled{ctx}}
		start := time.Now()
		if b.Forward(x); time.Since(start) != 15*time.Second || len(f.asked) != 2 || !x.Aborted || x.Status != 499 {
			t.Errorf("%d attempts in %v: %d", len(f.asked), time.Since(start), x.Status)
		}
	})
}

// canceled ends as the context of a client that left.
type canceled struct{ context.Context }

func (c canceled) Err() error {
	if c.Context.Err() != nil {
		return context.Canceled
	}
	return nil
}

func TestNoAttemptBeginsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{do: func(exchange.Target, *exchange.Exchange) error {
			time.Sleep(50 * time.Second)
			return &exchange.AttemptError{Sent: true, Timeout: true, Err: errDown}
		}}
		b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 100, IntervalMillis: 10}, "http://a")})
		x := request("GET", "/")
		if b.Forward(x); len(f.asked) != 3 || x.Status != 504 {
			t.Errorf("%d attempts of 50 s: %d", len(f.asked), x.Status)
		}
	})
}

func TestEachRetryNeedsAdmission(t *testing.T) {
	f := &fake{}
	f.do = func(_ exchange.Target, x *exchange.Exchange) error {
		if err := x.Admit(); err != nil {
			f.asked = f.asked[:len(f.asked)-1]
			return err
		}
		x.Status = 503
		x.Response.Add("X-Attempt", "1")
		return nil
	}
	b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 9, StatusCodes: []int{503}}, "http://a")})
	x := request("GET", "/")
	x.Admission = &bouncer{left: 3}
	if b.Forward(x); len(f.asked) != 3 || x.Status != 502 {
		t.Errorf("%d attempts, then %d", len(f.asked), x.Status)
	}
}

func TestLongBodiesAreNotKept(t *testing.T) {
	for length, want := range map[int]int{mostKept: 3, mostKept + 1: 1} {
		f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error {
			if n := len(content(x)); n != length {
				t.Errorf("%d bytes of %d", n, length)
			}
			x.Status = 503
			return nil
		}}
		b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 2, StatusCodes: []int{503}}, "http://a")})
		x := request("PUT", "/")
		x.Request.Body, x.Request.Length = &once{left: length}, int64(length)
		if b.Forward(x); len(f.asked) != want {
			t.Errorf("%d bytes: %d attempts", length, len(f.asked))
		}
	}
}

// once is a body that cannot be read twice.
type once struct{ left int }

func (o *once) Next() ([]byte, error) {
	if o.left == 0 {
		return nil, io.EOF
	}
	n := min(o.left, 10_000)
	o.left -= n
	return make([]byte, n), nil
}
func (o *once) Rewind() bool { return false }
func (o *once) Abort(error)  {}

func TestAnAnswerThatCameEarlyIsPassedOn(t *testing.T) {
	f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error { x.Status, x.Uploading = 503, true; return nil }}
	b := mustNew(t, Options{Transport: f, Gateway: retrying(spec.Retry{Count: 2, StatusCodes: []int{503}}, "http://a")})
	x := request("GET", "/")
	if b.Forward(x); len(f.asked) != 1 || x.Status != 503 {
		t.Errorf("%d attempts, %d", len(f.asked), x.Status)
	}
}
