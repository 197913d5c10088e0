package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/clock"
	"mgw/runtime/internal/exchange"
)

// Options is what a Server needs and how far it lets clients go. Zero values
// of limits and time-outs take the defaults named beside them.
type Options struct {
	Chain exchange.Handler
	Clock *clock.Clock

	// Address tells who the client is from its connection and its head; nil
	// takes the peer.
	Address func(peer netip.Addr, request *exchange.Message) netip.Addr
	// System answers the gateway's own endpoints: it gives false when it has.
	// Such requests do not run through the chain. May be nil.
	System exchange.Stage
	// HTTP2 gives connections back that open with the preface of HTTP/2, which
	// are refused otherwise.
	HTTP2 bool
	// Panic is told of a panic outside the chain's stages. May be nil.
	Panic func(recovered any)

	MaxTarget int   // bytes of a request target: 4 KiB
	MaxHeader int   // bytes of all field lines: 8 KiB
	MaxFields int   // field lines: 100
	MaxBody   int64 // bytes of a request body; 0 is unbounded

	HeaderTimeout time.Duration // from a head's first byte to its last: 10 s
	BodyTimeout   time.Duration // between two reads of a body: 30 s
	MinBodyRate   int64         // bytes a second while a body is waited for, after BodyTimeout: 240
	IdleTimeout   time.Duration // between two requests: 120 s
	WriteTimeout  time.Duration // for a client to take up to 64 KB: 60 s
	NoKeepAlive   bool          // each connection carries one request

	TunnelTimeout time.Duration // without a byte on an upgraded connection; 0 is unbounded
}

func (o Options) withDefaults() Options {
	o.MaxTarget = cmp.Or(o.MaxTarget, 4<<10)
	o.MaxHeader = cmp.Or(o.MaxHeader, 8<<10)
	o.MaxFields = cmp.Or(o.MaxFields, 100)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 10*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 120*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 60*time.Second)
	o.MinBodyRate = cmp.Or(o.MinBodyRate, 240)
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Chain == nil:
		return errors.New("wire: no chain")
	case o.MaxHeader < 0 || o.MaxTarget < 0 || o.MaxFields < 0 || o.MaxBody < 0 || o.MinBodyRate < 0:
		return errors.New("wire: a limit is negative")
	}
	return nil
}

// Server is the client side of the engine. A listener hands it connections.
type Server struct {
	options  Options
	limits   headLimits
	watch    *watch
	draining atomic.Bool
	cancel   context.CancelFunc
	mu       sync.Mutex
	open     int           // connections
	stopped  bool          // none is taken any more
	empty    chan struct{} // closed when there is none and none will come
	closed   sync.Once
	base     context.Context // of all exchanges; ends when Shutdown has lost its patience
}

// NewServer checks the options and starts the server's clock.
func NewServer(o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		options: o,
		empty:   make(chan struct{}),
		limits:  headLimits{size: o.MaxHeader, target: o.MaxTarget, fields: o.MaxFields},
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.watch = newWatch(tickFor(o.HeaderTimeout, o.BodyTimeout, o.IdleTimeout, o.WriteTimeout), nil)
	return s, nil
}

// tickFor gives how often the watch looks, so that no time-out is late by
// more than an eighth.
func tickFor(timeouts ...time.Duration) time.Duration {
	tick := 250 * time.Millisecond
	for _, d := range timeouts {
		if d > 0 {
			tick = min(tick, max(d/8, 2*time.Millisecond))
		}
	}
	return tick
}

// ServeConn serves a connection until it ends, and closes it. state is nil on
// plaintext; a TLS connection has shaken hands already. It gives a connection
// that turned out to be HTTP/2's back, nil for all others.
func (s *Server) ServeConn(nc net.Conn, state *tls.ConnectionState) (http2 net.Conn) {
	if !s.enter() {
		_ = nc.Close()
		return nil
	}
	defer s.leave()
	c := newConn(s, nc, state)
	defer func() { http2 = c.leave() }()
	defer func() {
		if r := recover(); r != nil && s.options.Panic != nil {
			s.options.Panic(r)
		}
	}()
	s.watch.add(c)
	defer s.watch.remove(c)
	// Shutdown may have looked at all connections before this one was there.
	if s.draining.Load() {
		c.wake()
	}
	c.run()
	return nil
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.open++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.tell()
}

// tell closes empty when it is time.
func (s *Server) tell() {
	if s.stopped && s.open == 0 {
		close(s.empty)
	}
}

// drain makes connections end after what they serve.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	s.draining.Store(true)
	s.tell()
}

// Shutdown lets the exchanges that run finish, closes connections that are
// idle, and returns when all are closed. When ctx ends first, what is left is
// cut, and the context's error returned. Connections that are handed over
// later are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	s.watch.each(func(w watched) { w.(*conn).wake() })
	var err error
	select {
	case <-s.empty:
	case <-ctx.Done():
		err = ctx.Err()
		s.cancel()
		s.watch.each(func(w watched) { w.(*conn).interrupt() })
		<-s.empty
	}
	s.closed.Do(func() {
		s.cancel()
		s.watch.close()
	})
	return err
}
