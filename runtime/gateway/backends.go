package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"mgw/runtime/config"
	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/wire"
	"mgw/runtime/spec"
)

func backendOptions(cfg *config.Config, served *spec.Gateway, now func() int64, passwords map[int]config.Secret) (backend.Options, error) {
	c := cfg.Clients
	secure, err := backendTLS(&c)
	if err != nil {
		return backend.Options{}, err
	}
	through := outgoingProxy(&c.Proxy)
	return backend.Options{
		Gateway:      served,
		Transport:    backendTransport(cfg, secure, through),
		Now:          now,
		TrustedProxy: func(a netip.Addr) bool { return listen.Proxies(cfg.Listener.TrustedProxies).Trusts(a) },
		Password: func(endpoint int) (string, bool) {
			p, ok := passwords[endpoint]
			return p.Reveal(), ok && !p.Empty()
		},
		Probe:        &http.Transport{TLSClientConfig: secure.Clone(), Proxy: proxyOf(through), DisableKeepAlives: true},
		Refresh:      c.DNSRefresh,
		RemoteNames:  through != nil,
		LegacyStatus: c.LegacyStatus,
		MaxBody:      max(0, c.MaxBodySize),
		Pool:         spec.Pool{MaxActive: c.MaxActive, MaxIdle: c.MaxIdle, WaitMillis: int(c.Wait.Milliseconds()), MaxStreams: c.MaxStreams},
	}, nil
}

func backendTransport(cfg *config.Config, secure *tls.Config, through *url.URL) exchange.Transport {
	c := &cfg.Clients
	standard := backend.NewStandard(backend.StandardOptions{
		TLS: secure, NoHTTP2: !c.HTTP2, StatusLine: c.MaxStatusLine, ResponseHeader: int64(c.MaxHeaderSize), Proxy: through,
	})
	if cfg.Listener.Engine != "fast" {
		return standard
	}
	return &engines{
		fast:     wire.NewTransport(wire.TransportOptions{TLS: secure, Proxy: through, MaxStatusLine: c.MaxStatusLine, MaxHeader: c.MaxHeaderSize}),
		standard: standard,
		http2:    c.HTTP2,
	}
}

// outgoingProxy is nil where none is configured.
func outgoingProxy(p *config.Proxy) *url.URL {
	if !p.Enabled {
		return nil
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(p.Host, strconv.Itoa(p.Port))}
	if p.Account.Username != "" {
		u.User = url.UserPassword(p.Account.Username, p.Account.Password.Reveal())
	}
	return u
}

// internalProxy is the way to key servers and traffic managers.
func internalProxy(cfg *config.Config) func(*http.Request) (*url.URL, error) {
	if !cfg.Clients.Proxy.Internal {
		return nil
	}
	return proxyOf(outgoingProxy(&cfg.Clients.Proxy))
}

func proxyOf(u *url.URL) func(*http.Request) (*url.URL, error) {
	if u == nil {
		return nil
	}
	return http.ProxyURL(u)
}

func backendTLS(c *config.Clients) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SkipVerify} // the user's explicit word
	var err error
	if out.RootCAs, err = roots(c.CertificateFile, c.TrustStore, c.MoreTrust); err != nil {
		return nil, err
	}
	if c.KeyStore.Path != "" {
		own, err := listen.LoadKeyStore(c.KeyStore.Path, c.KeyStore.Password.Reveal())
		if err != nil {
			return nil, fmt.Errorf("httpClients.sslConfig.keyStorePath: %w", err)
		}
		// Shown whatever issuers the backend names.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	if !c.VerifyHostname && !c.SkipVerify {
		verifyWithoutName(out)
	}
	return out, nil
}

// verifyWithoutName asks for a certificate of a trusted issuer, for whichever
// name.
func verifyWithoutName(c *tls.Config) {
	trusted := c.RootCAs
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the backend shows no certificate")
		}
		between := x509.NewCertPool()
		for _, issuer := range s.PeerCertificates[1:] {
			between.AddCert(issuer)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: trusted, Intermediates: between})
		return err
	}
}
