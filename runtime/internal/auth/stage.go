package auth

import (
	"context"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Authenticate is the stage: it sets x.Grant, or answers and gives false.
func (a *Authenticator) Authenticate(x *exchange.Exchange) bool {
	r := &a.rules[x.Operation.ID]
	if r.mutual {
		a.mutual.distrust(x)
	}
	if r.disabled {
		return a.grant(x, r, a.anonymous, nil)
	}
	kind, text := r.find(x)
	if !r.optional {
		if kind == showsNothing {
			return refuse(x, reply.MissingCredentials, r.challenge)
		}
		if !r.accepts(kind) {
			return refuse(x, reply.WrongScheme, r.challenge)
		}
	}
	var id *identity
	var fault *reply.Fault
	if r.mutual {
		if id, fault = a.byCertificate(x, r); fault != nil {
			return refuse(x, fault, r.mutualChallenge)
		}
	}
	if r.accepts(kind) {
		shown, fault := a.verify(x, kind, text)
		switch {
		case fault == nil:
			id = shown
		case !r.optional:
			a.strip(x, r, kind)
			return refuse(x, fault, r.challenge)
		}
	}
	a.strip(x, r, kind)
	return a.grant(x, r, id, r.scopes)
}

// byCertificate identifies a client of an API with mutual TLS; nil when it has
// no certificate and need not have one.
func (a *Authenticator) byCertificate(x *exchange.Exchange, r *rule) (*identity, *reply.Fault) {
	id, fault := a.mutual.identify(x, a.options.Now())
	if fault == nil && id == nil && r.mandatory {
		fault = reply.InvalidCredentials
	}
	return id, fault
}

// verify judges a credential of a kind that the operation accepts.
func (a *Authenticator) verify(x *exchange.Exchange, kind shown, text []byte) (*identity, *reply.Fault) {
	switch kind {
	case showsBearer:
		if id, fault := a.cached(a.tokens, text); id != nil || fault != nil {
			return id, fault
		}
		return a.bearer(x.Client.Context(), string(text))
	case showsBasic:
		return a.basic(x.Client.Context(), text)
	case showsKey:
		return a.apiKey(text)
	}
	return nil, reply.InvalidCredentials
}

// grant settles what an identity may do here.
func (a *Authenticator) grant(x *exchange.Exchange, r *rule, id *identity, scopes []string) bool {
	grant, fault := a.authorize(id, x.API, scopes)
	if fault != nil {
		return refuse(x, fault, r.challenge)
	}
	x.Grant = grant
	if err := a.assert(x); err != nil {
		a.options.Log.Error("a request could not be asserted to its backend", "error", err)
		x.Grant = nil
		return refuse(x, reply.AuthFailure, r.challenge)
	}
	return true
}

// strip takes the credential out of the request, so that neither the backend
// nor a log sees it.
func (a *Authenticator) strip(x *exchange.Exchange, r *rule, kind shown) {
	if a.options.KeepCredentials {
		return
	}
	x.Request.Del(r.header.name)
	if !r.key {
		return
	}
	if r.keyHeader.name != "" {
		x.Request.Del(r.keyHeader.name)
	}
	if _, count := queryParameter(x.Query, r.keyQuery); count > 0 && kind == showsKey {
		dropQueryParameter(x, r.keyQuery)
	}
}

// Verify judges an access token for an operation as Authenticate would; an
// empty one is no credential.
func (a *Authenticator) Verify(ctx context.Context, api *spec.API, op *spec.Operation, token string) (*exchange.Grant, *reply.Fault) {
	r := &a.rules[op.ID]
	switch {
	case r.disabled:
		return a.Anonymous(api), nil
	case token == "":
		return nil, reply.MissingCredentials
	case !r.bearer:
		return nil, reply.WrongScheme
	}
	id, fault := a.cached(a.tokens, []byte(token))
	if id == nil && fault == nil {
		id, fault = a.bearer(ctx, token)
	}
	if fault != nil {
		return nil, fault
	}
	return a.authorize(id, api, r.scopes)
}

// Anonymous gives the grant that unsecured requests to an API have.
func (a *Authenticator) Anonymous(api *spec.API) *exchange.Grant {
	grant, _ := a.authorize(a.anonymous, api, nil)
	return grant
}

func refuse(x *exchange.Exchange, fault *reply.Fault, challenge string) bool {
	if fault.Status == 401 {
		x.Response.Set("WWW-Authenticate", challenge)
	}
	fault.Send(x)
	return false
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

// bearer verifies an access token that is not in the cache: what has three
// parts is a JWT, all else is opaque (contract 5.3, 9.2).
func (a *Authenticator) bearer(ctx context.Context, token string) (*identity, *reply.Fault) {
	if len(token) == 0 || len(token) > a.options.MaxToken {
		return nil, reply.InvalidCredentials
	}
	parts := strings.Count(token, ".") + 1
	if parts < 3 {
		return a.opaque(ctx, token)
	}
	id, fault := a.verifyJWT(ctx, token)
	if fault == nil {
		return a.admit(a.tokens, token, id)
	}
	if fault == reply.InvalidCredentials && parts == 3 && a.introspector != nil && a.introspector.FailedJWT {
		return a.opaque(ctx, token)
	}
	return nil, fault
}
