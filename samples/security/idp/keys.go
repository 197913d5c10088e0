package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/golang-jwt/jwt/v5"
)

// signingKey is a key and the name that tokens call it by.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k signingKey) sign(claims jwt.MapClaims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["kid"] = k.id
	return t.SignedString(k.private)
}

// jwk is the public half (RFC 7518 section 6.2).
func (k signingKey) jwk() (map[string]string, error) {
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	half := (len(point) - 1) / 2
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": k.id,
		"x": encode(point[1 : 1+half]), "y": encode(point[1+half:]),
	}, nil
}

func (p *provider) addKey() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, signingKey{rand.Text(), private})
	return nil
}

// rotate makes a new key. Tokens of the old ones stay good.
func (p *provider) rotate(w http.ResponseWriter, _ *http.Request) {
	if err := p.addKey(); err != nil {
		answer(w, 500, map[string]string{"error": "server_error"})
		return
	}
	answer(w, 200, map[string]string{"result": "signs with a new key"})
}

// publish is the key set (RFC 7517 section 5).
func (p *provider) publish(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls.Keys++
	keys := []map[string]string{}
	for _, k := range p.keys {
		public, err := k.jwk()
		if err != nil {
			answer(w, 500, map[string]string{"error": "server_error"})
			return
		}
		keys = append(keys, public)
	}
	answer(w, 200, map[string]any{"keys": keys})
}
