package auth

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

// Assertion is [jwtGeneratorConfig]: the JWT that tells the backend who calls.
type Assertion struct {
	Signing    Signing
	Unsigned   bool          // signingAlgorithm = "NONE"
	Dialect    string        // http://wso2.org/claims
	Issuer     string        // wso2.org/products/am
	Expiry     time.Duration // 15 minutes
	Restricted []string      // claims of the token that are not passed on
}

// assertions makes backend JWT: once for a grant, and again shortly before one
// expires (contract 9.9).
type assertions struct {
	Assertion
	signer *signer // nil when unsigned
	x5t    string
}

func newAssertions(o *Options) (*assertions, error) {
	if o.Assertion == nil {
		return nil, nil
	}
	m := &assertions{Assertion: *o.Assertion}
	setDefault(&m.Expiry, 15*time.Minute)
	if m.Dialect == "" {
		m.Dialect = "http://wso2.org/claims"
	}
	if m.Issuer == "" {
		m.Issuer = "wso2.org/products/am"
	}
	if m.Unsigned {
		o.Log.Warn("backend JWT are not signed: a backend cannot tell who made them")
		return m, nil
	}
	s, err := newSigner(&m.Signing)
	if err != nil {
		return nil, fmt.Errorf("backend JWT: %w", err)
	}
	m.signer = s
	if s.certificate != nil {
		sum := sha1.Sum(s.certificate.Raw)
		m.x5t = base64.RawURLEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
	}
	return m, nil
}

// assert tells the backend who calls, and takes away what a client might have
// told it instead. A claim backendJwt is passed on as it is.
func (a *Authenticator) assert(x *exchange.Exchange) error {
	p := x.Grant.Principal
	if p.BackendJWT == "" && a.assertions == nil {
		return nil
	}
	// A client that names the field in Connection would have it removed again.
	x.Request.StripNamed()
	x.Request.Del(a.options.AssertionHeader)
	switch {
	case p.BackendJWT != "":
		x.Request.Add(a.options.AssertionHeader, p.BackendJWT)
	case p.Kind != exchange.Anonymous:
		token, err := a.assertions.of(x.Grant, a.options.Now(), a.options.Skew)
		if err != nil {
			return err
		}
		x.Request.Add(a.options.AssertionHeader, token)
	}
	return nil
}

// of gives the grant's JWT. Requests that find it due at the same time make one
// each; the last is kept.
func (m *assertions) of(g *exchange.Grant, now int64, skew time.Duration) (string, error) {
	if made := g.Assertion.Load(); made != nil && now < made.Until {
		return made.Token, nil
	}
	expires := later(now, m.Expiry)
	claims := m.claims(g)
	claims["iat"] = now / int64(time.Second)
	claims["exp"] = expires / int64(time.Second)
	token, err := m.sign(claims)
	if err != nil {
		return "", fmt.Errorf("signing backend JWT: %w", err)
	}
	g.Assertion.Store(&exchange.Assertion{Token: token, Until: earlier(expires, max(skew, time.Second))})
	return token, nil
}

func (m *assertions) sign(claims jwt.MapClaims) (string, error) {
	if m.Unsigned {
		return jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	}
	if m.x5t == "" {
		return m.signer.sign(claims)
	}
	return m.signer.sign(claims, "x5t", m.x5t)
}

// registered are the claims of a credential that are the gateway's business;
// all others are passed on.
var registered = []string{
	"iss", "sub", "exp", "nbf", "iat", "jti", "scope", "application", "subscribedAPIs", "allowedAPIs",
	"keytype", "consumerKey", "backendJwt", "active", "username", "client_id", "token_type",
}

func (m *assertions) claims(g *exchange.Grant) jwt.MapClaims {
	p := g.Principal
	claims := jwt.MapClaims{}
	for name, v := range p.Claims {
		if !slices.Contains(registered, name) && !slices.Contains(m.Restricted, name) {
			claims[name] = v
		}
	}
	for name, v := range map[string]string{
		"enduser": p.Subject, "enduserTenantDomain": p.Tenant, "subscriber": p.Application.Owner,
		"applicationid": p.Application.ID, "applicationUUId": p.Application.ID,
		"applicationname": p.Application.Name, "applicationtier": p.Application.Tier,
		"apiname": g.API.Name, "apicontext": g.API.Context, "version": g.API.Version,
		"tier": g.SubscriptionTier, "keytype": p.KeyType.String(), "usertype": "Application_User",
	} {
		if v != "" {
			claims[m.Dialect+"/"+name] = v
		}
	}
	claims["iss"] = m.Issuer
	claims["sub"] = p.Subject
	claims["jti"] = newID()
	if len(p.Scopes) > 0 {
		claims["scopes"] = strings.Join(p.Scopes, " ")
	}
	return claims
}
