package auth

import (
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestRevocationsAndFetchedKeysGoOnInWhatComesAfter(t *testing.T) {
	s := newServer(t, answers(jwkSet(jwkOf(rsaKey.Public(), "a"))))
	before := withKeyServer(t, s)
	revoked, good := withKid(t, rsaKey, "a"), sign(t, jwt.SigningMethodRS384, rsaKey, claims(jwt.MapClaims{"jti": "id-2"}), "kid", "a")
	before.passes(before.withToken(good))
	before.Revoked().Add(revoked, before.clock.now()+int64(time.Hour))
	s.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })

	after := setUp(t, func(o *Options) {
		o.Before = before.Authenticator
		o.Now = before.clock.now
		o.Transport = &http.Transport{DisableKeepAlives: true}
		o.Issuers = []Issuer{{Issuer: idp, JWKSURL: s.URL}, {Issuer: idp + "2", JWKSURL: s.URL}}
	})
	after.passes(after.withToken(good))
	after.refused(after.withToken(revoked), 900901)
	after.passes(after.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"iss": idp + "2", "jti": "id-3"}), "kid", "a")))
	// One set: whoever is told late tells both.
	before.Revoked().Add(good, before.clock.now()+int64(time.Hour))
	after.refused(after.withToken(good), 900901)
	if after.options.Before != nil {
		t.Error("what came before is kept in memory")
	}
}
