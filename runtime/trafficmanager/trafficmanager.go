// Package trafficmanager is the central engine of a cluster of gateways: it
// counts the requests that all of them let through, by the same policies and
// with the same counting core, and tells all of them when a key has spent its
// limit.
//
// Events come in by HTTP (contract 6.2); decisions, blocking conditions and key
// templates go out on a message broker's topic throttleData (contract 7.2, 7.3)
// and by the data service that gateways pull from when they start. WSO2's
// gateways may use it as well, except for the binary event protocol.
//
// Decisions are in memory first, then in the store, an embedded database or a
// Redis that several managers share, then on the topic, each once. They carry
// the window's end and nothing is sent when it is reached: gateways forget by
// themselves. The package limits no request itself, keeps no count over a
// restart of a manager that works alone, and knows nothing of limits by
// address, of bursts and concurrency, which gateways hold each for itself.
package trafficmanager

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/internal/clock"
	"mgw/runtime/internal/event"
	"mgw/runtime/internal/jms"
	"mgw/runtime/internal/limit"
	"mgw/runtime/spec"
)

// Options is what a manager is made of.
type Options struct {
	Config   *config.TrafficManager
	Policies spec.Policies
	Log      *slog.Logger
}

// Manager is a traffic manager. New binds its port; Run serves.
type Manager struct {
	options     Options
	clock       *clock.Clock
	table       *limit.Table
	queue       *queue
	receiver    *receiver
	engine      *engine
	committer   *committer
	ledger      *ledger
	registry    *registry
	outbox      *outbox
	publisher   *jms.Publisher // nil without a broker
	store       store
	shared      *redisStore // the store, when it is shared
	changing    sync.Mutex  // held by whoever changes conditions and templates
	expiry      outage      // of dropping from the store what is over
	listener    net.Listener
	server      *http.Server
	certificate string // file of a certificate of its own
}

// New prepares a manager: opens its store, reads what that holds, binds its
// port. The caller closes it or runs it.
func New(o Options) (m *Manager, err error) {
	m = &Manager{options: o, clock: clock.New(), table: limit.New(limit.Budget{Verified: o.Config.Limits.MemoryBudget})}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	plan, err := compile(o.Policies, m.table)
	if err != nil {
		return nil, err
	}
	var templates []string
	for _, p := range o.Policies.Custom {
		templates = append(templates, p.KeyTemplate)
	}
	m.ledger, m.registry = newLedger(o.Config.Limits.MaxDecisions), newRegistry(templates)
	if err := m.openStore(); err != nil {
		return nil, err
	}
	m.assemble(plan)
	if err := m.connectBroker(); err != nil {
		return nil, err
	}
	return m, m.listen()
}

// Close gives back what a manager holds that was not run.
func (m *Manager) Close() {
	if m.listener != nil {
		m.listener.Close()
	}
	if m.store != nil {
		if err := m.store.close(); err != nil {
			m.options.Log.Error("closing the store failed", "error", err)
		}
	}
}

// openStore opens the store and takes in what it holds.
func (m *Manager) openStore() error {
	c := &m.options.Config.Store
	if c.Type == "redis" {
		s, err := openRedis(&c.Redis, m.options.Log)
		if err != nil {
			return err
		}
		m.store, m.shared = s, s
	} else {
		s, err := openBolt(c.Dir)
		if err != nil {
			return err
		}
		m.store = s
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*storeTimeout)
	defer cancel()
	all, err := m.store.load(ctx)
	if err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	now := m.clock.Time().UnixMilli()
	for _, d := range all.decisions {
		if d.Expiry >= now {
			m.ledger.add(d)
		}
	}
	m.registry.replace(all.blocks, all.templates)
	return nil
}

