package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mgw/samples/internal/harness"
)

// Fleet is gateways and the backend behind them.
type Fleet struct {
	*Project
	Gateways []*harness.Gateway
	Backend  *Backend
}

// Start starts a backend and so many gateways, and waits until each has its
// share of every limit. Each finds Redis at the address that redis gives for
// its number; nil: there is none, and each has all of every limit. End ends
// it, also after an error.
func (p *Project) Start(ctx context.Context, gateways int, redis func(gateway int) string, flags ...string) (f *Fleet, err error) {
	f = &Fleet{Project: p}
	if f.Backend, err = p.StartBackend(ctx); err != nil {
		return f, err
	}
	started, errs := make([]*harness.Gateway, gateways), make([]error, gateways)
	var group sync.WaitGroup
	for i := range gateways {
		group.Go(func() {
			url := ""
			if redis != nil {
				url = "redis://" + redis(i)
			}
			started[i], errs[i] = p.StartGateway(ctx, f.Backend.URL, url, flags...)
		})
	}
	group.Wait()
	for _, g := range started {
		if g != nil {
			f.Gateways = append(f.Gateways, g)
		}
	}
	if err := errors.Join(errs...); err != nil || redis == nil {
		return f, err
	}
	return f, f.AwaitShares(ctx)
}

// StartGateway starts a gateway that has one processor, and waits until it
// listens.
func (p *Project) StartGateway(ctx context.Context, backend, redis string, flags ...string) (*harness.Gateway, error) {
	all := []string{"--warehouse_prod_endpoint_0=" + backend, "--throttlingConfig.redis.url=" + redis}
	return p.Tools.StartGatewayIn(ctx, p.Dir, []string{"GOMAXPROCS=1"}, "demo/target/demo", append(all, flags...)...)
}

// AwaitShares waits until each gateway knows all others and has its share of
// each limit by the second, so that Redis may go away.
func (f *Fleet) AwaitShares(ctx context.Context) error {
	n := int64(len(f.Gateways))
	for _, g := range f.Gateways {
		err := await(ctx, func() error {
			s, err := f.StateOf(ctx, g)
			if err != nil {
				return err
			}
			for _, l := range s.Limits {
				if l.Window == time.Second && (l.Nodes != n || l.Share != l.Count/n) {
					return fmt.Errorf("%s: %d nodes, a share of %d", l.Key, l.Nodes, l.Share)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("waiting for the shares of a gateway: %w\n%s", err, g.Output())
		}
	}
	return nil
}

// await waits until something is so, or gives why it is not.
func await(ctx context.Context, holds func() error) error {
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// End stops whatever still runs, gateways first.
func (f *Fleet) End() error {
	var all []error
	for _, g := range f.Gateways {
		all = append(all, g.Stop())
	}
	if f.Backend != nil {
		all = append(all, f.Backend.Stop())
	}
	return errors.Join(all...)
}

// State is what GET /state of a gateway tells of its leases.
type State struct {
	Redis struct {
		PerNode, Answers bool
		Failures         int64
		LastError        string
	}
	Limits []LimitState
}

// LimitState is one limit of a gateway.
type LimitState struct {
	Key                                                                                             string
	Count, Granted, Taken, Refused, Returned, Stranded, InHand, Share, Calls, Failures, Late, Nodes int64
	Window                                                                                          time.Duration
	OnShare                                                                                         bool
}

// Limit gives the limit of an operation.
func (s State) Limit(path string) LimitState {
	for _, l := range s.Limits {
		if strings.HasSuffix(l.Key, ":GET:"+path+":PRODUCTION") {
			return l
		}
	}
	return LimitState{}
}

// StateOf asks a gateway for its leases.
func (p *Project) StateOf(ctx context.Context, g *harness.Gateway) (State, error) {
	admin, err := g.Admin(ctx)
	if err != nil {
		return State{}, err
	}
	token, err := os.ReadFile(filepath.Join(p.Dir, "demo/conf/admin.token"))
	if err != nil {
		return State{}, err
	}
	a, err := harness.Request{URL: admin + "/state", Token: strings.TrimSpace(string(token))}.Send(ctx)
	if err != nil {
		return State{}, err
	}
	var s struct{ BackendThroughput State }
	if err := json.Unmarshal([]byte(a.Body), &s); err != nil {
		return State{}, err
	}
	if len(s.BackendThroughput.Limits) == 0 {
		return State{}, fmt.Errorf("%s/state tells of no limits: %v", admin, a)
	}
	return s.BackendThroughput, nil
}

// Sum adds up what the gateways tell of an operation's limit.
func (f *Fleet) Sum(ctx context.Context, path string) (sum LimitState, err error) {
	for _, g := range f.Gateways {
		s, err := f.StateOf(ctx, g)
		if err != nil {
			return sum, err
		}
		l := s.Limit(path)
		sum.Key, sum.Count = l.Key, l.Count
		sum.Granted += l.Granted
		sum.Taken += l.Taken
		sum.Refused += l.Refused
		sum.Returned += l.Returned
		sum.Stranded += l.Stranded
		sum.Calls += l.Calls
		sum.Failures += l.Failures
		sum.Late += l.Late
	}
	return sum, nil
}
