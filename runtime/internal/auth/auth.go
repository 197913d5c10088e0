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
	"slices"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// Authenticator is the auth stage.
type Authenticator struct {
	options      Options
	rules        []rule // by operation ID
	issuers      map[string][]*issuer
	introspector *introspector // nil: none
	keyIssuers   map[string]*keyIssuer
	keyMaker     *keyMaker // nil: none
	users        *users
	mutual       *mutual
	assertions   *assertions // nil: none
	tokens       *cache      // access tokens
	keys         *cache      // API keys
	revoked      *RevokedSet
	anonymous    *identity
}

// New reads the key material. An issuer without any is refused.
func New(o Options) (*Authenticator, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	a := &Authenticator{
		options: o,
		rules:   newRules(&o),
		tokens:  newCache(o.CacheCapacity),
		keys:    newCache(o.CacheCapacity),
		revoked: newRevokedSet(o.Now),
	}
	if o.Before != nil {
		a.revoked = o.Before.revoked
	}
	if err := a.read(); err != nil {
		return nil, err
	}
	a.anonymous = a.identity(&exchange.Principal{
		Kind:        exchange.Anonymous,
		Subject:     "anonymous",
		Application: exchange.Application{ID: "anonymous"},
	})
	return a, nil
}

// read loads what credentials are verified with.
func (a *Authenticator) read() (err error) {
	o := &a.options
	if !slices.ContainsFunc(a.rules, func(r rule) bool { return r.key }) {
		o.KeyIssuers = nil
	}
	store := &trusted{path: o.TrustStore.Path}
	if o.usesAlias() {
		if store, err = readTrustStore(o.TrustStore); err != nil {
			return err
		}
	}
	if a.issuers, err = newIssuers(o, store); err != nil {
		return err
	}
	if a.introspector, err = newIntrospector(o); err != nil {
		return err
	}
	if a.users, err = newUsers(o); err != nil {
		return err
	}
	if a.keyMaker, err = newKeyMaker(o); err != nil {
		return err
	}
	if a.keyIssuers, err = newKeyIssuers(o, store, a.keyMaker); err != nil {
		return err
	}
	if a.mutual, err = newMutual(a, store); err != nil {
		return err
	}
	if a.assertions, err = newAssertions(o); err != nil {
		return err
	}
	a.keepKeys(o.Before)
	// Nothing of what came before is needed any more.
	a.options.Before = nil
	return nil
}

// keepKeys takes over what key servers have given to another Authenticator.
func (a *Authenticator) keepKeys(before *Authenticator) {
	if before == nil {
		return
	}
	known := map[string]*keySet{}
	before.eachServer(func(s *keyServer) { known[s.url] = s.keys.Load() })
	a.eachServer(func(s *keyServer) {
		if keys := known[s.url]; keys != nil {
			s.keys.Store(keys)
		}
	})
}

func (a *Authenticator) eachServer(f func(*keyServer)) {
	for _, same := range a.issuers {
		for _, i := range same {
			if i.server != nil {
				f(i.server)
			}
		}
	}
}

// Revoked gives the set that revocations are added to.
func (a *Authenticator) Revoked() *RevokedSet { return a.revoked }

// Run keeps keys fresh and the revoked set small until ctx ends.
func (a *Authenticator) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	a.eachServer(func(s *keyServer) { group.Go(func() { s.run(ctx, a.options.RefreshInterval) }) })
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

// admit lets a verified identity into a cache, unless it is revoked.
func (a *Authenticator) admit(c *cache, credential string, id *identity) (*identity, *reply.Fault) {
	id.credential = credential
	if a.revoked.revoked(id) {
		return nil, reply.InvalidCredentials
	}
	c.put(credential, id, a.options.Now())
	return id, nil
}

// identity wraps a principal that has just been made.
func (a *Authenticator) identity(p *exchange.Principal) *identity {
	p.Prepare(len(a.options.APIs))
	return a.verified(p)
}

// verified says that a principal has been verified now.
func (a *Authenticator) verified(p *exchange.Principal) *identity {
	id := &identity{principal: p, until: later(a.options.Now(), a.options.CacheTTL)}
	id.cleared.Store(neverCleared)
	return id
}

// neverCleared is no generation of the revoked set.
const neverCleared = ^uint64(0)