// assemble joins the parts.
func (m *Manager) assemble(p *plan) {
	o := &m.options
	m.outbox = &outbox{
		text: o.Config.Broker.Format == "text", now: m.clock.Time, filled: make(chan struct{}, 1),
		decisions: m.ledger.all, standing: m.registry.messages,
	}
	m.expiry.what = "the store is not tidied up"
	m.committer = &committer{
		save: m.save, publish: m.publish, log: o.Log, filled: make(chan struct{}, 1),
		outage: outage{what: "decisions are not stored, a restart would lose them"},
	}
	m.queue = newQueue(o.Config.Limits.QueueSize)
	m.engine = &engine{
		plan: p, queue: m.queue, ledger: m.ledger, commit: m.committer, now: m.clock.Now, log: o.Log,
		counter: func() counter { return newLocalCounter(m.table) },
	}
	if m.shared != nil {
		m.engine.counter = func() counter { return newSharedCounter(m.shared, newLocalCounter(m.table)) }
		m.engine.claim = m.claim
		m.outbox.delivered = m.shared.delivered
	}
	m.receiver = newReceiver(m.queue, newNodes(), m.clock.Now)
}

func (m *Manager) save(all []*held) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	return m.store.decided(ctx, all)
}

func (m *Manager) publish(all []*held) {
	if m.publisher != nil {
		m.outbox.decide(all)
	}
}

func (m *Manager) push(msg event.Message, withdraws bool) {
	if m.publisher != nil {
		m.outbox.change(msg, withdraws)
	}
}

func (m *Manager) storeFails() bool {
	return m.committer.outage.now() || m.expiry.now() || m.shared != nil && m.shared.outage.now()
}

func (m *Manager) listen() error {
	c := &m.options.Config.Listener
	cert, made, err := certificate(c, m.options.Config.Store.Dir, m.clock.Time())
	if err != nil {
		return err
	}
	m.certificate = made
	if m.listener, err = net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port))); err != nil {
		return err
	}
	m.server = newServer(m.routes(), cert, m.options.Log)
	return nil
}

// Address is where the manager listens.
func (m *Manager) Address() net.Addr { return m.listener.Addr() }

// CertificateFile is the certificate that gateways have to trust, when the
// manager made it itself.
func (m *Manager) CertificateFile() string { return m.certificate }

// Run serves until ctx ends, then counts, stores and publishes what it has
// accepted, and closes the manager.
func (m *Manager) Run(ctx context.Context) error {
	defer m.Close()
	upkeep := start(m.upkeep)
	publishing := start(func(ctx context.Context) {
		if m.publisher != nil {
			m.publisher.Run(ctx)
		}
	})
	committing := start(func(ctx context.Context) { m.committer.run(ctx.Done()) })
	counting := start(func(ctx context.Context) { m.engine.run(runtime.GOMAXPROCS(0), ctx.Done()) })
	served := make(chan error, 1)
	go func() { served <- m.server.ServeTLS(m.listener, "", "") }()
	var err error
	select {
	case <-ctx.Done():
		m.shutdown(ctx)
		<-served
	case err = <-served:
	}
	upkeep()
	counting()
	committing()
	m.drain()
	publishing()
	return err
}

// shutdown ends the server: requests under way are finished, within a bound.
func (m *Manager) shutdown(ctx context.Context) {
	m.options.Log.Info("the traffic manager is stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.options.Config.Listener.ShutdownTimeout)
	defer cancel()
	if m.server.Shutdown(ctx) != nil {
		m.server.Close()
	}
}

// drainFor bounds how long a manager that stops waits for the broker. What it
// does not publish is stored, and published at the next start.
const drainFor = time.Second

func (m *Manager) drain() {
	for until := time.Now().Add(drainFor); m.outbox.connected() && !m.outbox.drained() && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

// upkeep forgets what is over.
func (m *Manager) upkeep(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { m.clock.Follow(ctx) })
	if m.shared != nil {
		group.Go(func() { m.follow(ctx) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			group.Wait()
			return
		case <-tick.C:
			now := m.clock.Time().UnixMilli()
			m.ledger.expire(now)
			if err := m.store.expired(ctx, now); ctx.Err() == nil {
				m.expiry.note(m.options.Log, err)
			}
		}
	}
}

// start runs a part of the manager; the function it gives ends it and waits.
func start(part func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); part(ctx) }()
	return func() { cancel(); <-done }
}
