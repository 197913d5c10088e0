// Package auth finds out who calls.
//
// A routed exchange comes in; what goes out is its Grant, the principal behind
// the credential and what it may do on the API, or a refusal with the codes of
// contract 5.3. Issuers, key servers and users come from Options; revocations
// come in through the revoked set.
//
// A credential is verified once and then found in a bounded cache, without
// allocation or lock. Expiry and revocation are checked on every request. The
// network is asked only for credentials that nobody has verified yet, within a
// bounded time, and what is refused costs the others nothing.
//
// It never trusts what it could not verify, never logs a credential or puts
// one into an error, and never counts or limits requests.
package auth

import (
	"context"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Authenticator is the auth stage.
type Authenticator struct {
	options   Options
	rules     []rule // by operation ID
	issuers   map[string][]*issuer
	tokens    *cache
	revoked   *RevokedSet
	anonymous *identity
}

// New reads the key material. An issuer without any is refused.
func New(o Options) (*Authenticator, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	store, err := readTrustStore(o.TrustStore)
	if err != nil {
		return nil, err
	}
	a := &Authenticator{
		options: o,
		rules:   newRules(&o),
		tokens:  newCache(o.CacheCapacity),
		revoked: newRevokedSet(o.Now),
	}
	if a.issuers, err = newIssuers(&o, store); err != nil {
		return nil, err
	}
	a.anonymous = a.identity(&exchange.Principal{
		Kind:        exchange.Anonymous,
		Subject:     "anonymous",
		Application: exchange.Application{ID: "anonymous"},
	})
	return a, nil
}

// Revoked gives the set that revocations are added to.
func (a *Authenticator) Revoked() *RevokedSet { return a.revoked }

// Run keeps keys fresh and the revoked set small until ctx ends.
func (a *Authenticator) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, same := range a.issuers {
		for _, i := range same {
			if i.server != nil {
				group.Go(func() { i.server.run(ctx, a.options.RefreshInterval) })
			}
		}
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.revoked.sweep()
		}
	}
}

// Authenticate is the stage: it sets x.Grant, or answers and gives false.
func (a *Authenticator) Authenticate(x *exchange.Exchange) bool {
	r := &a.rules[x.Operation.ID]
	id, fault := a.identify(x, r)
	if fault == nil {
		x.Grant, fault = a.authorize(id, x.API, r.needs(id))
	}
	if fault != nil {
		refuse(x, fault, r.challenge)
		return false
	}
	if id != a.anonymous && !a.options.KeepCredentials {
		x.Request.Del(r.header.name)
	}
	return true
}

// Anonymous gives the grant that unsecured requests to an API have.
func (a *Authenticator) Anonymous(api *spec.API) *exchange.Grant {
	grant, _ := a.authorize(a.anonymous, api, nil)
	return grant
}

// needs gives the scopes that an identity must have one of: none on an
// unsecured operation.
func (r *rule) needs(*identity) []string {
	if r.disabled {
		return nil
	}
	return r.scopes
}

func refuse(x *exchange.Exchange, fault *reply.Fault, challenge string) {
	if fault.Status == 401 {
		x.Response.Set("WWW-Authenticate", challenge)
	}
	fault.Send(x)
}

// identify finds and verifies the credential of a request, in the order of
// contract 5.3.
func (a *Authenticator) identify(x *exchange.Exchange, r *rule) (*identity, *reply.Fault) {
	if r.disabled {
		return a.anonymous, nil
	}
	value, count := r.header.find(&x.Request)
	switch {
	case len(value) == 0:
		return nil, reply.MissingCredentials
	case count > 1:
		return nil, reply.InvalidCredentials
	}
	kind, text := credential(value)
	if kind == showsBasic || !r.bearer {
		return nil, reply.WrongScheme
	}
	if kind != showsBearer {
		return nil, reply.InvalidCredentials
	}
	if id, fault := a.cached(a.tokens, text); id != nil || fault != nil {
		return id, fault
	}
	return a.bearer(x.Client.Context(), string(text))
}

// cached gives the identity of a credential that was verified before, nothing
// when there is none, or the reason why it is not good any more.
func (a *Authenticator) cached(c *cache, credential []byte) (*identity, *reply.Fault) {
	id := c.get(credential)
	if id == nil {
		return nil, nil
	}
	now := a.options.Now()
	switch {
	case a.revoked.revoked(id):
		return nil, reply.InvalidCredentials
	case id.expired(now):
		return nil, reply.TokenExpired
	case now >= id.until:
		return nil, nil
	}
	return id, nil
}

// bearer verifies an access token that is not in the cache.
func (a *Authenticator) bearer(ctx context.Context, token string) (*identity, *reply.Fault) {
	if len(token) == 0 || len(token) > a.options.MaxToken {
		return nil, reply.InvalidCredentials
	}
	id, fault := a.verifyJWT(ctx, token)
	if fault != nil {
		return nil, fault
	}
	return a.admit(a.tokens, token, id)
}

// admit lets a verified identity into a cache, unless it is revoked.
func (a *Authenticator) admit(c *cache, credential string, id *identity) (*identity, *reply.Fault) {
	id.credential = credential
	if a.revoked.revoked(id) {
		return nil, reply.InvalidCredentials
	}
	c.put(credential, id, a.options.Now())
	return id, nil
}

// identity wraps a principal that has just been verified.
func (a *Authenticator) identity(p *exchange.Principal) *identity {
	p.Prepare(len(a.options.APIs))
	id := &identity{principal: p, until: later(a.options.Now(), a.options.CacheTTL)}
	id.cleared.Store(neverCleared)
	return id
}

// neverCleared is no generation of the revoked set.
const neverCleared = ^uint64(0)
