package lease

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where leases come from. Zero values are the defaults.
type Options struct {
	URLs []string // redis://, rediss://, unix://; none: all limits are of this node alone

	Username, Password string
	Database           int
	SentinelMaster     string // URLs are those of sentinels
	SentinelPassword   string
	Cluster            bool // URLs are nodes of a Redis Cluster; so are several without SentinelMaster
	TLS                *tls.Config

	KeyPrefix   string        // "mgw"
	DialTimeout time.Duration // 1s
	Timeout     time.Duration // of one call: 20ms
	OnFailure   Fallback      // Share
	Announce    time.Duration // how often the node says that it is there: 500ms

	Node string // name of the node, of this run only; random
	// MaxLimits bounds the limits that are remembered: 1,000,000. Those beyond
	// are exact too, and ask Redis for each request.
	MaxLimits int

	Logger *slog.Logger
	// Now gives the monotonic and the wall clock, in nanoseconds.
	Now func() (mono, wall int64)
	// Time is what windows of this node alone are judged by: nanoseconds since
	// the epoch, never backwards.
	Time func() int64
}

func (o *Options) defaults() error {
	if o.KeyPrefix == "" {
		o.KeyPrefix = "mgw"
	}
	if o.OnFailure == "" {
		o.OnFailure = Share
	}
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{{&o.DialTimeout, time.Second}, {&o.Timeout, 20 * time.Millisecond}, {&o.Announce, 500 * time.Millisecond}} {
		if *d.v == 0 {
			*d.v = d.zero
		}
		if *d.v < 0 {
			return errors.New("lease: a negative duration")
		}
	}
	if o.Node == "" {
		var id [12]byte
		rand.Read(id[:])
		o.Node = hex.EncodeToString(id[:])
	}
	if o.MaxLimits == 0 {
		o.MaxLimits = 1_000_000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		base := time.Now()
		o.Now = func() (int64, int64) {
			t := time.Now()
			return int64(t.Sub(base)) + 1, t.UnixNano()
		}
	}
	if o.Time == nil {
		mono, wall := o.Now()
		o.Time = func() int64 {
			now, _ := o.Now()
			return wall + now - mono
		}
	}
	switch o.OnFailure {
	case Share, Open, Closed:
		return nil
	}
	return fmt.Errorf("lease: on failure %q is not share, open or closed", o.OnFailure)
}

// Leases are the limits of one node and what keeps them supplied.
type Leases struct {
	options Options
	now     func() (mono, wall int64)
	store   *store // nil: no Redis
	ended   chan struct{}

	// base is wall minus monotonic clock as last seen; ahead the server's time
	// minus the monotonic clock.
	base, ahead atomic.Int64

	mu     sync.RWMutex
	limits map[string]*Limit
	firm   []*Limit // those with Reserve

	kickMu sync.Mutex
	kicks  []*Limit
	wake   chan struct{}

	health health
	runner runner
}

// New prepares limits; Run supplies them. It opens no connection.
func New(o Options) (*Leases, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	ls := &Leases{
		options: o, now: o.Now, ended: make(chan struct{}),
		limits: map[string]*Limit{}, wake: make(chan struct{}, 1),
	}
	if len(o.URLs) > 0 {
		s, err := newStore(&o)
		if err != nil {
			return nil, err
		}
		ls.store = s
	}
	mono, wall := o.Now()
	ls.base.Store(wall - mono)
	ls.ahead.Store(wall - mono)
	ls.runner.init(ls)
	return ls, nil
}

// PerNode tells that there is no Redis: each node has all of each limit.
func (ls *Leases) PerNode() bool { return ls.store == nil }

// Limit gives the limit of a key, the same for each call with the same spec.
func (ls *Leases) Limit(s Spec) (*Limit, error) {
	if s.OnFailure == "" {
		s.OnFailure = ls.options.OnFailure
	}
	mono, _ := ls.now()
	ls.mu.RLock()
	l := ls.limits[s.Key]
	ls.mu.RUnlock()
	if l != nil && l.spec == s {
		l.usedAt.Store(mono)
		return l, nil
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.limits[s.Key]; l != nil && l.spec == s {
		return l, nil
	}
	l = &Limit{spec: s, leases: ls, index: -1}
	l.m = newMachine(s, &l.hot)
	l.usedAt.Store(mono)
	if ls.store == nil || s.Divided {
		l.startLocal(mono)
	}
	if len(ls.limits) < ls.options.MaxLimits || s.Reserve {
		ls.limits[s.Key] = l
	}
	if s.Reserve {
		ls.firm = append(ls.firm, l)
		l.kick()
	}
	return l, nil
}

// apart tells that the machine was suspended, or a clock stepped, since the
// runner looked last.
func (ls *Leases) apart(mono, wall int64) bool {
	by := wall - mono - ls.base.Load()
	if by < int64(jumped) && by > -int64(jumped) {
		return false
	}
	ls.signal()
	return true
}

// push puts a limit before the runner.
func (ls *Leases) push(l *Limit) {
	ls.kickMu.Lock()
	ls.kicks = append(ls.kicks, l)
	ls.kickMu.Unlock()
	ls.signal()
}

func (ls *Leases) signal() {
	select {
	case ls.wake <- struct{}{}:
	default:
	}
}

// pushed takes what was put before the runner.
func (ls *Leases) pushed(into []*Limit) []*Limit {
	ls.kickMu.Lock()
	into = append(into, ls.kicks...)
	clear(ls.kicks)
	ls.kicks = ls.kicks[:0]
	ls.kickMu.Unlock()
	return into
}

// Run supplies the limits until ctx ends, then gives back what is in hand. It
// returns within a few time-outs.
func (ls *Leases) Run(ctx context.Context) {
	ls.runner.run(ctx)
}
