package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// jwkOf writes a public key as JWK.
func jwkOf(public crypto.PublicKey, kid string) map[string]any {
	encode := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "kid": kid, "use": "sig", "n": encode(k.N.Bytes()), "e": encode(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		half := (len(point) - 1) / 2
		return map[string]any{"kty": "EC", "kid": kid, "crv": k.Params().Name, "x": encode(point[1 : 1+half]), "y": encode(point[1+half:])}
	}
	panic("no JWK of this key")
}

func jwkSet(keys ...map[string]any) string {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// server is a real server on loopback whose handler a test may change.
type server struct {
	*httptest.Server
	hits    atomic.Int32
	mu      sync.Mutex
	handler http.HandlerFunc
}

func newServer(t testing.TB, handler http.HandlerFunc) *server {
	s := &server{handler: handler}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		s.mu.Lock()
		h := s.handler
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) set(handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// withKeyServer is an Authenticator whose issuer publishes its keys.
func withKeyServer(t testing.TB, s *server) *bench {
	return setUp(t, func(o *Options) {
		o.Transport = &http.Transport{DisableKeepAlives: true}
		o.Issuers = []Issuer{{Issuer: idp, JWKSURL: s.URL}}
		o.FetchTimeout = 20 * time.Second
	})
}

func withKid(t testing.TB, k *rsa.PrivateKey, kid string) string {
	return sign(t, jwt.SigningMethodRS256, k, claims(), "kid", kid)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: did not happen", what)
		}
	}
}

func TestKeysAreFetchedWhenATokenNeedsThem(t *testing.T) {
	s := newServer(t, answers(jwkSet(jwkOf(rsaKey.Public(), "a"), jwkOf(ec256.Public(), "b"), jwkOf(ec384.Public(), "c"))))
	b := withKeyServer(t, s)
	b.passes(b.withToken(withKid(t, rsaKey, "a")))
	b.passes(b.withToken(sign(t, jwt.SigningMethodES256, ec256, claims(), "kid", "b")))
	b.passes(b.withToken(sign(t, jwt.SigningMethodES384, ec384, claims(), "kid", "c")))
	b.clock.pass(time.Minute) // it may ask again, but knows these
	b.refused(b.withToken(withKid(t, otherKey, "a")), 900901)
	b.refused(b.withToken(withKid(t, rsaKey, "b")), 900901)
	if n := s.hits.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS384, rsaKey, claims()))) // without "kid"
}

func TestAnUnknownKeyIsAskedForOnceInAWhile(t *testing.T) {
	s := newServer(t, answers(jwkSet(jwkOf(rsaKey.Public(), "old"))))
	b := withKeyServer(t, s)
	b.passes(b.withToken(withKid(t, rsaKey, "old")))
	s.set(answers(jwkSet(jwkOf(otherKey.Public(), "new"))))
	fresh := withKid(t, otherKey, "new")
	for range 20 {
		b.refused(b.withToken(fresh), 900901)
	}
	if n := s.hits.Load(); n != 1 {
		t.Fatalf("asked %d times within the minimum", n)
	}
	b.clock.pass(10 * time.Second)
	b.passes(b.withToken(fresh))
	b.refused(b.withToken(sign(t, jwt.SigningMethodRS384, rsaKey, claims(), "kid", "old")), 900901) // withdrawn
	if n := s.hits.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestTheLastGoodKeysStayWhileTheServerIsBad(t *testing.T) {
	for name, bad := range map[string]http.HandlerFunc{
		"failing":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"moved":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"garbage":  answers("<html>sorry"),
		"empty":    answers(`{"keys":[]}`),
		"huge":     answers(`{"keys":[],"x":"` + strings.Repeat("x", maxKeyAnswer) + `"}`),
		"many":     answers(`{"keys":[` + strings.Repeat("{},", maxKeys) + `{}]}`),
		"cut off":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"too slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answers(jwkSet(jwkOf(rsaKey.Public(), "a"))))
			b := withKeyServer(t, s)
			b.passes(b.withToken(withKid(t, rsaKey, "a")))
			b.issuers[idp][0].server.timeout = 200 * time.Millisecond
			s.set(bad)
			b.clock.pass(time.Minute)
			stranger := withKid(t, otherKey, "z")
			b.refused(b.withToken(stranger), 900901)
			b.passes(b.withToken(sign(t, jwt.SigningMethodRS512, rsaKey, claims(), "kid", "a")))
			if s.hits.Load() != 2 || !strings.Contains(b.log.String(), "keys could not be fetched") {
				t.Errorf("asked %d times, log %s", s.hits.Load(), b.log)
			}
			b.quiet(stranger)
		})
	}
}

func TestWithoutAnyKeysNothingPasses(t *testing.T) {
	s := newServer(t, answers(""))
	s.Close()
	b := withKeyServer(t, s)
	b.refused(b.withToken(withKid(t, rsaKey, "a")), 900901)
}

