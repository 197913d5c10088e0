package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const (
	failFor    = 5 * time.Second // how long something is broken
	recoverIn  = 5 * time.Second // after the last part accepts connections
	spendUntil = 4 * time.Second // of that, decisions go on being made
	spendEvery = 200 * time.Millisecond
	failNodes  = 3
)

// failing is a cluster whose parts meet through networks that fail.
type failing struct {
	bench *bench
	*nodes.Cluster
	toBroker, toManager, fromManager *proxy // the last is the manager's way to the broker
	brokerPort, managerPort          int

	mu     sync.Mutex
	tokens map[string]string // by application
	next   int
}

// failures breaks one part after the other during load, mends it, and looks
// whether all decisions are in force everywhere soon after.
func failures(ctx context.Context, b *bench) (err error) {
	f := &failing{bench: b, tokens: map[string]string{}}
	f.Cluster = &nodes.Cluster{Project: b.Project, Backend: nodes.NewBackend()}
	defer func() { err = errors.Join(err, f.end()) }()
	if err := f.start(ctx); err != nil {
		return err
	}
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, 6*time.Minute))
	before := f.open(0)
	for _, s := range f.scenarios() {
		if err := f.play(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return f.leftBehind(ctx, before)
}

func (f *failing) start(ctx context.Context) (err error) {
	if f.brokerPort, err = nodes.FreePort(); err != nil {
		return err
	}
	if f.managerPort, err = nodes.FreePort(); err != nil {
		return err
	}
	if err := f.startBroker(ctx); err != nil {
		return err
	}
	for _, way := range []struct {
		proxy **proxy
		port  int
	}{{&f.toBroker, f.brokerPort}, {&f.toManager, f.managerPort}, {&f.fromManager, f.brokerPort}} {
		if *way.proxy, err = newProxy(fmt.Sprintf("127.0.0.1:%d", way.port)); err != nil {
			return err
		}
	}
	if err := f.startManager(ctx); err != nil {
		return err
	}
	for range failNodes {
		g, err := f.startGateway(ctx)
		if err != nil {
			return err
		}
		f.Gateways = append(f.Gateways, g)
	}
	for _, g := range f.Gateways {
		if err := nodes.AwaitWhole(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (f *failing) startBroker(ctx context.Context) (err error) {
	f.Broker, err = f.StartBroker(ctx, f.brokerPort)
	return err
}

func (f *failing) startManager(ctx context.Context) (err error) {
	f.Manager, err = f.StartManager(ctx, f.managerPort, f.fromManager.address())
	return err
}

func (f *failing) startGateway(ctx context.Context) (*harness.Gateway, error) {
	return f.StartGateway(ctx, f.Backend.URL, nodes.Where{Broker: f.toBroker.address(), Manager: f.toManager.address()})
}

func (f *failing) end() error {
	err := f.End()
	for _, p := range []*proxy{f.toBroker, f.toManager, f.fromManager} {
		if p != nil {
			p.end()
		}
	}
	return err
}

// scenario breaks something and mends it again.
type scenario struct {
	name  string
	fails func() error
	mends func(context.Context) error
}

func (f *failing) scenarios() []scenario {
	killBroker := func() error { return f.Broker.Kill() }
	killManager := func() error { return f.Manager.Kill() }
	killGateway := func() error {
		g := f.gateway(failNodes - 1)
		if err := g.Signal(syscall.SIGKILL); err != nil {
			return err
		}
		_ = g.Wait() // killed: its error says nothing
		return nil
	}
	newGateway := func(ctx context.Context) error {
		g, err := f.startGateway(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err == nil {
			f.Gateways[failNodes-1] = g
		}
		return err
	}
	network := func(name string, mode int32, all ...*proxy) scenario {
		set := func(mode int32) {
			for _, p := range all {
				p.become(mode)
			}
		}
		return scenario{name, func() error { set(mode); return nil }, func(context.Context) error { set(passes); return nil }}
	}
	return []scenario{
		{"broker killed", killBroker, f.startBroker},
		{"manager killed", killManager, f.startManager},
		{"gateway killed", killGateway, newGateway},
		network("gateways cut from the broker", cuts, f.toBroker),
		network("gateways' broker hangs", hangs, f.toBroker),
		network("gateways cut from the manager", cuts, f.toManager),
		network("gateways' manager hangs", hangs, f.toManager),
		network("manager cut from the broker", cuts, f.fromManager),
		network("manager's broker hangs", hangs, f.fromManager),
		network("everything slow", slow, f.toBroker, f.toManager, f.fromManager),
		network("everything truncated", truncate, f.toBroker, f.toManager, f.fromManager),
		{"broker, manager and gateway killed; gateway, manager, broker started", func() error {
			return errors.Join(killBroker(), killManager(), killGateway())
		}, func(ctx context.Context) error {
			return errors.Join(newGateway(ctx), f.startManager(ctx), f.startBroker(ctx))
		}},
		{"manager, gateway and broker killed; broker, gateway, manager started", func() error {
			return errors.Join(killManager(), killGateway(), killBroker())
		}, func(ctx context.Context) error {
			return errors.Join(f.startBroker(ctx), newGateway(ctx), f.startManager(ctx))
		}},
	}
}

func (f *failing) gateway(n int) *harness.Gateway {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Gateways[n]
}

func (f *failing) play(ctx context.Context, s scenario) error {
	spending, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() { f.spend(spending) })
	time.Sleep(time.Second)
	if err := s.fails(); err != nil {
		return err
	}
	time.Sleep(failFor)
	if err := s.mends(ctx); err != nil {
		return err
	}
	mended := time.Now()
	time.Sleep(spendUntil)
	stop()
	group.Wait()
	time.Sleep(time.Until(mended.Add(recoverIn)))
	return f.check(ctx, s.name)
}

// spend uses up the limits of new applications, each at one gateway.
func (f *failing) spend(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		f.next++
		app, g := fmt.Sprintf("fail-%d", f.next), f.Gateways[f.next%failNodes]
		f.mu.Unlock()
		token, err := f.Token(ctx, app, "TenPerHour")
		if err != nil {
			return
		}
		f.mu.Lock()
		f.tokens[app] = token
		f.mu.Unlock()
		for range 11 {
			if _, err := (harness.Request{URL: g.HTTP + "/tickets/list", Token: token}).Send(ctx); err != nil {
				break // a gateway that was killed
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(spendEvery):
		}
	}
}

// check asks every gateway about every decision that the manager holds.
func (f *failing) check(ctx context.Context, name string) error {
	keys, err := f.throttled(ctx)
	if err != nil {
		return err
	}
	asked, missing := 0, []string{}
	for _, key := range keys {
		token := f.tokens[key]
		if token == "" {
			continue
		}
		for n := range failNodes {
			a, err := harness.Request{URL: f.gateway(n).HTTP + "/tickets/list", Token: token}.Send(ctx)
			if err != nil {
				return err
			}
			if asked++; a.Status != http.StatusTooManyRequests {
				missing = append(missing, fmt.Sprintf("%s at gateway %d", key, n+1))
			}
		}
	}
	held := make([]int, failNodes)
	for n := range failNodes {
		s, err := f.StateOf(ctx, f.gateway(n))
		if err != nil {
			return err
		}
		held[n] = s.Manager.Decisions.Keys
	}
	f.bench.say("%s: %d applications spent so far, %d decisions valid, the gateways hold %v; %d times asked, %d not in force %s",
		name, len(f.tokens), len(keys), held, asked, len(missing), strings.Join(missing, ", "))
	return nil
}

// throttled gives the keys of the manager's decisions.
func (f *failing) throttled(ctx context.Context) ([]string, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // this machine's
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+f.Manager.Address+"/internal/data/v1/throttled", nil)
	if err != nil {
		return nil, err
	}
	user, password, _ := strings.Cut(nodes.Account, ":")
	req.SetBasicAuth(user, password)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []struct{ ThrottleKey string }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("GET throttled: %s: %w", resp.Status, err)
	}
	keys := make([]string, len(all))
	for i, d := range all {
		keys[i] = d.ThrottleKey
	}
	return keys, nil
}

// open counts a gateway's open files and connections.
func (f *failing) open(n int) int {
	all, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.gateway(n).Pid())) // elsewhere there is none
	return len(all)
}

