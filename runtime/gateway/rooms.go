package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"

	"software.sslmate.com/src/go-pkcs12"

	"mgw/runtime/config"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/throttle"
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
		Timeouts:       listen.Timeouts{Header: l.HeaderTimeout, Idle: l.IdleTimeout, Body: l.BodyTimeout, Write: l.WriteTimeout, Tunnel: l.TunnelTimeout},
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

// roots are the system's certificates and those of the configured files; nil
// is the system's alone.
func roots(file string, stores ...config.KeyStore) (*x509.CertPool, error) {
	stores = slices.DeleteFunc(stores, func(s config.KeyStore) bool { return s.Path == "" })
	if file == "" && len(stores) == 0 {
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
	for _, store := range stores {
		if err := addStore(pool, store); err != nil {
			return nil, err
		}
	}
	return pool, nil
}

func addStore(pool *x509.CertPool, store config.KeyStore) error {
	data, err := os.ReadFile(store.Path)
	if err != nil {
		return err
	}
	certificates, err := pkcs12.DecodeTrustStore(data, store.Password.Reveal())
	if err != nil {
		return fmt.Errorf("trust store %s: %w", store.Path, err)
	}
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return nil
}
