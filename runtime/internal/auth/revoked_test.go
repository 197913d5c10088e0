package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestRevokedTokensAreRefusedCachedOrNot(t *testing.T) {
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	signature := token[strings.LastIndexByte(token, '.')+1:]
	for name, revoke := range map[string]string{"by jti": "id-1", "by signature": signature, "by the whole token": token} {
		for _, cached := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cached %v", name, cached), func(t *testing.T) {
				b := setUp(t, nil)
				if cached {
					b.passes(b.withToken(token))
				}
				b.Revoked().Add("another", b.clock.now()+int64(time.Hour))
				b.Revoked().Add(revoke, b.clock.now()+int64(time.Hour))
				if got := b.refused(b.withToken(token), 900901); got != invalidCredentials {
					t.Errorf("got %+v", got)
				}
				b.passes(b.withToken(sign(t, jwt.SigningMethodRS384, rsaKey, claims(jwt.MapClaims{"jti": "id-2"}))))
			})
		}
	}
}

func TestARevokedSignatureCannotBeWrittenAnew(t *testing.T) {
	b := setUp(t, func(o *Options) {
		o.Issuers = []Issuer{{Issuer: idp, CertificateFile: certificate(t, "ec", ec256)}}
	})
	token := sign(t, jwt.SigningMethodES256, ec256, claims(jwt.MapClaims{"jti": nil}))
	cut := strings.LastIndexByte(token, '.') + 1
	raw, err := base64.RawURLEncoding.DecodeString(token[cut:])
	if err != nil {
		t.Fatal(err)
	}
	n, s := ec256.Params().N, new(big.Int).SetBytes(raw[32:])
	new(big.Int).Sub(n, s).FillBytes(raw[32:])
	twin := token[:cut] + base64.RawURLEncoding.EncodeToString(raw)
	b.passes(b.withToken(twin)) // it does verify
	b.Revoked().Add(token, b.clock.now()+int64(time.Hour))
	b.refused(b.withToken(token), 900901)
	b.refused(b.withToken(twin), 900901)
}

func TestRevocationsEnd(t *testing.T) {
	clock := newFakeClock()
	s := newRevokedSet(clock.now)
	s.Add("past", clock.now())
	s.Add("", clock.now()+1)
	s.Add("short", clock.now()+int64(time.Minute))
	s.Add("long", clock.now()+int64(time.Hour))
	s.Add("long", clock.now()+int64(time.Second)) // the later end counts
	if s.Len() != 2 || !s.has("short") || !s.has("long") {
		t.Fatalf("%d entries", s.Len())
	}
	clock.pass(time.Minute)
	if s.has("short") || !s.has("long") {
		t.Error("ended at the wrong time")
	}
	if s.sweep(); s.Len() != 1 {
		t.Errorf("%d entries after the sweep", s.Len())
	}
}

func TestTheRevokedSetIsBounded(t *testing.T) {
	clock := newFakeClock()
	s := newRevokedSet(clock.now)
	s.limit = 1000
	s.Add("the longest", clock.now()+int64(time.Hour))
	for i := range 10_000 {
		s.Add(rand.Text(), clock.now()+int64(i+1))
		if s.Len() > s.limit {
			t.Fatalf("%d entries", s.Len())
		}
	}
	if !s.has("the longest") || s.Len() < s.limit/2 {
		t.Errorf("%d entries", s.Len())
	}
}

func TestAtTheBoundFewGoEvenWhereAllEndAtOnce(t *testing.T) {
	clock := newFakeClock()
	s := newRevokedSet(clock.now)
	s.limit = 1000
	for range s.limit + 1 {
		s.Add(rand.Text(), clock.now()+int64(time.Hour))
	}
	if s.Len() < s.limit*14/16 || s.Len() > s.limit {
		t.Errorf("%d entries", s.Len())
	}
}

func BenchmarkCachedTokenBesideRevocations(b *testing.B) {
	bed := setUp(b, nil)
	for range 10_000 {
		bed.Revoked().Add(rand.Text(), bed.clock.now()+int64(time.Hour))
	}
	measure(b, bed.repeat(sign(b, jwt.SigningMethodRS256, rsaKey, claims())))
}
