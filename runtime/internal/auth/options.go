package auth

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// Options is what an Authenticator is made from. Zero values stand for the
// defaults named; Now is required.
type Options struct {
	APIs []spec.API
	Now  func() int64 // the Clock's
	Log  *slog.Logger // nothing is logged without
	// Before is the Authenticator whose place this one takes. The revoked set
	// goes on, and so do keys that servers have given, until they give new ones.
	Before *Authenticator
	// Prepare completes a grant before it is shared.
	Prepare func(*exchange.Grant)
	// Transport carries calls to key servers and the introspection endpoint;
	// its owner closes it. http.DefaultTransport.
	Transport http.RoundTripper

	Header          string        // of credentials where the API names none; Authorization
	KeepCredentials bool          // removeAuthHeaderFromOutMessage = false
	Skew            time.Duration // tolerated between clocks
	MaxToken        int           // bytes of a credential; 8192
	CacheCapacity   int           // verified credentials of each kind; 10000
	CacheTTL        time.Duration // after which one is verified anew; 15 minutes

	TrustStore    Store          // certificates by alias
	Issuers       []Issuer       // of JWT
	Introspection *Introspection // nil: opaque tokens are refused
	Users         []User         // of basic credentials
	KeyIssuers    []KeyIssuer    // of API keys
	KeyIssue      *KeyIssue      // nil: API keys are not made here
	MutualTLS     MutualTLS

	AssertionHeader string     // to the backend; X-JWT-Assertion
	Assertion       *Assertion // nil: no JWT is made for backends

	// Key servers: time for one fetch, and with it for the requests that wait
	// for it (3 s); between refreshes (10 minutes); between two fetches that
	// unknown keys cause (10 s).
	FetchTimeout    time.Duration
	RefreshInterval time.Duration
	RefreshMinimum  time.Duration
}

// Store is a PKCS#12 file.
type Store struct{ Path, Password string }

// Issuer is one [[jwtTokenConfig]]. It needs at least one source of keys.
type Issuer struct {
	Issuer               string
	Audience             string // checked where given
	JWKSURL              string
	CertificateFile      string // PEM: certificates or public keys
	CertificateAlias     string // in the trust store
	ValidateSubscription bool
	// ConsumerKeyClaim names the claim with the client's key. Empty: the
	// claims consumerKey, client_id and azp. The original's default, aud, would
	// make one application of all clients of an ordinary identity provider.
	ConsumerKeyClaim string
	Claims           map[string]string // remote name -> local name
	RoleClaim        string
	Development      bool // warned about at start
}

func (o *Options) setDefaults() error {
	if o.Now == nil {
		return errors.New("no clock")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Prepare == nil {
		o.Prepare = func(*exchange.Grant) {}
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Header == "" {
		o.Header = "Authorization"
	}
	if o.AssertionHeader == "" {
		o.AssertionHeader = "X-JWT-Assertion"
	}
	setDefault(&o.MaxToken, 8192)
	setDefault(&o.CacheCapacity, 10000)
	setDefault(&o.CacheTTL, 15*time.Minute)
	setDefault(&o.FetchTimeout, 3*time.Second)
	setDefault(&o.RefreshInterval, 10*time.Minute)
	setDefault(&o.RefreshMinimum, 10*time.Second)
	return nil
}

// usesAlias tells whether anything stands in the trust store. Its default path
// need not exist where nothing does.
func (o *Options) usesAlias() bool {
	return len(o.MutualTLS.Certificates) > 0 ||
		slices.ContainsFunc(o.Issuers, func(i Issuer) bool { return i.CertificateAlias != "" }) ||
		slices.ContainsFunc(o.KeyIssuers, func(i KeyIssuer) bool { return i.CertificateAlias != "" })
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}
