package auth

import (
	"context"
	"errors"
	"fmt"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// issuer is an Issuer with its keys.
type issuer struct {
	Issuer
	fixed  keySet     // of certificates
	server *keyServer // nil without jwksURL
}

// newIssuers reads the key material of all issuers. Of several with one name
// the first whose checks a token passes wins (contract 9.1).
func newIssuers(o *Options, store *trusted) (map[string][]*issuer, error) {
	issuers := map[string][]*issuer{}
	for _, configured := range o.Issuers {
		i, err := newIssuer(configured, o, store)
		if err != nil {
			return nil, fmt.Errorf("issuer %q: %w", configured.Issuer, err)
		}
		issuers[i.Issuer.Issuer] = append(issuers[i.Issuer.Issuer], i)
	}
	return issuers, nil
}

func newIssuer(configured Issuer, o *Options, store *trusted) (*issuer, error) {
	fixed, err := certificateKeys(configured.CertificateFile, configured.CertificateAlias, store)
	if err != nil {
		return nil, err
	}
	i := &issuer{Issuer: configured, fixed: fixed}
	if configured.JWKSURL != "" {
		server, err := newKeyServer(configured.JWKSURL, o)
		if err != nil {
			return nil, err
		}
		i.server = server
	}
	if len(i.fixed) == 0 && i.server == nil {
		return nil, errors.New("neither jwksURL nor certificate: its signatures could not be checked")
	}
	if configured.Development {
		o.Log.Warn("a development issuer is trusted: whoever has the project's key can sign tokens", "issuer", configured.Issuer)
	}
	return i, nil
}

// signed tells whether the issuer signed the token.
func (i *issuer) signed(ctx context.Context, t *token) bool {
	if i.fixed.verify(t) {
		return true
	}
	return i.server != nil && i.server.verify(ctx, t)
}

// verifyJWT judges a token that the cache does not hold.
func (a *Authenticator) verifyJWT(ctx context.Context, text string) (*identity, *reply.Fault) {
	t, err := parseToken(text, a.options.MaxToken)
	if err != nil {
		return nil, reply.InvalidCredentials
	}
	name, _ := t.claims["iss"].(string)
	fault := reply.InvalidCredentials
	for _, i := range a.issuers[name] {
		if !i.signed(ctx, t) {
			continue
		}
		expires, f := a.inTime(t.claims)
		if f == nil && !t.isFor(i.Audience) {
			f = reply.InvalidCredentials
		}
		if f != nil {
			fault = f
			continue
		}
		return a.jwtIdentity(t, i, expires), nil
	}
	return nil, fault
}

// inTime checks "exp" and "nbf" and gives when the credential ends, skew included.
func (a *Authenticator) inTime(claims map[string]any) (expires int64, fault *reply.Fault) {
	exp, limited, okExp := seconds(claims, "exp")
	nbf, starts, okNbf := seconds(claims, "nbf")
	if !okExp || !okNbf {
		return 0, reply.InvalidCredentials
	}
	now := a.options.Now()
	if limited {
		if expires = later(exp, a.options.Skew); expires <= now {
			return 0, reply.TokenExpired
		}
	}
	if starts && earlier(nbf, a.options.Skew) > now {
		return 0, reply.InvalidCredentials
	}
	return expires, nil
}

// isFor tells whether an audience, where one is asked for, is among "aud": a
// string or an array (RFC 7519 section 4.1.3).
func (t *token) isFor(audience string) bool {
	if audience == "" {
		return true
	}
	if one, ok := t.claims["aud"].(string); ok {
		return one == audience
	}
	several, _ := t.claims["aud"].([]any)
	for _, v := range several {
		if v == any(audience) {
			return true
		}
	}
	return false
}

func (a *Authenticator) jwtIdentity(t *token, i *issuer, expires int64) *identity {
	rename(t.claims, i.Claims)
	p := &exchange.Principal{Kind: exchange.JWT, Expires: expires, Signature: t.signatureText}
	describe(p, t.claims, i.ConsumerKeyClaim, i.RoleClaim)
	p.Issuer = i.Issuer.Issuer
	id := a.identity(p)
	if i.ValidateSubscription {
		id.demand = demandSubscription
	}
	return id
}
