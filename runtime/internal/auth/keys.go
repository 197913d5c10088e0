package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Sizes of RSA keys that are trusted: less is weak, more lets a key server
// make each verification slow.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// maxTries bounds how many keys one token without "kid" is tried against.
const maxTries = 8

// allowed are the algorithms that a credential may be signed with, and nothing
// else is: no "none", no HMAC, whose key would be the public one (RFC 8725
// sections 2.1 and 3.1).
var allowed = map[string]jwt.SigningMethod{
	"RS256": jwt.SigningMethodRS256,
	"RS384": jwt.SigningMethodRS384,
	"RS512": jwt.SigningMethodRS512,
	"ES256": jwt.SigningMethodES256,
	"ES384": jwt.SigningMethodES384,
}

// key is a public key that an issuer signs with.
type key struct {
	id     string // "kid"; "" fits any
	alg    string // the only algorithm it may be used with; "" is any that fits
	public crypto.PublicKey
}

// keySet is an issuer's keys.
type keySet []key

// checkKey refuses keys that no allowed algorithm uses safely.
func checkKey(public crypto.PublicKey) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("RSA key of %d bits, allowed are %d to %d", bits, minRSABits, maxRSABits)
		}
		if k.E < 3 || k.E&1 == 0 {
			return errors.New("RSA key with an exponent that is even or below 3")
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return errors.New("EC key on a curve other than P-256 and P-384")
		}
		return nil
	}
	return fmt.Errorf("key of type %T, allowed are RSA and EC", public)
}

// fits tells whether a token of this algorithm and "kid" may have been signed
// with the key. A curve belongs to one algorithm (RFC 7518 section 3.4).
func (k *key) fits(alg, kid string) bool {
	if k.alg != "" && k.alg != alg || k.id != "" && kid != "" && k.id != kid {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return alg[0] == 'R'
	case *ecdsa.PublicKey:
		return alg == "ES256" && public.Curve == elliptic.P256() || alg == "ES384" && public.Curve == elliptic.P384()
	}
	return false
}

// verify tells whether one of the keys made the token's signature.
func (s keySet) verify(t *token) bool {
	tries := 0
	for i := range s {
		if !s[i].fits(t.alg, t.kid) {
			continue
		}
		if allowed[t.alg].Verify(t.signed, t.signature, s[i].public) == nil {
			return true
		}
		if tries++; tries == maxTries {
			break
		}
	}
	return false
}

// has tells whether there is a key of that "kid".
func (s keySet) has(kid string) bool {
	return kid != "" && slices.ContainsFunc(s, func(k key) bool { return k.id == kid })
}
