// Package gateway assembles a running gateway from its rooms.
//
// In go what the build embedded and the configuration; New builds the rooms,
// wires them and binds the listeners, Run serves until its context ends and
// then drains within the configured bound. A Gateway is what lasts as long as
// the process, a generation what a configuration makes; the way of a request
// through the latter stands in one function, chain. The package also answers
// what an operator asks: the admin listener, Explain, the state of health. What
// a limit, a credential or a route means is decided in the rooms, not here.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/interceptor"
	"mgw/runtime/internal/auth"
	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/cache"
	"mgw/runtime/internal/clock"
	"mgw/runtime/internal/cors"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/headers"
	"mgw/runtime/internal/intercept"
	"mgw/runtime/internal/lease"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/reply"
	"mgw/runtime/internal/router"
	"mgw/runtime/internal/telemetry"
	"mgw/runtime/internal/throttle"
	"mgw/runtime/internal/validate"
	"mgw/runtime/internal/wire"
	"mgw/runtime/spec"
)

// Options is what a gateway is made from.
type Options struct {
	Spec      *spec.Gateway
	Config    *config.Config
	Log       *slog.Logger
	Digest    string                // of the embedded content
	Functions interceptor.Functions // that Spec names
	CheckOnly bool                  // build every room, bind nothing

	// Load reads the configuration anew, for a reload; nil: there is none.
	Load func() (*config.Config, diag.List, error)
	// Hangups ask for a reload each. May be nil.
	Hangups <-chan os.Signal
	// Level is that of Log, which follows the configuration. May be nil.
	Level *slog.LevelVar
}

// Gateway is a gateway whose listeners are bound: what lasts as long as the
// process.
type Gateway struct {
	options Options
	clock   *clock.Clock
	started time.Time

	serving  serving
	reloads  reloads
	cluster  *cluster
	leases   *lease.Leases
	flights  flights
	unknown  unknownTiers
	counters *telemetry.Counters
	access   *accessLog // nil: off
	system   *system
	engine   *wire.Server // nil: net/http serves
	listener *listen.Listener
	tokens   *listen.Listener // nil: none
	admin    *admin           // nil: off
}

// generation is what a configuration makes. A request ends in the one in which
// it began.
type generation struct {
	gateway *Gateway
	options Options // Spec is this generation's own
	clock   *clock.Clock

	router       *router.Router
	auth         *auth.Authenticator
	throttle     *throttle.Throttle
	backends     *backend.Backends
	throughput   *throughput
	keys         *http.Transport
	cors         *cors.CORS              // nil: no API has any
	headers      *headers.Headers        // nil: fields are passed on as they are
	interceptors *intercept.Interceptors // nil: no operation has any
	cache        *cache.Cache            // nil: no API wants one
	validator    *validate.Validator     // nil: off

	keyManager *keyManager // nil: none is configured

	handler  *exchange.Chain  // what chain gave
	first    exchange.Handler // the key manager before it, or it
	users    users
	problems diag.List // of its policies
	upkeep   sync.WaitGroup
	stop     context.CancelFunc // of upkeep; nil before start
}

