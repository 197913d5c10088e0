package gateway

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/lease"
	"mgw/runtime/internal/reply"
	"mgw/runtime/internal/throttle"
	"mgw/runtime/spec"
)

// throughput bounds what reaches backends: attempts in each window, over all
// nodes where there is a Redis, and calls in flight on this node.
type throughput struct {
	leases   *lease.Leases
	throttle *throttle.Throttle
	flights  *flights
	fault    *reply.Fault
	gates    [2][]*gate // by key type, then by operation ID; nil: not bounded
	bounded  bool
	tell     bool // backends see windowField
}

// gate is the exchange.Admission of an operation and a key type: its own
// limits and its API's.
type gate struct {
	throughput *throughput
	limits     []*lease.Limit
	flights    []*flight
}

// flight bounds calls under way.
type flight struct {
	now atomic.Int64
	max int64
}

// flights are those of all generations: what is under way counts in the next
// one, too.
type flights struct {
	mu     sync.Mutex
	byName map[string]*flight
}

func (f *flights) get(name string, most int64) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byName == nil {
		f.byName = map[string]*flight{}
	}
	if f.byName[name] == nil { // what definitions say does not change
		f.byName[name] = &flight{max: most}
	}
	return f.byName[name]
}

// newLeases prepares the limits of the cluster. Without Redis each is one of
// this node.
func newLeases(cfg *config.Config, now func() int64, log *slog.Logger) (*lease.Leases, error) {
	r := cfg.Throttling.Redis
	o := lease.Options{
		Username: r.Account.Username, Password: r.Account.Password.Reveal(), Database: r.Database,
		SentinelMaster: r.SentinelMaster, SentinelPassword: r.SentinelPassword.Reveal(), Cluster: r.Cluster,
		KeyPrefix: r.KeyPrefix, DialTimeout: r.DialTimeout, Timeout: r.Timeout,
		OnFailure: lease.Fallback(r.OnFailure), Logger: log, Time: now,
	}
	for _, u := range r.URLs {
		o.URLs = append(o.URLs, u.Reveal())
	}
	if r.CertificateFile != "" {
		var err error
		if o.TLS, err = trusting(r.CertificateFile); err != nil {
			return nil, fmt.Errorf("throttlingConfig.redis.certificateFile: %w", err)
		}
	}
	return lease.New(o)
}

func newThroughput(g *generation) (*throughput, error) {
	r, leases := g.options.Config.Throttling.Redis, g.gateway.leases
	p := &throughput{leases: leases, throttle: g.throttle, flights: &g.gateway.flights, fault: reply.ThrottledBackend, tell: r.WindowHeader}
	if r.RefusalStatus == 429 {
		p.fault = reply.ThrottledBackendAs429
	}
	if err := p.build(g.options.Spec); err != nil {
		return nil, err
	}
	if p.bounded && leases.PerNode() {
		g.options.Log.Warn("maximum backend throughput is counted by each node alone: [throttlingConfig.redis] is not configured")
	}
	return p, nil
}

func (p *throughput) build(served *spec.Gateway) error {
	for i := range served.APIs {
		api := &served.APIs[i]
		whole := api.Context + ":" + api.Version
		var common [2]gate
		for key, l := range limitsOf(api.MaxBackend) {
			if err := p.add(&common[key], l, whole, exchange.KeyType(key)); err != nil {
				return err
			}
		}
		for j := range api.Operations {
			op := &api.Operations[j]
			for key, l := range limitsOf(op.MaxBackend) {
				g := &gate{throughput: p, limits: common[key].limits[:len(common[key].limits):len(common[key].limits)]}
				g.flights = common[key].flights[:len(common[key].flights):len(common[key].flights)]
				if err := p.add(g, l, whole+":"+op.Method+":"+op.Path+op.Query, exchange.KeyType(key)); err != nil {
					return err
				}
				p.set(key, op.ID, g)
			}
		}
	}
	return nil
}

func limitsOf(b spec.BackendLimits) [2]spec.BackendLimit {
	return [2]spec.BackendLimit{exchange.Production: b.Production, exchange.Sandbox: b.Sandbox}
}

