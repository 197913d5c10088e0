package wire_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/listen/fronttest"
	"mgw/runtime/internal/wire"
	"mgw/runtime/spec"
)

// What both fronts must do alike, over this engine, over net/http, and over
// each with the other's way to backends.

func TestBehaviourOverTheEngine(t *testing.T) {
	fronttest.Run(t, fronttest.Stack{Serve: serveEngine, Forward: forwardOver(engineTransport)})
}

func TestBehaviourOfTheEngineBeforeNetHTTP(t *testing.T) {
	fronttest.Run(t, fronttest.Stack{Serve: serveEngine, Forward: forwardOver(standardTransport)})
}

func TestBehaviourOfNetHTTPBeforeTheEngine(t *testing.T) {
	fronttest.Run(t, fronttest.Stack{Serve: serveStandard, Forward: forwardOver(engineTransport), Lacks: fronttest.HandlerLacks})
}

func engineTransport() exchange.Transport { return wire.NewTransport(wire.TransportOptions{}) }

func standardTransport() exchange.Transport { return backend.NewStandard(backend.StandardOptions{}) }

// serveEngine starts a listener whose connections the engine serves, as the
// gateway does.
func serveEngine(t *testing.T, f fronttest.Front) string {
	engine, err := wire.NewServer(wire.Options{
		Chain:         f.Chain,
		Panic:         func(r any) { t.Errorf("panic: %v", r) },
		MaxTarget:     fronttest.MaxURI,
		MaxHeader:     fronttest.MaxHeader,
		MaxBody:       f.MaxBody,
		BodyTimeout:   f.BodyTimeout,
		TunnelTimeout: f.TunnelTimeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := listenOptions(f)
	o.Engine, o.Drain = engine.ServeConn, engine.Shutdown
	return serve(t, o)
}

func serveStandard(t *testing.T, f fronttest.Front) string { return serve(t, listenOptions(f)) }

func listenOptions(f fronttest.Front) listen.Options {
	return listen.Options{
		Chain:    f.Chain,
		HTTP:     "127.0.0.1:0",
		Limits:   listen.Limits{URI: fronttest.MaxURI, Header: fronttest.MaxHeader, Body: f.MaxBody},
		Timeouts: listen.Timeouts{Body: f.BodyTimeout, Tunnel: f.TunnelTimeout},
	}
}

func serve(t *testing.T, o listen.Options) string {
	l, err := listen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = l.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	address, _ := l.Addresses()
	return address.String()
}

func forwardOver(open func() exchange.Transport) func(*testing.T, spec.Endpoint, bool) exchange.Stage {
	return func(t *testing.T, e spec.Endpoint, trusted bool) exchange.Stage {
		b, err := backend.New(backend.Options{
			Gateway:      &spec.Gateway{APIs: make([]spec.API, 1), Endpoints: []spec.Endpoint{e}},
			Transport:    open(),
			TrustedProxy: func(netip.Addr) bool { return trusted },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b.Forward
	}
}
