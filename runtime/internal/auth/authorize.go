package auth

import (
	"slices"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// demand is what an identity must show for an API beyond being verified.
type demand uint8

const (
	nothing            demand = iota
	demandSubscription        // an entry of subscribedAPIs, else 900908
	demandAllowed             // an entry of subscribedAPIs or allowedAPIs, else 900901
)

// authorize gives what an identity may do on an operation's API.
func (a *Authenticator) authorize(id *identity, api *spec.API, scopes []string) (*exchange.Grant, *reply.Fault) {
	p := id.principal
	grant := p.Grant(api)
	if grant == nil {
		var fault *reply.Fault
		if grant, fault = a.newGrant(id, api); fault != nil {
			return nil, fault
		}
	}
	// Scopes do not bind API keys (contract 9.3).
	if len(scopes) > 0 && p.Kind != exchange.APIKey && !anyOf(p.Scopes, scopes) {
		return nil, reply.MissingScope
	}
	return grant, nil
}

// newGrant resolves a principal's right to an API, once for each pair.
func (a *Authenticator) newGrant(id *identity, api *spec.API) (*exchange.Grant, *reply.Fault) {
	p := id.principal
	grant := &exchange.Grant{
		Principal:        p,
		API:              api,
		SubscriptionTier: spec.TierDefault,
		Publisher:        api.Owner,
	}
	if s := entryFor(p.Subscriptions, api); s != nil {
		if s.Tier != "" {
			grant.SubscriptionTier = s.Tier
		}
		if s.Publisher != "" {
			grant.Publisher = s.Publisher
		}
	} else if fault := id.without(api); fault != nil {
		return nil, fault
	}
	if p.Kind == exchange.Anonymous {
		grant.SubscriptionTier = spec.TierUnauthenticated
	}
	a.options.Prepare(grant)
	return p.Keep(grant), nil
}

// without judges an identity that has no subscription to an API.
func (id *identity) without(api *spec.API) *reply.Fault {
	switch {
	case id.demand == demandSubscription:
		return reply.Forbidden
	case id.demand == demandAllowed && entryFor(id.allowed, api) == nil:
		return reply.InvalidCredentials
	}
	return nil
}

func anyOf(have, want []string) bool {
	for _, s := range want {
		if slices.Contains(have, s) {
			return true
		}
	}
	return false
}