// New builds the rooms, wires them and binds the listeners. What it has opened
// is closed again when it fails.
func New(o Options) (g *Gateway, err error) {
	g = &Gateway{options: o, clock: clock.New(), started: time.Now(), counters: new(telemetry.Counters), system: new(system)}
	g.system.gateway = g
	for _, step := range []func() error{g.connect, g.begin, g.openAccessLog, g.bind} {
		if err := step(); err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

// connect prepares what ties this node to others.
func (g *Gateway) connect() (err error) {
	cfg, log := g.options.Config, g.options.Log
	if g.cluster, err = newCluster(cfg, g.clock.Now, log); err != nil {
		return err
	}
	if err = g.cluster.listenForRevocations(cfg, g.revoke, log); err != nil {
		return err
	}
	g.leases, err = newLeases(cfg, g.clock.Now, log)
	return err
}

// begin makes the first generation.
func (g *Gateway) begin() error {
	first, err := newGeneration(g, g.options.Config)
	if err != nil {
		return err
	}
	for _, p := range first.problems {
		g.options.Log.Warn(p.String())
	}
	g.serving.current.Store(first)
	return nil
}

// current is the generation that new requests meet.
func (g *Gateway) current() *generation { return g.serving.current.Load() }

func (g *generation) buildRooms() error {
	if err := g.readPolicies(); err != nil {
		return err
	}
	cfg, served := g.options.Config, g.options.Spec
	passwords, err := override(served, cfg.Endpoints)
	if err != nil {
		return err
	}
	if g.router, err = router.New(served.APIs); err != nil {
		return err
	}
	if err := g.buildLimits(); err != nil {
		return err
	}
	if err := g.buildIdentity(); err != nil {
		return err
	}
	g.buildAnswers()
	if err := g.buildValidation(); err != nil {
		return err
	}
	if err := g.buildInterceptors(); err != nil {
		return err
	}
	ways, err := backendOptions(cfg, served, g.clock.Now, passwords)
	if err != nil {
		return err
	}
	ways.Log = g.options.Log
	if g.backends, err = backend.New(ways); err == nil && !g.options.CheckOnly {
		g.backends.Discover(context.Background()) // which bounds its time
	}
	return err
}

// buildLimits builds what counts: on this node, and over the cluster.
func (g *generation) buildLimits() (err error) {
	cfg, served, log := g.options.Config, g.options.Spec, g.options.Log
	cluster, leases := g.gateway.cluster, g.gateway.leases
	limits := throttleOptions(cfg, served, g.clock.Now)
	limits.Unknown = g.gateway.unknown.reporter(log)
	limits.Decisions, limits.Publish = cluster.decisions, cluster.publish()
	if cfg.Throttling.ClusterMode == "lease" {
		limits.Leases = tierLeases{leases, cfg.Throttling.Redis.AddressTiers == "share"}
	}
	if before := g.gateway.current(); before != nil {
		limits.Before = before.throttle
	}
	if g.throttle, err = throttle.New(limits); err != nil {
		return err
	}
	g.throughput, err = newThroughput(g)
	return err
}

func (g *generation) buildIdentity() (err error) {
	cfg := g.options.Config
	if g.keys, err = keyTransport(cfg); err != nil {
		return err
	}
	identity := authOptions(cfg, g.options.Spec.APIs, g.clock.Now, g.options.Log, g.keys)
	identity.Prepare = g.throttle.Prepare
	if before := g.gateway.current(); before != nil {
		identity.Before = before.auth
	}
	g.auth, err = auth.New(identity)
	return err
}

// revokedFor is how long a revocation without an expiry lasts: longer than
// tokens live.
const revokedFor = 30 * 24 * time.Hour

func (g *Gateway) revoke(credential string, expiry int64) {
	if expiry == 0 {
		expiry = g.clock.Now() + int64(revokedFor)
	}
	g.current().auth.Revoked().Add(credential, expiry)
}

// chain is the way of a request through the gateway.
func (g *generation) chain() *exchange.Chain {
	return &exchange.Chain{
		Request: present(
			g.gateway.counters.Begin,
			g.route(),
			g.auth.Authenticate,
			when(g.interceptors != nil, g.interceptors.Classify),
			g.throttle.Check,
			when(g.options.Config.Validation.Request, g.validate),
			when(g.interceptors != nil, g.interceptors.Request),
			when(g.headers != nil, g.headers.Request),
			when(g.cache != nil, g.cache.Answer),
			g.throughput.Engage,
			g.backends.Forward,
		),
		Reply: g.replies(),
		Done:  g.dones(),
		Panic: g.gateway.answerPanic,
	}
}

// record counts an exchange that is done, and logs it.
func (g *Gateway) record(x *exchange.Exchange) {
	now := g.clock.Now()
	g.counters.Done(x, now)
	if g.access != nil {
		g.access.log.Done(x, now)
	}
}

// answerPanic turns a bug into a 500 and a log line.
func (g *Gateway) answerPanic(x *exchange.Exchange, recovered any) {
	g.options.Log.Error("a request ran into a bug", "panic", fmt.Sprint(recovered), "method", x.Method, "stack", string(debug.Stack()))
	if x.Response.Body != nil {
		x.Response.Body.Abort(errors.New("a stage ran into a bug"))
	}
	x.Response.Reset()
	reply.Internal.Send(x)
}

func (g *Gateway) bind() (err error) {
	if g.options.CheckOnly {
		return nil
	}
	o := listenOptions(g.options.Config, g.options.Log)
	o.Chain, o.System, o.Now, o.Address = &g.serving, g.system.serve, g.clock.Now, g.address
	if g.fast() {
		if err = g.useEngine(&o); err != nil {
			return err
		}
	}
	if g.listener, err = listen.New(o); err != nil {
		return err
	}
	if g.tokens, err = g.keyListener(); err != nil {
		return err
	}
	if g.options.Config.Admin.Enabled {
		g.admin, err = newAdmin(g)
	}
	return err
}

// close gives back what New has opened.
func (g *Gateway) close() {
	bound, cancel := context.WithCancel(context.Background())
	cancel()
	if g.listener != nil {
		_ = g.listener.Shutdown(bound) // nothing was accepted yet
	}
	if g.tokens != nil {
		_ = g.tokens.Shutdown(bound)
	}
	if g.engine != nil {
		_ = g.engine.Shutdown(bound)
	}
	if g.access != nil {
		_ = g.access.close()
	}
	if last := g.current(); last != nil {
		last.close()
	}
}

// Run serves until ctx ends, then drains: /ready says so, nothing is accepted
// any more, what is under way finishes or is cut at the configured bound. It
// gives nil after a drain that cut nothing.
func (g *Gateway) Run(ctx context.Context) error {
	g.announce()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.current().start()
	g.openReloads()
	var work sync.WaitGroup
	work.Go(func() { g.clock.Follow(background) })
	work.Go(func() { g.cluster.run(background) })
	work.Go(func() { g.leases.Run(background) })
	work.Go(func() { g.reloadOnDemand(background) })
	if g.access != nil {
		work.Go(func() { g.access.log.Run(background) })
	}
	if g.admin != nil {
		work.Go(func() { g.admin.run(background) })
	}

	served := make(chan error, 1)
	go func() { served <- g.serve() }()
	var err error
	select {
	case err = <-served:
		g.reloads.shut()
	case <-ctx.Done():
		err = g.drain(served)
	}
	stop()
	work.Wait()
	g.reloads.end()
	g.current().retire(g.reloads.ended)
	if g.access != nil {
		err = errors.Join(err, g.access.close())
	}
	return err
}

// drain ends serving, which tells when it has ended.
func (g *Gateway) drain(served <-chan error) error {
	g.system.draining.Store(true)
	g.reloads.shut()
	l := g.current().options.Config.Listener
	g.options.Log.Info("shutting down", "bound", l.ShutdownTimeout.String())
	ended, err := delay(l.ShutdownDelay, served) // load balancers hear /ready
	ctx, cancel := context.WithTimeout(context.Background(), l.ShutdownTimeout)
	defer cancel()
	if cut := g.shutdown(ctx); cut != nil {
		err = errors.Join(err, fmt.Errorf("shutting down: %w", cut))
	}
	if !ended {
		err = errors.Join(err, <-served)
	}
	if err == nil {
		g.options.Log.Info("shut down")
	}
	return err
}

// delay waits, but not when serving has ended by itself.
func delay(d time.Duration, served <-chan error) (ended bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err = <-served:
		return true, err
	case <-timer.C:
		return false, nil
	}
}

// announce logs where the gateway listens.
func (g *Gateway) announce() {
	plain, secure := g.listener.Addresses()
	var tokens net.Addr
	if g.tokens != nil {
		_, tokens = g.tokens.Addresses()
	}
	for _, l := range []struct {
		name string
		addr net.Addr
	}{{"HTTPS", secure}, {"HTTP", plain}, {"token", tokens}} {
		if a, ok := l.addr.(*net.TCPAddr); ok {
			g.options.Log.Info(fmt.Sprintf("%s listener is active on port %d", l.name, a.Port))
		}
	}
	if g.admin != nil {
		g.options.Log.Info("the admin listener is active", "address", g.admin.socket.Addr().String())
	}
}
