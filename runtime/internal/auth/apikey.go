package auth

import (
	"bytes"
	"fmt"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// KeyIssuer is one apikey.tokenConfigs: whose API keys are accepted. Without a
// certificate it must be the issuer of KeyIssue. It matters only where an
// operation accepts API keys.
type KeyIssuer struct {
	Issuer              string
	CertificateFile     string
	CertificateAlias    string
	ValidateAllowedAPIs bool
}

// keyIssuer is a KeyIssuer with its keys.
type keyIssuer struct {
	KeyIssuer
	keys keySet
}

// newKeyIssuers reads the keys of all issuers. What this gateway itself issues
// (own, nil where it does not) it accepts without a certificate, too.
func newKeyIssuers(o *Options, store *trusted, own *keyMaker) (map[string]*keyIssuer, error) {
	issuers := map[string]*keyIssuer{}
	for _, configured := range o.KeyIssuers {
		i := &keyIssuer{KeyIssuer: configured}
		var err error
		i.keys, err = certificateKeys(configured.CertificateFile, configured.CertificateAlias, store)
		mine := own != nil && own.Issuer == configured.Issuer
		switch {
		case mine && err != nil:
			o.Log.Warn("only API keys that this gateway signs are accepted", "issuer", configured.Issuer, "error", err)
		case err != nil:
			return nil, fmt.Errorf("API key issuer %q: %w", configured.Issuer, err)
		case !mine && len(i.keys) == 0:
			return nil, fmt.Errorf("API key issuer %q: no certificate: its signatures could not be checked", configured.Issuer)
		}
		if mine {
			i.keys = append(i.keys, own.keys()...)
		}
		issuers[configured.Issuer] = i
	}
	if own != nil && issuers[own.Issuer] == nil {
		issuers[own.Issuer] = &keyIssuer{KeyIssuer{Issuer: own.Issuer}, own.keys()}
	}
	return issuers, nil
}

// apiKey verifies an API key: a signed JWT (contract 9.3). Whatever is wrong
// with it, the answer is 900901.
func (a *Authenticator) apiKey(key []byte) (*identity, *reply.Fault) {
	id, fault := a.cached(a.keys, key)
	if id == nil && fault == nil {
		id, fault = a.verifyKey(string(key))
	}
	if fault != nil {
		return nil, reply.InvalidCredentials
	}
	return id, nil
}

func (a *Authenticator) verifyKey(key string) (*identity, *reply.Fault) {
	t, err := parseToken(key, a.options.MaxToken)
	if err != nil {
		return nil, reply.InvalidCredentials
	}
	name, _ := t.claims["iss"].(string)
	i := a.keyIssuers[name]
	if i == nil {
		return nil, reply.InvalidCredentials
	}
	if !i.keys.verify(t) {
		return nil, reply.InvalidCredentials
	}
	expires, fault := a.inTime(t.claims)
	if fault != nil {
		return nil, fault
	}
	p := &exchange.Principal{Kind: exchange.APIKey, Expires: expires, Signature: t.signatureText}
	describe(p, t.claims, "", "")
	id := a.identity(p)
	if i.ValidateAllowedAPIs {
		id.demand = demandAllowed
		id.allowed = subscriptions(t.claims["allowedAPIs"])
	}
	return a.admit(a.keys, key, id)
}

// queryParameter finds a parameter in a raw query and counts how often it is
// there. Nothing is decoded: a key needs no encoding, and another spelling of
// the name is another parameter.
func queryParameter(query []byte, name string) (value []byte, count int) {
	for name != "" && len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		if n, v, _ := bytes.Cut(pair, []byte("=")); string(n) == name {
			if count++; count == 1 {
				value = v
			}
		}
	}
	return value, count
}

// dropQueryParameter takes a parameter out of the request target, so that the
// key reaches neither backend nor access log. All other bytes stay as they
// are.
func dropQueryParameter(x *exchange.Exchange, name string) {
	target := make([]byte, 0, len(x.Target))
	target = append(target, x.Path...)
	rest, separator := x.Query, byte('?')
	for len(rest) > 0 {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if n, _, _ := bytes.Cut(pair, []byte("=")); string(n) != name {
			target = append(append(target, separator), pair...)
			separator = '&'
		}
	}
	x.Target = target
	x.Query = target[min(len(target), len(x.Path)+1):]
}
