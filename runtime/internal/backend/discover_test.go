package backend

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// directory answers look-ups with what a test says.
type directory struct {
	mu    sync.Mutex
	hosts map[string][]string
	srv   map[string][]*net.SRV
}

var errNoName = errors.New("no such host")

func (d *directory) LookupNetIP(_ context.Context, _, host string) (found []netip.Addr, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.hosts[host] {
		found = append(found, netip.MustParseAddr(a))
	}
	if found == nil {
		return nil, errNoName
	}
	return found, nil
}

func (d *directory) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if service+proto != "" {
		return "", nil, errors.New("not the name as it stands")
	}
	if d.srv[name] == nil {
		return "", nil, errNoName
	}
	return name, d.srv[name], nil
}

func (d *directory) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// ways counts what a transport was asked to open and to close.
type ways struct {
	fake
	mu     sync.Mutex
	opened map[string]int
	closed map[string]int
}

type countedWay struct {
	fakeUpstream
	ways *ways
}

func (w *ways) Open(to exchange.Target) exchange.Upstream {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened[to.Address]++
	return countedWay{fakeUpstream{&w.fake, to}, w}
}

func (c countedWay) Close() {
	c.ways.mu.Lock()
	defer c.ways.mu.Unlock()
	c.ways.closed[c.to.Address]++
}

func newWays() *ways {
	return &ways{fake: fake{do: answer(200)}, opened: map[string]int{}, closed: map[string]int{}}
}

// looked runs the endpoints of a gateway until the test ends.
func looked(t *testing.T, g *spec.Gateway, d *directory, w *ways) *Backends {
	b := mustNew(t, Options{Gateway: g, Transport: w, Resolver: d, Refresh: 10 * time.Second})
	b.Discover(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return b
}

func TestABackendThatMovesIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{hosts: map[string][]string{"pets.example": {"10.0.0.1", "10.0.0.2"}}}
		w := newWays()
		looked(t, one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://pets.example:81", "http://10.9.9.9"}}), d, w)
		for _, step := range []struct {
			what      string
			addresses []string
			opened    int
		}{
			{"as before, in another order", []string{"10.0.0.2", "10.0.0.1"}, 1},
			{"one more", []string{"10.0.0.2", "10.0.0.1", "10.0.0.3"}, 1},
			{"the name server is down", nil, 1},
			{"one has gone", []string{"10.0.0.2", "10.0.0.3"}, 2},
			{"all are others", []string{"10.1.0.1"}, 3},
		} {
			d.set(func() { d.hosts["pets.example"] = step.addresses })
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if w.opened["pets.example:81"] != step.opened || w.closed["pets.example:81"] != step.opened-1 {
				t.Errorf("%s: opened %d times, closed %d times", step.what, w.opened["pets.example:81"], w.closed["pets.example:81"])
			}
		}
		if w.opened["10.9.9.9:80"] != 1 {
			t.Error("an address was looked up")
		}
	})
}

func TestServicesAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const name = "_api._tcp.service.consul"
		record := func(host string, port, priority, weight int) *net.SRV {
			return &net.SRV{Target: host + ".", Port: uint16(port), Priority: uint16(priority), Weight: uint16(weight)}
		}
		d := &directory{srv: map[string][]*net.SRV{name: {record("a", 81, 1, 3), record("b", 82, 1, 1), record("spare", 83, 2, 1)}}}
		w := newWays()
		b := looked(t, one(spec.Endpoint{Name: "api", Type: spec.HTTP, URLs: []string{"srv+http://" + name + "/v1"}}), d, w)
		got := func() map[string]int {
			w.asked = nil
			for range 40 {
				b.Forward(request("GET", "/x"))
			}
			counts := map[string]int{}
			for _, a := range w.asked {
				counts[a]++
			}
			return counts
		}
		if c := got(); !maps.Equal(c, map[string]int{"a:81/v1/x": 30, "b:82/v1/x": 10}) {
			t.Errorf("by priority and weight: %v", c)
		}
		d.set(func() { d.srv[name] = nil })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c := got(); len(c) != 2 {
			t.Errorf("after a failed look-up: %v", c)
		}
		d.set(func() {
			d.srv[name] = []*net.SRV{record("b", 82, 1, 1), record("c", 84, 1, 1), record("", 0, 1, 1), record("b", 82, 1, 1)}
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c := got(); !maps.Equal(c, map[string]int{"b:82/v1/x": 20, "c:84/v1/x": 20}) {
			t.Errorf("after a change: %v", c)
		}
		if w.opened["b:82"] != 1 || w.closed["b:82"] != 0 || w.closed["a:81"] != 1 || w.closed["spare:83"] != 1 {
			t.Errorf("opened %v, closed %v", w.opened, w.closed)
		}
	})
}

func TestAServiceThatIsNotThereYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{srv: map[string][]*net.SRV{}}
		b := looked(t, one(spec.Endpoint{Type: spec.HTTP, URLs: []string{"srv+https://api.example"}}), d, newWays())
		x := request("GET", "/")
		if b.Forward(x); x.Status != 502 || x.Code != 101503 {
			t.Errorf("%d", x.Status)
		}
		d.set(func() { d.srv["api.example"] = []*net.SRV{{Target: "a.example.", Port: 443}} })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		x = request("GET", "/")
		if b.Forward(x); x.Status != 200 || x.Backend != "a.example:443" {
			t.Errorf("%d from %s", x.Status, x.Backend)
		}
	})
}

func TestAServiceBesideFixedURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{srv: map[string][]*net.SRV{"s": {{Target: "b", Port: 1, Priority: 7}, {Target: "c", Port: 1, Priority: 9}}}}
		for kind, want := range map[spec.EndpointType]string{spec.LoadBalance: "a b:1 c:1", spec.Failover: "a b:1 c:1"} {
			w := newWays()
			b := looked(t, one(spec.Endpoint{Type: kind, URLs: []string{"http://a", "srv+http://s"}}), d, w)
			w.do = func(exchange.Target, *exchange.Exchange) error { return errDown }
			var hosts []string
			for range 2 { // the second knows that all are in trouble
				w.asked = nil
				b.Forward(request("GET", ""))
			}
			for _, a := range w.asked {
				hosts = append(hosts, strings.TrimSuffix(a, "/"))
			}
			slices.Sort(hosts)
			if got := strings.Join(hosts, " "); got != want {
				t.Errorf("%s: %s", kind, got)
			}
			w.do = answer(200)
			w.asked = nil
			time.Sleep(firstHold)
			for range 4 {
				b.Forward(request("GET", ""))
			}
			if first := slices.Contains(w.asked, "b:1/"); first != (kind == spec.LoadBalance) || slices.Contains(w.asked, "c:1/") {
				t.Errorf("%s: asked %q", kind, w.asked)
			}
		}
	})
}
