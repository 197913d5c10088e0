package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"mgw/runtime/config"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// newGeneration builds the rooms of a configuration. Nothing runs yet, and
// nothing is left when it fails.
func newGeneration(gateway *Gateway, cfg *config.Config) (*generation, error) {
	g := &generation{gateway: gateway, options: gateway.options, clock: gateway.clock}
	g.options.Config, g.options.Spec = cfg, own(gateway.options.Spec)
	g.users.gone = make(chan struct{}, 1)
	if err := g.buildRooms(); err != nil {
		g.close()
		return nil, err
	}
	g.handler = g.chain()
	var err error
	if g.keyManager, err = newKeyManager(g, g.handler); err != nil {
		g.close()
		return nil, err
	}
	if g.first = g.handler; g.keyManager != nil {
		g.first = g.keyManager
	}
	return g, nil
}

// own copies what a configuration changes of the content: its policies, its
// endpoints and who uses them.
func own(content *spec.Gateway) *spec.Gateway {
	out := *content
	out.Endpoints = slices.Clone(content.Endpoints)
	out.APIs = slices.Clone(content.APIs)
	for i := range out.APIs {
		out.APIs[i].Operations = slices.Clone(content.APIs[i].Operations)
	}
	return &out
}

// start makes a generation work beside its requests, until retire.
func (g *generation) start() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.upkeep.Go(func() { g.run(ctx) })
}

// run keeps the generation's knowledge fresh until ctx ends.
func (g *generation) run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { g.auth.Run(ctx) })
	work.Go(func() { g.throttle.Run(ctx) })
	work.Go(func() { g.backends.Run(ctx) })
	work.Wait()
}

// retire closes a generation that is not current any more, when its last
// request is done or the gateway has ended.
func (g *generation) retire(ended <-chan struct{}) {
	g.stop()
	if g.cache != nil { // a WebSocket need not keep its answers in memory
		g.cache.Retire()
	}
	g.users.wait(ended)
	g.upkeep.Wait()
	g.close()
}

// close gives back what a generation without requests holds.
func (g *generation) close() {
	if g.backends != nil {
		g.backends.Close()
	}
	g.keyManager.close()
	if g.keys != nil {
		g.keys.CloseIdleConnections()
	}
}

// serving hands each request to the generation that is current when it comes,
// which then lasts until the request is done.
type serving struct{ current atomic.Pointer[generation] }

var _ exchange.Handler = (*serving)(nil)

func (s *serving) Serve(x *exchange.Exchange) error {
	g, lane := s.enter(x)
	defer g.users.leave(lane)
	return g.first.Serve(x)
}

func (s *serving) Refuse(x *exchange.Exchange) error {
	g, lane := s.enter(x)
	defer g.users.leave(lane)
	return g.first.Refuse(x)
}

func (s *serving) enter(x *exchange.Exchange) (*generation, *lane) {
	for {
		g := s.current.Load()
		lane := g.users.enter(x)
		// A generation that was retired in between may have been closed.
		if s.current.Load() == g {
			return g, lane
		}
		g.users.leave(lane)
	}
}

// users counts the requests of a generation. Each connection counts in the lane
// of its port, so that processors rarely share one.
type users struct {
	lanes   [lanes]lane
	retired atomic.Bool
	gone    chan struct{} // one place: a lane has become empty since retired
}

const lanes = 16

type lane struct {
	n atomic.Int64
	_ [56]byte // a cache line each
}

func (u *users) enter(x *exchange.Exchange) *lane {
	l := &u.lanes[x.Peer.Port()%lanes]
	l.n.Add(1)
	return l
}

func (u *users) leave(l *lane) {
	if l.n.Add(-1) == 0 && u.retired.Load() {
		select {
		case u.gone <- struct{}{}:
		default:
		}
	}
}

// wait waits for the last request of a generation that is not current any
// more, or until ended is closed. A lane once empty stays so: whoever enters it now leaves at once.
func (u *users) wait(ended <-chan struct{}) {
	u.retired.Store(true)
	for i := range u.lanes {
		for u.lanes[i].n.Load() != 0 {
			select {
			case <-u.gone:
			case <-ended:
				return
			}
		}
	}
}
