package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"

	"software.sslmate.com/src/go-pkcs12"

	"mgw/runtime/config"
	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/throttle"
	"mgw/runtime/internal/wire"
	"mgw/runtime/spec"
)

// This file says what the configuration means to the rooms; identity.go does
// so for auth.

func throttleOptions(cfg *config.Config, served *spec.Gateway, now func() int64) throttle.Options {
	t := cfg.Throttling
	return throttle.Options{
		Gateway:           served,
		Now:               now,
		MemoryBudget:      t.MemoryBudget,
		ApplicationKey:    t.ApplicationKey,
		RefuseUnlimited:   !t.EnableUnlimitedTier,
		IPv6Prefix:        t.IPv6Prefix,
		RateLimitHeaders:  t.RateLimitHeaders,
		XRateLimitHeaders: t.XRateLimitHeaders,
		TrafficManager:    t.Manager.Enabled,
		EventHeaders:      t.HeaderConditions,
		EventQueries:      t.QueryConditions,
		EventClaims:       t.ClaimConditions,
	}
}

func listenOptions(cfg *config.Config, log *slog.Logger) listen.Options {
	l := cfg.Listener
	return listen.Options{
		Log:   log,
		HTTP:  net.JoinHostPort(l.Host, strconv.Itoa(l.HTTPPort)),
		HTTPS: net.JoinHostPort(l.Host, strconv.Itoa(l.HTTPSPort)),
		Certificate: listen.Certificate{
			File: l.CertificateFile, KeyFile: l.PrivateKeyFile,
			KeyStore: l.KeyStore.Path, KeyStorePass: l.KeyStore.Password.Reveal(),
		},
		ClientAuth:     clientAuth(cfg),
		NoHTTP2:        !l.HTTP2,
		NoKeepAlive:    l.KeepAlive == "NEVER",
		TrustedProxies: l.TrustedProxies,
		Limits:         listen.Limits{URI: l.MaxURILength, Header: l.MaxHeaderSize, Body: max(0, l.MaxBodySize)},
		Timeouts:       listen.Timeouts{Header: l.HeaderTimeout, Idle: l.IdleTimeout, Body: l.BodyTimeout, Write: l.WriteTimeout},
	}
}

// clientAuth asks callers for a certificate where an API may want one. Whose
// it is, auth judges by the certificates that the API names.
func clientAuth(cfg *config.Config) tls.ClientAuthType {
	switch {
	case len(cfg.MutualTLS.Certificates) == 0:
		return tls.NoClientCert
	case cfg.MutualTLS.VerifyClient == "require":
		return tls.RequireAnyClientCert
	}
	return tls.RequestClientCert
}

func backendOptions(cfg *config.Config, served *spec.Gateway, now func() int64, passwords map[int]config.Secret) (backend.Options, error) {
	c := cfg.Clients
	secure, err := backendTLS(&c)
	if err != nil {
		return backend.Options{}, err
	}
	probe := &http.Transport{TLSClientConfig: secure.Clone(), DisableKeepAlives: true}
	standard := backend.StandardOptions{TLS: secure, NoHTTP2: !c.HTTP2, StatusLine: c.MaxStatusLine, ResponseHeader: int64(c.MaxHeaderSize)}
	if c.Proxy.Enabled {
		standard.Proxy = &url.URL{Scheme: "http", Host: net.JoinHostPort(c.Proxy.Host, strconv.Itoa(c.Proxy.Port))}
		if c.Proxy.Account.Username != "" {
			standard.Proxy.User = url.UserPassword(c.Proxy.Account.Username, c.Proxy.Account.Password.Reveal())
		}
	}
	if standard.Proxy != nil {
		probe.Proxy = http.ProxyURL(standard.Proxy)
	}
	var transport exchange.Transport = backend.NewStandard(standard)
	if cfg.Listener.Engine == "fast" && !c.Proxy.Enabled {
		transport = &engines{
			fast:     wire.NewTransport(wire.TransportOptions{TLS: secure, MaxStatusLine: c.MaxStatusLine, MaxHeader: c.MaxHeaderSize}),
			standard: backend.NewStandard(standard),
			http2:    c.HTTP2,
		}
	}
	return backend.Options{
		Gateway:      served,
		Transport:    transport,
		Now:          now,
		TrustedProxy: func(a netip.Addr) bool { return listen.Proxies(cfg.Listener.TrustedProxies).Trusts(a) },
		Password: func(endpoint int) (string, bool) {
			p, ok := passwords[endpoint]
			return p.Reveal(), ok && !p.Empty()
		},
		Probe:        probe,
		Refresh:      c.DNSRefresh,
		RemoteNames:  c.Proxy.Enabled,
		LegacyStatus: c.LegacyStatus,
		MaxBody:      max(0, c.MaxBodySize),
		Pool:         spec.Pool{MaxActive: c.MaxActive, MaxIdle: c.MaxIdle, WaitMillis: int(c.Wait.Milliseconds()), MaxStreams: c.MaxStreams},
	}, nil
}

func backendTLS(c *config.Clients) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SkipVerify} // the user's explicit word
	if !c.VerifyHostname && !c.SkipVerify {
		return nil, errors.New("httpClients.verifyHostname = false is not supported: trust the backend's certificate by httpClients.certificateFile")
	}
	var err error
	out.RootCAs, err = roots(c.CertificateFile, c.TrustStore)
	return out, err
}

// roots are the system's certificates and those of the configured files; nil
// is the system's alone.
func roots(file string, trust config.KeyStore) (*x509.CertPool, error) {
	if file == "" && trust.Path == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s holds no PEM certificate", file)
		}
	}
	if trust.Path == "" {
		return pool, nil
	}
	data, err := os.ReadFile(trust.Path)
	if err != nil {
		return nil, err
	}
	certificates, err := pkcs12.DecodeTrustStore(data, trust.Password.Reveal())
	if err != nil {
		return nil, fmt.Errorf("trust store %s: %w", trust.Path, err)
	}
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool, nil
}
