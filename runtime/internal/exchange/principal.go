package exchange

import (
	"sync/atomic"

	"mgw/runtime/spec"
)

// Kind is the credential a caller showed.
type Kind uint8

const (
	Anonymous Kind = iota // unsecured operation
	JWT
	Opaque
	APIKey
	Basic
	MutualTLS
)

func (k Kind) String() string {
	return [...]string{"anonymous", "jwt", "opaque", "apikey", "basic", "mtls"}[k]
}

// KeyType tells which endpoints a credential leads to.
type KeyType uint8

const (
	Production KeyType = iota
	Sandbox
)

func (k KeyType) String() string {
	if k == Sandbox {
		return "SANDBOX"
	}
	return "PRODUCTION"
}

// Application is what holds subscriptions.
type Application struct {
	ID    string // never empty; the key that its limits are counted under
	Name  string
	Owner string
	Tier  string // "" is not limited at this level
}

// Subscription is an application's right to use an API.
type Subscription struct {
	API, Version string // Version "*" is any
	Tier         string
	Publisher    string
	Tenant       string
}

// Principal is who calls, however that was shown. It is immutable and shared
// by every request of one credential.
type Principal struct {
	Kind        Kind
	Subject     string
	Application Application
	// Subscriptions of a self-contained credential. Grant picks from them.
	Subscriptions []Subscription
	KeyType       KeyType
	ConsumerKey   string
	Issuer        string
	Tenant        string // the subscriber's
	Scopes        []string
	Roles         []string
	Claims        map[string]any // as issued; nil when there are none
	Expires       int64          // Clock time; 0 is never
	TokenID       string         // jti
	Signature     string         // a JWT's third part; a revocation may name it
	BackendJWT    string         // claim backendJwt: passed to the backend as it is

	// grants holds a Grant for each API this credential has called, by API ID.
	grants []atomic.Pointer[Grant]
}

// Grant is what a principal may do on one API: resolved once, then found
// without a lookup.
type Grant struct {
	Principal *Principal
	API       *spec.API
	// SubscriptionTier is never empty: Default or Unauthenticated stand in.
	SubscriptionTier string
	Publisher        string
	// Limits is the throttle room's: the counters of this grant. It is set
	// before the grant is shared and never again.
	Limits any
	// Assertion is auth's: the backend JWT made for this grant last.
	Assertion atomic.Pointer[Assertion]
}

// Assertion is a backend JWT and when it is to be made anew.
type Assertion struct {
	Token string
	Until int64 // Clock time
}

// Prepare gives the principal room for the grants of n APIs. Before the
// principal is shared.
func (p *Principal) Prepare(n int) { p.grants = make([]atomic.Pointer[Grant], n) }

// Grant gives the grant for an API, nil when there is none yet.
func (p *Principal) Grant(api *spec.API) *Grant {
	if api.ID >= len(p.grants) {
		return nil
	}
	return p.grants[api.ID].Load()
}

// Keep stores a grant and gives the one that is in place: of concurrent
// requests the first wins.
func (p *Principal) Keep(g *Grant) *Grant {
	if g.API.ID >= len(p.grants) {
		return g
	}
	if p.grants[g.API.ID].CompareAndSwap(nil, g) {
		return g
	}
	return p.grants[g.API.ID].Load()
}
