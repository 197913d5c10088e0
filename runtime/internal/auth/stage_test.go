package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

func TestUnsecuredOperationsGetAnAnonymousGrant(t *testing.T) {
	b := setUp(t, nil)
	x := b.request(0, opOpen, "Authorization", "Bearer the-backend's-own")
	g := b.passes(x)
	if g.Principal.Kind != exchange.Anonymous || g.SubscriptionTier != "Unauthenticated" || g != b.Anonymous(x.API) {
		t.Errorf("got %+v", g)
	}
	if x.Request.Get(exchange.Authorization) == nil {
		t.Error("a credential that is not the gateway's was removed")
	}
}

func TestAGrantIsPreparedOnceAndBeforeItIsShared(t *testing.T) {
	prepared := 0
	b := setUp(t, func(o *Options) {
		o.Prepare = func(g *exchange.Grant) {
			if g.Principal == nil || g.API == nil || g.Limits != nil {
				t.Errorf("prepared %+v", g)
			}
			g.Limits = "limits"
			prepared++
		}
	})
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	first := b.passes(b.withToken(token))
	if second := b.passes(b.withToken(token)); first != second || second.Limits != "limits" || prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
	if other := b.passes(b.request(1, opSecured, "X-Token", "bearer "+token)); other.Principal != first.Principal || other == first || prepared != 2 {
		t.Errorf("on another API: prepared %d times", prepared)
	}
}

func TestTheCredentialIsRemovedUnlessConfiguredOtherwise(t *testing.T) {
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	for _, keep := range []bool{false, true} {
		b := setUp(t, func(o *Options) { o.KeepCredentials = keep })
		x := b.request(1, opSecured, "x-token", "Bearer "+token, "Authorization", "backend")
		b.passes(x)
		if _, there := x.Request.Lookup("X-Token"); there != keep {
			t.Errorf("keep %v: there %v", keep, there)
		}
		if string(x.Request.Get(exchange.Authorization)) != "backend" {
			t.Error("another field was removed")
		}
	}
}

func TestACachedTokenExpiresAtOnce(t *testing.T) {
	b := setUp(t, nil)
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch + 60}))
	b.passes(b.withToken(token))
	b.clock.pass(65*time.Second - 1)
	b.passes(b.withToken(token))
	b.clock.pass(1)
	b.refused(b.withToken(token), 900903)
}

func TestACachedTokenIsVerifiedAnewAfterItsTime(t *testing.T) {
	b := setUp(t, func(o *Options) { o.CacheTTL = time.Minute })
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": nil}))
	first := b.passes(b.withToken(token))
	b.issuers[idp][0].fixed = nil // the key is withdrawn
	b.clock.pass(time.Minute - 1)
	if b.passes(b.withToken(token)) != first {
		t.Error("was not cached")
	}
	b.clock.pass(1)
	b.refused(b.withToken(token), 900901)
}

func TestRefusedTokensDoNotEnterTheCache(t *testing.T) {
	b := setUp(t, func(o *Options) { o.CacheCapacity = 8 })
	good := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	first := b.passes(b.withToken(good))
	parts := strings.SplitAfter(good, ".")
	for i := range 100 {
		b.refused(b.withToken(parts[0]+parts[1]+strings.Repeat("A", i)), 900901)
	}
	b.issuers[idp][0].fixed = nil
	if b.passes(b.withToken(good)) != first {
		t.Error("the good token was pushed out")
	}
}

func TestIssuersWithoutUsableKeysAreRefused(t *testing.T) {
	for name, i := range map[string]Issuer{
		"no source":          {},
		"no such file":       {CertificateFile: "/nowhere.pem"},
		"no trust store":     {CertificateAlias: "x"},
		"an address of junk": {JWKSURL: "file:///etc/passwd"},
	} {
		i.Issuer = idp
		_, err := New(Options{Now: newFakeClock().now, Issuers: []Issuer{i}})
		if err == nil || !strings.Contains(err.Error(), idp) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACachedTokenAllocatesNothing(t *testing.T) {
	b := setUp(t, nil)
	run := b.repeat(sign(t, jwt.SigningMethodRS256, rsaKey, claims()))
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// repeat gives a function that serves one request with a token.
func (b *bench) repeat(token string) func() {
	x := b.withToken(token)
	fields := append([]exchange.Field(nil), x.Request.Fields...)
	return func() {
		x.Request.Fields = append(x.Request.Fields[:0], fields...)
		x.Grant = nil
		if !b.Authenticate(x) {
			b.t.Fatal("refused")
		}
	}
}

func BenchmarkCachedToken(b *testing.B) {
	for _, n := range []int{1, 10000} {
		b.Run(map[int]string{1: "one", 10000: "of 10000"}[n], func(b *testing.B) {
			bed := setUp(b, func(o *Options) { o.CacheCapacity = 2 * n; o.Now = func() int64 { return time.Now().UnixNano() } })
			token := sign(b, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch * 2}))
			for i := range n - 1 {
				bed.tokens.put(strings.Repeat("x", 600)+string(rune(i)), bed.anonymous2(), bed.options.Now())
			}
			run := bed.repeat(token)
			run()
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

func (b *bench) anonymous2() *identity {
	return b.identity(&exchange.Principal{Application: exchange.Application{ID: "x"}})
}

func FuzzParseToken(f *testing.F) {
	f.Add(sign(f, jwt.SigningMethodRS256, rsaKey, claims()))
	f.Add(sign(f, jwt.SigningMethodES256, ec256, claims()))
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("...")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := parseToken(text, 8192)
		if err != nil {
			return
		}
		if allowed[token.alg] == nil || len(text) > 8192 || token.signed+"."+token.signatureText != text {
			t.Errorf("parsed %+v", token)
		}
		for _, name := range []string{"exp", "nbf"} {
			if at, present, ok := seconds(token.claims, name); !ok && at != 0 || !present && at != 0 {
				t.Errorf("%s is %d", name, at)
			}
		}
		p := new(exchange.Principal)
		describe(p, token.claims, "cid", "roles")
		if p.Application.ID == "" {
			t.Error("no application")
		}
	})
}
