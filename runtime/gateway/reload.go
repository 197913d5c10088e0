package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/diag"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/telemetry"
	"mgw/runtime/startup"
)

// reloads is how the gateway takes another configuration: all of it or none.
// One is taken at a time.
type reloads struct {
	mu       sync.Mutex
	serving  bool              // since Run, until it drains
	files    []string          // that the last configuration named, a refused one too
	digests  map[string]string // of files, when the last attempt began
	ended    chan struct{}     // closed when no request is left
	retiring sync.WaitGroup    // generations whose last requests are under way
	ending   atomic.Int64      // how many of those there are
	state    atomic.Pointer[ReloadState]
}

// Reloaded is what came of a reload.
type Reloaded struct {
	Applied  bool      `json:"applied"`
	Problems diag.List `json:"problems"` // warnings alone where it was applied
	// NeedsRestart are keys that the file changes and that a running gateway
	// cannot: it keeps what they were.
	NeedsRestart []string `json:"needsRestart,omitempty"`
}

// ReloadState is what GET /state tells of reloads.
type ReloadState struct {
	Reloads      uint64    `json:"reloads"` // applied since the start
	Refused      uint64    `json:"refused"`
	LastReload   time.Time `json:"lastReload,omitzero"` // applied
	LastError    []string  `json:"lastError,omitempty"` // of the last attempt
	NeedsRestart []string  `json:"needsRestart,omitempty"`
	// Ending are configurations that requests under way, WebSockets above all,
	// still keep.
	Ending int64 `json:"ending"`

	// Digests of the files in force, as sha256sum gives them.
	ConfigurationDigest string `json:"configurationDigest,omitempty"`
	PoliciesDigest      string `json:"policiesDigest,omitempty"`
}

// openReloads lets reloads happen.
func (g *Gateway) openReloads() {
	r := &g.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving, r.ended = true, make(chan struct{})
	r.digests = digests(g.files())
	var state ReloadState
	g.noteDigests(&state)
	r.state.Store(&state)
}

// shut waits for a reload that is under way and lets no other begin.
func (r *reloads) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving = false
}

// end waits for the generations before the current one, whose requests have
// ended or were cut.
func (r *reloads) end() {
	close(r.ended)
	r.retiring.Wait()
}

// Reload reads the configuration anew and applies it. Requests under way end
// by the one they began with; a configuration that cannot be applied changes
// nothing.
func (g *Gateway) Reload() Reloaded {
	g.reloads.mu.Lock()
	defer g.reloads.mu.Unlock()
	return g.reload()
}

func (g *Gateway) reload() Reloaded {
	r := &g.reloads
	if !r.serving || g.options.Load == nil {
		return refused(fmt.Errorf("the gateway does not take another configuration: it is not running, or shutting down"))
	}
	began := time.Now()
	r.digests = digests(r.files)
	out := g.apply()
	r.lookAt(g.files(), began)
	g.report(out)
	return out
}

// apply takes the next configuration.
func (g *Gateway) apply() Reloaded {
	cfg, problems, err := g.options.Load()
	if err != nil {
		return refused(err)
	}
	g.reloads.files = configured(cfg)
	if problems.Errors() > 0 {
		return Reloaded{Problems: problems}
	}
	restart := keepFixed(g.options.Config, cfg)
	next, err := newGeneration(g, cfg)
	if err != nil {
		return Reloaded{Problems: append(problems, refused(err).Problems...)}
	}
	shown := listenOptions(cfg, g.options.Log)
	secured, err := g.listener.Secure(shown.Certificate, shown.ClientAuth)
	if err != nil {
		next.close()
		return Reloaded{Problems: append(problems, refused(err).Problems...)}
	}
	g.swap(next, secured)
	return Reloaded{Applied: true, Problems: append(problems, next.problems...), NeedsRestart: restart}
}

// swap makes a generation the one that requests meet from now on.
func (g *Gateway) swap(next *generation, secured *listen.Secured) {
	if level, err := telemetry.ParseLevel(next.options.Config.Log.Level); err == nil && g.options.Level != nil {
		g.options.Level.Set(level)
	}
	g.listener.Renew(secured)
	next.start()
	last := g.serving.current.Swap(next)
	g.reloads.ending.Add(1)
	g.reloads.retiring.Go(func() {
		last.retire(g.reloads.ended)
		g.reloads.ending.Add(-1)
	})
}

// refused is the outcome of a reload that failed as a whole.
func refused(err error) Reloaded {
	if list := diag.Listed(err); list != nil {
		return Reloaded{Problems: list}
	}
	return Reloaded{Problems: diag.List{{Msg: err.Error()}}}
}

// report logs what came of a reload and notes it for GET /state.
func (g *Gateway) report(out Reloaded) {
	log, state := g.options.Log, g.reloadState()
	for _, p := range out.Problems {
		if p.Severity == diag.Warning {
			log.Warn("in the configuration", "problem", p.String())
			continue
		}
		log.Error("in the configuration", "problem", p.String())
	}
	for _, key := range out.NeedsRestart {
		log.Warn("a changed key needs a restart; the value before stays", "key", key)
	}
	if !out.Applied {
		state.Refused++
		state.LastError = nil
		for _, p := range out.Problems {
			if p.Severity == diag.Error {
				state.LastError = append(state.LastError, p.String())
			}
		}
		log.Error(startup.ConfigurationRefused, "problems", out.Problems.Errors())
	} else {
		state.Reloads++
		state.LastReload, state.LastError, state.NeedsRestart = time.Now(), nil, out.NeedsRestart
		g.noteDigests(&state)
		log.Info(startup.ConfigurationReloaded, "reloads", state.Reloads)
	}
	g.reloads.state.Store(&state)
}

// noteDigests tells which files are in force.
func (g *Gateway) noteDigests(state *ReloadState) {
	cfg := g.current().options.Config
	state.ConfigurationDigest = g.reloads.digests[cfg.File]
	state.PoliciesDigest = g.reloads.digests[cfg.Throttling.PoliciesFile]
}

func (g *Gateway) reloadState() ReloadState {
	var now ReloadState
	if state := g.reloads.state.Load(); state != nil {
		now = *state
	}
	now.Ending = g.reloads.ending.Load()
	return now
}

// reloadOnDemand reloads at each hangup, and when a file has changed, until
// ctx ends.
func (g *Gateway) reloadOnDemand(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	if g.options.Load != nil && g.options.Config.Reload.Watch {
		work.Go(func() { g.watch(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.options.Hangups:
			g.Reload()
		}
	}
}

// address tells who the client is, by the proxies that the current
// configuration trusts.
func (g *Gateway) address(peer netip.Addr, request *exchange.Message) netip.Addr {
	return listen.Proxies(g.current().options.Config.Listener.TrustedProxies).Client(peer, request)
}

// files are those that matter: of the configuration in force, and of the one
// that was tried last.
func (g *Gateway) files() []string {
	all := append(configured(g.current().options.Config), g.reloads.files...)
	slices.Sort(all)
	return slices.Compact(all)
}
