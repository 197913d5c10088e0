package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mgw/samples/internal/harness"
)

// Cluster is the whole sample, running: broker, manager, gateways, backend.
type Cluster struct {
	*Project
	Broker   *Broker
	Manager  *Manager
	Gateways []*harness.Gateway
	Backend  *Backend
}

// Start starts broker and manager, then so many gateways, and waits until each
// hears the decisions. End ends it, also after an error.
func Start(ctx context.Context, p *Project, gateways int, flags ...string) (*Cluster, error) {
	c := &Cluster{Project: p, Backend: NewBackend()}
	port, err := FreePort()
	if err != nil {
		return c, err
	}
	if c.Broker, err = p.StartBroker(ctx, port); err != nil {
		return c, err
	}
	if c.Manager, err = p.StartManager(ctx, 0, c.Broker.Address); err != nil {
		return c, err
	}
	c.Gateways, err = StartGateways(ctx, gateways, func() (*harness.Gateway, error) {
		return p.StartGateway(ctx, c.Backend.URL, Where{c.Broker.Address, c.Manager.Address}, flags...)
	})
	if err != nil {
		return c, err
	}
	for _, g := range c.Gateways {
		if err := AwaitWhole(ctx, g); err != nil {
			return c, err
		}
	}
	return c, nil
}

// StartGateways starts gateways at the same time. Those that did start come
// back beside an error.
func StartGateways(ctx context.Context, n int, start func() (*harness.Gateway, error)) ([]*harness.Gateway, error) {
	all, errs := make([]*harness.Gateway, n), make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { all[i], errs[i] = start() })
	}
	group.Wait()
	var started []*harness.Gateway
	for _, g := range all {
		if g != nil {
			started = append(started, g)
		}
	}
	return started, errors.Join(errs...)
}

// End stops whatever still runs, gateways first.
func (c *Cluster) End() error {
	var all []error
	for _, g := range c.Gateways {
		all = append(all, g.Stop())
	}
	if c.Manager != nil {
		all = append(all, c.Manager.Stop())
	}
	if c.Broker != nil {
		c.Broker.Kill()
	}
	c.Backend.Close()
	return errors.Join(all...)
}

// AwaitWhole waits until a gateway lacks nothing.
func AwaitWhole(ctx context.Context, g *harness.Gateway) error {
	for {
		lacks, err := Missing(ctx, g)
		if err == nil && len(lacks) == 0 {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("a gateway lacks %s (%v):\n%s", strings.Join(lacks, ", "), err, g.Output())
		}
	}
}

// Missing gives what /health?verbose says that a gateway lacks.
func Missing(ctx context.Context, g *harness.Gateway) ([]string, error) {
	a, err := harness.Request{URL: g.HTTP + "/health?verbose"}.Send(ctx)
	if err != nil {
		return nil, err
	}
	var health struct{ Missing []string }
	err = json.Unmarshal([]byte(a.Body), &health)
	return health.Missing, err
}

// State is what of GET /state of a gateway's admin listener is looked at.
type State struct {
	Manager struct {
		Events struct {
			Connected                      bool
			Sent, Queued, Dropped, Unknown int
		}
		Topic     struct{ Messages int }
		Decisions struct{ Keys int }
	} `json:"trafficManager"`
}

// StateOf asks a gateway for its state.
func (p *Project) StateOf(ctx context.Context, g *harness.Gateway) (s State, err error) {
	admin, err := g.Admin(ctx)
	if err != nil {
		return s, err
	}
	token, err := os.ReadFile(filepath.Join(p.Dir, "demo/conf/admin.token"))
	if err != nil {
		return s, err
	}
	a, err := harness.Request{URL: admin + "/state", Token: strings.TrimSpace(string(token))}.Send(ctx)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(a.Body), &s)
}

// Backend counts the requests that reach it, and answers them with nothing.
type Backend struct {
	*httptest.Server
	Reached atomic.Int64
}

// NewBackend starts a backend in this process.
func NewBackend() *Backend {
	b := new(Backend)
	b.Server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { b.Reached.Add(1) }))
	return b
}

// Unused is an address of the loopback at which nothing listens.
func Unused() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
