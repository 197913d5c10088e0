package listen_test

import (
	"net/netip"
	"testing"

	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/listen/fronttest"
	"mgw/runtime/spec"
)

// standard is this package's front with net/http's transport.
var standard = fronttest.Stack{
	Serve: func(t *testing.T, f fronttest.Front) string {
		l := start(t, listen.Options{
			Chain:    f.Chain,
			HTTP:     "127.0.0.1:0",
			Limits:   listen.Limits{URI: fronttest.MaxURI, Header: fronttest.MaxHeader, Body: f.MaxBody},
			Timeouts: listen.Timeouts{Body: f.BodyTimeout, Tunnel: f.TunnelTimeout},
		})
		address, _ := l.Addresses()
		return address.String()
	},
	Forward: func(t *testing.T, e spec.Endpoint, trusted bool) exchange.Stage {
		transport := backend.NewStandard(backend.StandardOptions{})
		b, err := backend.New(backend.Options{
			Gateway:      &spec.Gateway{APIs: make([]spec.API, 1), Endpoints: []spec.Endpoint{e}},
			Transport:    transport,
			TrustedProxy: func(netip.Addr) bool { return trusted },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b.Forward
	},
	Lacks: fronttest.HandlerLacks,
}

func TestBehaviourOverNetHTTP(t *testing.T) {
	exchange.Poison = true
	fronttest.Run(t, standard)
}
