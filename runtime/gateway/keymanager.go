package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"mgw/runtime/config"
	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// keyManager passes the key manager's own paths on (contract 5.7): no API, no
// limit, and credentials untouched, for they are the key manager's. All else goes
// on to the handler behind it.
type keyManager struct {
	chain    exchange.Chain
	behind   exchange.Handler
	backends *backend.Backends
	api      spec.API
	op       spec.Operation
}

// keyPaths are the paths, exactly: what lies below them, and what only looks
// like one of them, is not passed on, so that nothing else of the key manager
// can be reached.
var keyPaths = map[string]struct{ method, name string }{
	"/token":     {"POST", "token"},
	"/revoke":    {"POST", "revoke"},
	"/authorize": {"GET", "authorize"},
	"/userinfo":  {"GET", "user info"},
}

// newKeyManager gives nil where no key manager is configured.
func newKeyManager(g *generation, behind exchange.Handler) (*keyManager, error) {
	cfg := g.options.Config
	m := cfg.KeyManager
	if m.ServerURL == "" {
		return nil, nil
	}
	trusted, err := roots(m.TrustedCertificateFile, config.KeyStore{})
	if err != nil {
		return nil, err
	}
	url := strings.TrimRight(m.ServerURL, "/") + "/" + strings.Trim(m.TokenContext, "/")
	k := &keyManager{behind: behind, op: spec.Operation{Production: 0, Sandbox: spec.NoEndpoint}}
	k.backends, err = backend.New(backend.Options{
		Gateway: &spec.Gateway{
			APIs:      []spec.API{k.api},
			Endpoints: []spec.Endpoint{{Name: "the key manager", Type: spec.HTTP, URLs: []string{strings.TrimRight(url, "/")}}},
		},
		Transport:    backend.NewStandard(backend.StandardOptions{TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}}),
		Now:          g.clock.Now,
		TrustedProxy: func(a netip.Addr) bool { return listen.Proxies(cfg.Listener.TrustedProxies).Trusts(a) },
		LegacyStatus: cfg.Clients.LegacyStatus,
	})
	if err != nil {
		return nil, err
	}
	k.chain = exchange.Chain{
		Request: []exchange.Stage{g.gateway.counters.Begin, k.forward},
		Done:    []func(*exchange.Exchange){k.backends.Done, g.gateway.record},
		Panic:   g.gateway.answerPanic,
	}
	return k, nil
}

// Serve implements exchange.Handler.
func (k *keyManager) Serve(x *exchange.Exchange) error {
	if _, ok := keyPaths[string(x.Path)]; ok {
		return k.chain.Serve(x)
	}
	return k.behind.Serve(x)
}

// Refuse implements exchange.Handler.
func (k *keyManager) Refuse(x *exchange.Exchange) error { return k.behind.Refuse(x) }

func (k *keyManager) forward(x *exchange.Exchange) bool {
	path := keyPaths[string(x.Path)]
	if x.Method != path.method {
		x.Response.Set("Allow", path.method)
		reply.MethodNotAllowed.Send(x)
		return false
	}
	x.API, x.Operation = &k.api, &k.op
	k.backends.Forward(x)
	x.API, x.Operation = nil, nil // counters and log know those that were built in
	if x.Code == reply.BackendUnreachable.Code || x.Code == reply.BackendTimeout.Code {
		reply.KeyManagerFailed(x, path.name)
	}
	return false
}

// close ends idle connections. k may be nil.
func (k *keyManager) close() {
	if k != nil {
		k.backends.Close()
	}
}

// keyListener is for the key manager's paths alone, over TLS
// (listenerConfig.tokenListenerPort); nil where there is no port or no key
// manager.
func (g *Gateway) keyListener() (*listen.Listener, error) {
	l := g.options.Config.Listener
	if l.TokenPort == 0 || g.options.Config.KeyManager.ServerURL == "" {
		return nil, nil
	}
	o := listenOptions(g.options.Config, g.options.Log)
	o.HTTP, o.HTTPS = "", net.JoinHostPort(l.Host, strconv.Itoa(l.TokenPort))
	o.Chain, o.Now, o.Address = &g.serving, g.clock.Now, g.address
	o.System = func(x *exchange.Exchange) bool {
		if _, ok := keyPaths[string(x.Path)]; ok {
			return true
		}
		reply.NotFound.Send(x)
		return false
	}
	return listen.New(o)
}

// serve serves until all listeners are shut down. One that fails takes the
// other along.
func (g *Gateway) serve() error {
	if g.tokens == nil {
		return g.listener.Serve()
	}
	ended := make(chan error, 2)
	go func() { ended <- g.listener.Serve() }()
	go func() { ended <- g.tokens.Serve() }()
	err := <-ended
	if err != nil {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		_ = g.shutdown(gone)
	}
	return errors.Join(err, <-ended)
}

// shutdown drains all listeners.
func (g *Gateway) shutdown(ctx context.Context) error {
	if g.tokens == nil {
		return g.listener.Shutdown(ctx)
	}
	drained := make(chan error, 1)
	go func() { drained <- g.tokens.Shutdown(ctx) }()
	return errors.Join(g.listener.Shutdown(ctx), <-drained)
}