// leftBehind compares the gateway that lived through everything with how it
// was, and with the one that was started last.
func (f *failing) leftBehind(ctx context.Context, openBefore int) error {
	time.Sleep(2 * time.Second)
	queues, err := f.Broker.Queues(ctx)
	if err != nil {
		return err
	}
	openAfter := f.open(0)
	old, err := f.goroutines(0)
	if err != nil {
		return err
	}
	fresh, err := f.goroutines(failNodes - 1)
	if err != nil {
		return err
	}
	f.Gateways = f.Gateways[1 : failNodes-1]
	f.bench.say("%d queues on the broker for %d gateways; the first gateway has %d files open (%d before)", queues, failNodes, openAfter, openBefore)
	for made, n := range old {
		if n > fresh[made] {
			f.bench.say("the first gateway has %d goroutines made by %s, the newest %d", n, made, fresh[made])
		}
	}
	return nil
}

var madeBy = regexp.MustCompile(`(?m)^created by (\S+)`)

// goroutines ends a gateway so that it prints them, and counts them by who made
// them.
func (f *failing) goroutines(n int) (map[string]int, error) {
	g := f.gateway(n)
	if err := g.Signal(syscall.SIGQUIT); err != nil {
		return nil, err
	}
	_ = g.Wait() // its error is what was asked for
	count := map[string]int{}
	for _, m := range madeBy.FindAllStringSubmatch(g.Output(), -1) {
		count[m[1]]++
	}
	return count, nil
}