func TestASlowKeyServerHoldsUpOnlyThoseWhoNeedIt(t *testing.T) {
	s := newServer(t, answers(jwkSet(jwkOf(rsaKey.Public(), "a"))))
	b := withKeyServer(t, s)
	b.issuers[idp][0].server.timeout = time.Minute
	known := withKid(t, rsaKey, "a")
	b.passes(b.withToken(known))

	release := make(chan struct{})
	s.set(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		answers(jwkSet(jwkOf(rsaKey.Public(), "a"), jwkOf(otherKey.Public(), "b")))(w, nil)
	})
	b.clock.pass(time.Minute)
	unknown := withKid(t, otherKey, "b")
	var waiting sync.WaitGroup
	var passed atomic.Int32
	for range 20 {
		waiting.Go(func() {
			if b.Authenticate(b.withToken(unknown)) {
				passed.Add(1)
			}
		})
	}
	eventually(t, "a fetch", func() bool { return s.hits.Load() == 2 })
	b.passes(b.withToken(known))
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS384, rsaKey, claims(), "kid", "a"))) // not in the cache
	close(release)
	waiting.Wait()
	if passed.Load() != 20 || s.hits.Load() != 2 {
		t.Errorf("%d passed, asked %d times", passed.Load(), s.hits.Load())
	}
}

func TestWhoLeavesDoesNotWait(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, func(http.ResponseWriter, *http.Request) { <-release })
	b := withKeyServer(t, s)
	server := b.issuers[idp][0].server
	server.timeout = time.Minute
	done := make(chan struct{})
	go func() { defer close(done); server.refresh(t.Context(), false) }()
	eventually(t, "a fetch", func() bool { return s.hits.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server.refresh(ctx, false) // would hang
	close(release)
	<-done
}

func TestRunKeepsKeysFreshAndEnds(t *testing.T) {
	s := newServer(t, answers("not yet"))
	b := withKeyServer(t, s)
	b.options.RefreshInterval = 5 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	eventually(t, "a fetch", func() bool { return s.hits.Load() > 2 })
	s.set(answers(jwkSet(jwkOf(rsaKey.Public(), "a"))))
	eventually(t, "keys", func() bool { return b.issuers[idp][0].server.keys.Load().has("a") })
	s.set(answers(jwkSet(jwkOf(otherKey.Public(), "b"))))
	eventually(t, "new keys", func() bool { return b.issuers[idp][0].server.keys.Load().has("b") })
	cancel()
	<-done
}

func TestUnusableKeysArePassedOver(t *testing.T) {
	good := jwkOf(rsaKey.Public(), "good")
	with := func(k map[string]any, changes ...any) map[string]any {
		changed := map[string]any{}
		for name, v := range k {
			changed[name] = v
		}
		for i := 0; i < len(changes); i += 2 {
			changed[changes[i].(string)] = changes[i+1]
		}
		return changed
	}
	point := jwkOf(ec256.Public(), "ec")
	for name, k := range map[string]map[string]any{
		"for encryption":      with(good, "use", "enc"),
		"for HMAC":            {"kty": "oct", "k": "c2VjcmV0"},
		"for another alg":     with(good, "alg", "PS256"),
		"short":               with(good, "n", "AQAB"),
		"even exponent":       with(good, "e", "Ag"),
		"huge exponent":       with(good, "e", "AQABAQAB"),
		"exponent one":        with(good, "e", "AQ"),
		"no exponent":         with(good, "e", ""),
		"modulus of junk":     with(good, "n", "!!"),
		"not on the curve":    with(point, "y", point["x"]),
		"coordinate too long": with(point, "x", strings.Repeat("A", 60)),
		"another curve":       with(point, "crv", "P-521"),
		"of wrong types":      with(good, "kid", 7),
	} {
		if keys, err := parseKeys([]byte(jwkSet(k))); err == nil {
			t.Errorf("%s: %+v", name, keys)
		}
		if keys, err := parseKeys([]byte(jwkSet(k, good))); err != nil || len(keys) != 1 || keys[0].id != "good" {
			t.Errorf("%s, beside a good one: %+v, %v", name, keys, err)
		}
	}
}

func TestAKeyIsUsedWithItsAlgorithmOnly(t *testing.T) {
	k := jwkOf(rsaKey.Public(), "a")
	k["alg"] = "RS512"
	b := withKeyServer(t, newServer(t, answers(jwkSet(k))))
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS512, rsaKey, claims(), "kid", "a")))
	b.refused(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(), "kid", "a")), 900901)
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(jwkSet(jwkOf(rsaKey.Public(), "a"), jwkOf(ec256.Public(), "b"))))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if checkKey(k.public) != nil {
				t.Errorf("unusable key %+v", k)
			}
		}
	})
}
