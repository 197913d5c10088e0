package gateway

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/internal/auth"
	"mgw/runtime/spec"
)

// authOptions says what the configuration means to the auth room.
func authOptions(cfg *config.Config, apis []spec.API, now func() int64, log *slog.Logger, carry http.RoundTripper) auth.Options {
	o := auth.Options{
		APIs:            apis,
		Now:             now,
		Log:             log,
		Transport:       carry,
		Header:          cfg.Auth.Header,
		KeepCredentials: !cfg.Auth.RemoveHeader,
		Skew:            cfg.Auth.TimestampSkew,
		CacheCapacity:   cfg.TokenCache.Capacity,
		TrustStore:      store(cfg.Listener.TrustStore),
		Introspection:   introspection(cfg),
		KeyIssue:        keyIssue(cfg),
		MutualTLS:       mutualTLS(cfg),
		AssertionHeader: cfg.Auth.BackendJWTHeader,
		Assertion:       assertion(cfg),
	}
	for _, i := range cfg.Issuers {
		o.Issuers = append(o.Issuers, issuer(cfg, i))
	}
	for _, u := range cfg.Users {
		o.Users = append(o.Users, auth.User{Name: u.Name, Password: u.Password.Reveal(), Scopes: u.Scopes})
	}
	// API keys are verified by a certificate of the trust store, else they are
	// those that this gateway issues.
	if o.KeyIssue != nil || o.TrustStore.Path != "" {
		k := auth.KeyIssuer{Issuer: cfg.APIKey.Issuer, ValidateAllowedAPIs: cfg.APIKey.ValidateAllowedAPIs}
		if o.TrustStore.Path != "" {
			k.CertificateAlias = cfg.APIKey.CertificateAlias
		}
		o.KeyIssuers = []auth.KeyIssuer{k}
	}
	return o
}

func store(s config.KeyStore) auth.Store {
	return auth.Store{Path: s.Path, Password: s.Password.Reveal()}
}

func issuer(cfg *config.Config, i *config.Issuer) auth.Issuer {
	out := auth.Issuer{
		Issuer:               i.Issuer,
		Audience:             i.Audience,
		JWKSURL:              i.JWKSURL,
		CertificateFile:      i.CertificateFile,
		CertificateAlias:     i.CertificateAlias,
		ValidateSubscription: i.ValidateSubscription,
		ConsumerKeyClaim:     i.ConsumerKeyClaim,
		Claims:               map[string]string{},
		RoleClaim:            i.RoleClaim,
		Development:          i.Development,
	}
	for _, c := range i.Claims {
		out.Claims[c.Remote] = c.Local
	}
	return out
}

// keyTransport carries calls to key servers and to the introspection endpoint.
func keyTransport(cfg *config.Config) (*http.Transport, error) {
	trusted, err := roots(cfg.KeyManager.TrustedCertificateFile)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:               internalProxy(cfg),
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
	}, nil
}

// introspection is nil without a key manager: opaque tokens are then refused
// without asking anybody.
func introspection(cfg *config.Config) *auth.Introspection {
	m := cfg.KeyManager
	if m.ServerURL == "" {
		return nil
	}
	out := &auth.Introspection{
		URL:                  strings.TrimRight(m.ServerURL, "/") + "/" + strings.Trim(m.TokenContext, "/") + "/introspect",
		FailedJWT:            m.IntrospectFailedJWT,
		ValidateSubscription: cfg.Auth.ValidateSubscriptions,
		RoleClaim:            m.RoleClaim,
	}
	if m.DirectToken {
		out.Bearer = m.AccessToken.Reveal()
	} else {
		out.Username, out.Password = m.BasicAccount.Username, m.BasicAccount.Password.Reveal()
	}
	return out
}

// signing is the key that a key store holds, else the one that the listener
// shows.
func signing(cfg *config.Config, s config.KeyStore) auth.Signing {
	if s.Path != "" {
		return auth.Signing{Store: store(s)}
	}
	return auth.Signing{
		CertificateFile: cfg.Listener.CertificateFile,
		PrivateKeyFile:  cfg.Listener.PrivateKeyFile,
		Store:           store(cfg.Listener.KeyStore),
	}
}

func hasKey(s auth.Signing) bool { return s.Store.Path != "" || s.PrivateKeyFile != "" }

// keyIssue is nil where no key is configured that keys could be signed with.
func keyIssue(cfg *config.Config) *auth.KeyIssue {
	k := cfg.APIKey
	key := signing(cfg, k.KeyStore)
	if !k.Issue || !hasKey(key) {
		return nil
	}
	out := &auth.KeyIssue{Signing: key, Borrowed: k.KeyStore.Path == "", Issuer: k.IssuedBy, KeyID: k.IssuerAlias, Validity: k.Validity}
	for _, api := range k.APIs {
		out.APIs = append(out.APIs, auth.KeyAPI{Name: api.Name, Versions: api.Versions})
	}
	return out
}

func assertion(cfg *config.Config) *auth.Assertion {
	j := cfg.BackendJWT
	if !j.Enabled {
		return nil
	}
	return &auth.Assertion{
		Signing:    signing(cfg, config.KeyStore{}),
		Unsigned:   j.SigningAlgorithm == "NONE",
		Dialect:    j.ClaimDialect,
		Issuer:     j.Issuer,
		Expiry:     j.Expiry,
		Restricted: j.RestrictedClaims,
	}
}

func mutualTLS(cfg *config.Config) auth.MutualTLS {
	out := auth.MutualTLS{
		Header:         cfg.MutualTLS.CertificateHeader,
		TrustedProxies: cfg.Listener.TrustedProxies,
		HeaderOnly:     !cfg.MutualTLS.ValidateClient,
	}
	for _, c := range cfg.MutualTLS.Certificates {
		out.Certificates = append(out.Certificates, auth.ClientCertificates{API: c.Name, Version: c.Version, Aliases: c.Aliases})
	}
	return out
}
