package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

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
func (u *upstream) take(ctx context.Context, fresh bool) (*backendConn, error) {
	if err := u.enter(ctx); err != nil {
		return nil, err
	}
	for !fresh {
		b := u.pop()
		if b == nil {
			break
		}
		// A connection that was closed, or that has something to say that
		// nobody asked for, is none.
		if b.quiet() {
			return b, nil
		}
		b.discard()
	}
	b, err := u.dial(ctx)
	if err != nil {
		u.leave()
		return nil, err
	}
	return b, nil
}

// defaultWait is for a connection where the target does not say.
const defaultWait = 30 * time.Second

// enter counts a connection in, and waits while there are too many.
func (u *upstream) enter(ctx context.Context) error {
	p, most := &u.pool, u.to.MaxActive
	p.mu.Lock()
	if most <= 0 || p.active < most {
		p.active++
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{}, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	wait := u.to.Wait
	if wait <= 0 {
		wait = defaultWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var err error
	select {
	case <-turn: // active was left as it is for us
		return nil
	case <-timer.C:
		err = errBusy
	case <-ctx.Done():
		err = errGone
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
func (u *upstream) leave() {
	p := &u.pool
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

func (u *upstream) pop() *backendConn {
	p := &u.pool
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
func (u *upstream) give(b *backendConn) {
	p := &u.pool
	b.idle = u.transport.watch.now.Load()
	b.looked = b.idle
	p.mu.Lock()
	keep := !p.closed && (u.to.MaxIdle <= 0 || len(p.idle) < u.to.MaxIdle)
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
func (u *upstream) sweep(now int64) {
	p, limit := &u.pool, int64(u.transport.options.IdleTimeout)
	var dead []*backendConn
	p.mu.Lock()
	kept := p.idle[:0]
	for _, b := range p.idle {
		alive := now-b.idle <= limit
		if alive && now-b.looked > int64(lookEvery) {
			b.looked = now
			alive = b.quiet()
		}
		if alive {
			kept = append(kept, b)
		} else {
			dead = append(dead, b)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, b := range dead {
		b.discard()
	}
}

// Close implements exchange.Upstream.
func (u *upstream) Close() {
	t := u.transport
	t.mu.Lock()
	if i := slices.Index(t.targets, u); i >= 0 {
		// A copy: sweep and Close walk over what they have seen.
		t.targets = slices.Concat(t.targets[:i], t.targets[i+1:])
	}
	t.mu.Unlock()
	u.shut()
}

// shut closes the pool.
func (u *upstream) shut() {
	p := &u.pool
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
func (u *upstream) dial(ctx context.Context) (*backendConn, error) {
	o := &u.transport.options
	limited, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	nc, err := o.Dial(limited, "tcp", u.address())
	if err == nil && u.tls != nil && u.detour != nil {
		nc, err = u.tunnel(limited, nc)
	}
	if err == nil && u.tls != nil {
		nc, err = u.handshake(limited, nc)
	}
	switch {
	case err == nil:
		b := newBackendConn(u, nc)
		u.transport.watch.add(b)
		return b, nil
	case ctx.Err() != nil:
		return nil, errGone
	case limited.Err() != nil || isTimeout(err):
		return nil, fmt.Errorf("connecting: %w", errTimeout)
	}
	return nil, fmt.Errorf("%w: %w", errConnect, err)
}

func (u *upstream) handshake(ctx context.Context, nc net.Conn) (net.Conn, error) {
	secure := tls.Client(nc, u.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return secure, nil
}
