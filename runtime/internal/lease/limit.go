package lease

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrSpent says that the limit has no token for the request; RetryAfter of the
// limit tells when to come again.
var ErrSpent = errors.New("limit reached")

// Limit is one limit on this node. All methods are safe for concurrent use.
type Limit struct {
	spec   Spec
	leases *Leases
	local  bool // no Redis: a limit of this node
	hot    hot

	kicked  atomic.Bool
	waiting atomic.Int64 // requests in queue
	usedAt  atomic.Int64 // when it was looked up last

	mu    sync.Mutex // guards what follows; never held during I/O
	m     *machine
	queue []*waiter // in the order of arrival

	when  int64 // the runner's: when to look next, and the place among its timers
	index int
}

// waiter is a request that waits for a token.
type waiter struct {
	token chan Token // one place; closed: none will come
}

// maxQueue bounds the requests that wait for one limit.
const maxQueue = 4096

// Take gives a token if one is in hand. It never waits, locks or allocates.
func (l *Limit) Take() (Token, bool) {
	mono, wall := l.leases.now()
	if l.local {
		return l.takeLocal(mono)
	}
	if l.leases.apart(mono, wall) {
		return Token{}, false
	}
	t, ok := l.hot.take(mono)
	if !l.hot.spare(mono) {
		l.kick()
	}
	return t, ok
}

// Acquire gives a token: one in hand, or the next that comes, in the order of
// the requests that wait. It waits for one ask where tokens may be left, and
// for the limit's MaxWait where none are.
func (l *Limit) Acquire(ctx context.Context) (Token, error) {
	if l.waiting.Load() == 0 {
		if t, ok := l.Take(); ok {
			return t, nil
		}
	}
	patience := l.patience()
	if patience <= 0 {
		return Token{}, ErrSpent
	}
	return l.wait(ctx, patience)
}

// patience is how long a request that found no token waits.
func (l *Limit) patience() time.Duration {
	mono, _ := l.leases.now()
	if mono < l.hot.dry.Load() || l.local {
		return l.spec.MaxWait
	}
	return max(l.spec.MaxWait, askWait)
}

func (l *Limit) wait(ctx context.Context, patience time.Duration) (Token, error) {
	w := &waiter{token: make(chan Token, 1)}
	if !l.enqueue(w) {
		return Token{}, ErrSpent
	}
	l.kick()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var reason error
	select {
	case t, ok := <-w.token:
		if !ok {
			return Token{}, ErrSpent
		}
		return t, nil
	case <-timer.C:
		reason = ErrSpent
	case <-ctx.Done():
		reason = context.Cause(ctx)
	case <-l.leases.ended:
		reason = ErrSpent
	}
	if t, ok := l.abandon(w); ok { // it came at the same moment
		if ctx.Err() == nil {
			return t, nil
		}
		l.Return(t)
	}
	return Token{}, reason
}

func (l *Limit) enqueue(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxQueue {
		return false
	}
	l.queue = append(l.queue, w)
	l.waiting.Store(int64(len(l.queue)))
	return true
}

// abandon takes a waiter out of the queue and gives the token it may have got.
func (l *Limit) abandon(w *waiter) (Token, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.queue {
		if other == w {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.waiting.Store(int64(len(l.queue)))
			return Token{}, false
		}
	}
	t, ok := <-w.token
	return t, ok
}

// serve hands tokens to those who wait longest, and sends those away who wait
// for nothing. The caller holds mu.
func (l *Limit) serve(now int64) {
	given := 0
	for given < len(l.queue) {
		t, ok := l.hot.try(now)
		if !ok {
			break
		}
		l.hot.taken.Add(1)
		l.queue[given].token <- t
		given++
	}
	if l.spec.MaxWait == 0 && now < l.hot.dry.Load() {
		for _, w := range l.queue[given:] {
			close(w.token)
		}
		given = len(l.queue)
	}
	l.queue = append(l.queue[:0], l.queue[given:]...)
	clear(l.queue[len(l.queue):cap(l.queue)])
	l.waiting.Store(int64(len(l.queue)))
}

// Return gives back a token that was not used: nothing reached the backend.
// After the token's window it does nothing.
func (l *Limit) Return(t Token) {
	mono, _ := l.leases.now()
	if l.hot.put(t, mono) && l.waiting.Load() > 0 {
		l.kick()
	}
}

// RetryAfter is when tokens may be had again: the begin of the next window, or
// the next token of the shape smooth.
func (l *Limit) RetryAfter() time.Duration {
	mono, _ := l.leases.now()
	if l.local {
		return l.retryLocal(mono)
	}
	if l.spec.Smooth {
		return max(time.Millisecond, time.Duration(l.hot.dry.Load()-mono), time.Duration(l.spec.cost(l.spec.Count)))
	}
	period := l.spec.period()
	server := l.leases.ahead.Load() + mono
	return time.Duration(period - server%period)
}

// Spec is what the limit was made of.
func (l *Limit) Spec() Spec { return l.spec }

func (l *Limit) kick() {
	if l.kicked.CompareAndSwap(false, true) {
		l.leases.push(l)
	}
}
