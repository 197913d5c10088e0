package backend

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// breaker leaves a target alone that fails too often (contract 2.3). It opens
// when, of at least as many requests in the rolling window as the volume
// threshold, a larger part than the failure threshold failed: with one of the
// statuses, or without an answer. After the reset time one request is let
// through; its outcome closes or opens the breaker again.
type breaker struct {
	machine  *gobreaker.CircuitBreaker[struct{}]
	statuses []int
	opened   atomic.Uint64 // how often
	until    atomic.Int64  // nothing is let through
	turned   atomic.Bool   // the state has changed since it was last told
}

var (
	errOpen     = errors.New("the circuit breaker is open")
	errStatus   = errors.New("the backend answered with a status that is not passed on")
	errInnocent = errors.New("the backend is not to blame")
)

func newBreaker(s *spec.CircuitBreaker, now func() int64) *breaker {
	b := &breaker{statuses: s.StatusCodes}
	// No reset time is one that is over at once.
	reset := max(time.Duration(s.ResetMillis)*time.Millisecond, 1)
	b.machine = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Interval:     time.Duration(s.WindowMillis) * time.Millisecond,
		BucketPeriod: time.Duration(s.BucketMillis) * time.Millisecond,
		Timeout:      reset,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			ended := c.TotalSuccesses + c.TotalFailures
			return ended >= uint32(s.VolumeThreshold) && float64(c.TotalFailures) > s.FailureThreshold*float64(ended)
		},
		IsExcluded: func(err error) bool { return err == errInnocent },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.opened.Add(1)
				b.until.Store(now() + int64(reset))
			}
			b.turned.Store(true)
		},
	})
	return b
}

// run makes an attempt, unless the breaker is open.
func (b *breaker) run(x *exchange.Exchange, attempt func() error) error {
	err := errOpen
	_, _ = b.machine.Execute(func() (struct{}, error) {
		err = attempt()
		return struct{}{}, b.verdict(x, err)
	})
	return err
}

func (b *breaker) verdict(x *exchange.Exchange, err error) error {
	switch {
	case err == nil && slices.Contains(b.statuses, x.Status):
		return errStatus
	case err != nil && !blamed(x, err):
		return errInnocent
	}
	return err
}

// blamed tells whether an attempt failed because of its target: not of the
// client, of a limit, or of what this gateway has in use.
func blamed(x *exchange.Exchange, err error) bool {
	var attempt *exchange.AttemptError
	return errors.As(err, &attempt) && attempt.Body == nil && !attempt.Busy && x.Client.Context().Err() == nil
}

// reopens is when the first of the open breakers lets a request through.
func (e *endpoint) reopens() (at int64) {
	for _, t := range e.set.Load().targets {
		if t.breaker != nil {
			if until := t.breaker.until.Load(); at == 0 || until < at {
				at = until
			}
		}
	}
	return at
}