func (p *throughput) add(g *gate, l spec.BackendLimit, name string, key exchange.KeyType) error {
	if l.Count > 0 {
		limit, err := p.leases.Limit(lease.Spec{
			Key: "backend:" + name + ":" + key.String(), Count: l.Count, Window: l.Window, Smooth: l.Smooth,
			Reserve: true, MaxWait: l.MaxWait,
		})
		if err != nil {
			return err
		}
		g.limits = append(g.limits, limit)
	}
	if l.MaxConcurrent > 0 {
		g.flights = append(g.flights, p.flights.get(name+":"+key.String(), int64(l.MaxConcurrent)))
	}
	return nil
}

func (p *throughput) set(key, id int, g *gate) {
	for len(p.gates[key]) <= id {
		p.gates[key] = append(p.gates[key], nil)
	}
	if len(g.limits)+len(g.flights) > 0 {
		p.gates[key][id] = g
		p.bounded = p.bounded || len(g.limits) > 0
	}
}

// Engage puts the gate before the backend. Without one nothing else refuses
// the request, and the traffic manager is told of it.
func (p *throughput) Engage(x *exchange.Exchange) bool {
	if g := p.gates[x.Grant.Principal.KeyType][x.Operation.ID]; g != nil {
		x.Admission = g
		return true
	}
	p.throttle.Publish(x)
	return true
}

// Done ends the call's flight.
func (p *throughput) Done(x *exchange.Exchange) {
	if g, ok := x.Admission.(*gate); ok && x.Admitted {
		g.land(len(g.flights))
	}
}

// refusal is an attempt that was not let through.
type refusal struct{ fault *reply.Fault }

func (r refusal) Error() string       { return r.fault.Description }
func (r refusal) Fault() *reply.Fault { return r.fault }

// Admit implements exchange.Admission: each attempt takes a token, a request
// one place among the calls in flight. A request that never got through is
// charged nowhere.
func (g *gate) Admit(x *exchange.Exchange) error {
	first := !x.Admitted
	if first && !g.start() {
		return g.refuse(x, time.Second)
	}
	if wait, ok := g.take(x); !ok {
		if first {
			g.land(len(g.flights))
			return g.refuse(x, wait)
		}
		return refusal{g.throughput.fault}
	}
	if first {
		g.throughput.throttle.Publish(x)
	}
	return nil
}

// refuse answers a request that no attempt was made for.
func (g *gate) refuse(x *exchange.Exchange, wait time.Duration) error {
	g.throughput.throttle.Refund(x)
	x.Level = "backend"
	reply.RetryAfter(x, wait)
	return refusal{g.throughput.fault}
}

// take takes a token of each limit, or none.
func (g *gate) take(x *exchange.Exchange) (wait time.Duration, ok bool) {
	var held [2]lease.Token
	for i, l := range g.limits {
		token, err := l.Acquire(x.Client.Context())
		if err != nil {
			for j := range i {
				g.limits[j].Return(held[j])
			}
			return l.RetryAfter(), false
		}
		held[i] = token
	}
	if n := len(g.limits); n > 0 && g.throughput.tell {
		var digits [20]byte
		x.Request.SetBytes(windowField, strconv.AppendInt(digits[:0], held[n-1].Window, 10))
	}
	return 0, true
}

// windowField names the window of the last token that a request took, counted
// from the epoch; 0 where no window was known.
const windowField = "X-Mgw-Window"

func (g *gate) start() bool {
	for i, f := range g.flights {
		if f.now.Add(1) > f.max {
			g.land(i + 1)
			return false
		}
	}
	return true
}

// land gives back the places of the first n.
func (g *gate) land(n int) {
	for _, f := range g.flights[:n] {
		f.now.Add(-1)
	}
}

// ThroughputState is what GET /state tells of the leases.
type ThroughputState struct {
	Redis  lease.Status  `json:"redis"`
	Limits []lease.Stats `json:"limits"`
}

func (p *throughput) state() *ThroughputState {
	if !p.bounded && p.leases.PerNode() {
		return nil
	}
	return &ThroughputState{Redis: p.leases.Status(), Limits: p.leases.Stats(false)}
}
