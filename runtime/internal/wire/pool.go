package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
)

// Target is one backend and the connections to it.
type Target struct {
	transport *Transport
	options   TargetOptions
	pool      pool
}

// pool keeps idle connections, the one used last on top, and counts those in
// use.
type pool struct {
	mu      sync.Mutex
	idle    []*backendConn
	active  int
	waiting []chan struct{} // for active to fall
	closed  bool
}

// take gives a connection that nobody uses; a new one when fresh is wanted.
func (g *Target) take(x *exchange.Exchange, fresh bool) (*backendConn, error) {
	if err := g.enter(x); err != nil {
		return nil, err
	}
	for !fresh {
		b := g.pop()
		if b == nil {
			break
		}
		// A connection that was closed, or that has something to say that
		// nobody asked for, is none.
		if b.raw == nil || b.quiet() {
			return b, nil
		}
		b.discard()
	}
	b, err := g.dial(x)
	if err != nil {
		g.leave()
		return nil, err
	}
	return b, nil
}

// enter counts a connection in, and waits while there are too many.
func (g *Target) enter(x *exchange.Exchange) error {
	p, most := &g.pool, g.options.MaxActive
	p.mu.Lock()
	if most <= 0 || p.active < most {
		p.active++
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{}, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	timer := time.NewTimer(g.options.MaxWait)
	defer timer.Stop()
	var err error
	select {
	case <-turn: // active was left as it is for us
		return nil
	case <-timer.C:
		err = fmt.Errorf("%w: all are in use", ErrConnect)
	case <-x.Client.Context().Done():
		err = ErrClientGone
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return err
		}
	}
	return nil // the turn came at the last moment
}

// leave counts a connection out.
func (g *Target) leave() {
	p := &g.pool
	p.mu.Lock()
	p.leave()
	p.mu.Unlock()
}

func (p *pool) leave() {
	if len(p.waiting) == 0 {
		p.active--
		return
	}
	p.waiting[0] <- struct{}{}
	p.waiting = p.waiting[1:]
}

func (g *Target) pop() *backendConn {
	p := &g.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	b := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	b.reused = true
	return b
}

// give puts a connection back.
func (g *Target) give(b *backendConn) {
	p := &g.pool
	b.idle = g.transport.watch.now.Load()
	p.mu.Lock()
	keep := !p.closed && len(p.idle) < g.options.MaxIdle
	if keep {
		p.idle = append(p.idle, b)
	}
	p.leave()
	p.mu.Unlock()
	if !keep {
		b.discard()
	}
}

// sweep closes what has been idle for too long, or was closed by the backend.
func (g *Target) sweep(now int64) {
	p, limit := &g.pool, int64(g.transport.options.IdleTimeout)
	var dead []*backendConn
	p.mu.Lock()
	kept := p.idle[:0]
	for _, b := range p.idle {
		age := now - b.idle
		if age > limit || age > int64(lookEvery) && b.raw != nil && !b.quiet() {
			dead = append(dead, b)
		} else {
			kept = append(kept, b)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, b := range dead {
		b.discard()
	}
}

// shut closes the pool.
func (g *Target) shut() {
	p := &g.pool
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, b := range idle {
		b.discard()
	}
}

// dial opens a connection.
func (g *Target) dial(x *exchange.Exchange) (*backendConn, error) {
	o := &g.transport.options
	ctx, cancel := context.WithTimeout(x.Client.Context(), o.DialTimeout)
	defer cancel()
	nc, err := o.Dial(ctx, "tcp", g.options.Address)
	if err == nil && g.options.TLS != nil {
		nc, err = g.handshake(ctx, nc)
	}
	if err != nil {
		switch {
		case x.Client.Context().Err() != nil:
			return nil, ErrClientGone
		case errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("%w: %w", ErrTimeout, err)
		}
		return nil, fmt.Errorf("%w: %w", ErrConnect, err)
	}
	b := newBackendConn(g, nc)
	g.transport.watch.add(b)
	return b, nil
}

func (g *Target) handshake(ctx context.Context, nc net.Conn) (net.Conn, error) {
	secure := tls.Client(nc, g.options.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return secure, nil
}
