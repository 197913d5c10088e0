package auth

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/clock"
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

func TestConcurrentRequestsShareOneGrant(t *testing.T) {
	b := setUp(t, nil)
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	b.passes(b.request(1, opSecured, "X-Token", "Bearer "+token)) // the credential is known, the grant is not
	grants := make([]*exchange.Grant, 16)
	var group sync.WaitGroup
	for i := range grants {
		group.Go(func() {
			x := b.withToken(token)
			b.Authenticate(x)
			grants[i] = x.Grant
		})
	}
	group.Wait()
	for _, g := range grants {
		if g == nil || g != grants[0] {
			t.Fatal("several grants for one caller and API")
		}
	}
}

func TestNothingLentIsKept(t *testing.T) {
	exchange.Poison = true
	defer func() { exchange.Poison = false }()
	s := newServer(t, answers(`{"active":true,"sub":"alice"}`))
	b := setUp(t, func(o *Options) {
		o.Transport = &http.Transport{DisableKeepAlives: true}
		o.Introspection = &Introspection{URL: s.URL}
		o.Users = testUsers(t)
		o.KeyIssuers = []KeyIssuer{{Issuer: keyIdp, CertificateFile: certificate(t, "keys", otherKey)}}
	})
	for name, value := range map[string]string{
		"jwt": "Bearer " + sign(t, jwt.SigningMethodRS256, rsaKey, claims()), "opaque": "Bearer opaque", "basic": basicField("sha512", password), "apikey": "",
	} {
		request := func() *exchange.Exchange {
			if value == "" {
				return b.request(0, opAny, "apikey", keyOf(t))
			}
			return b.request(0, opAny, "Authorization", value)
		}
		x := request()
		first := b.passes(x)
		subject, id := first.Principal.Subject, first.Principal.Application.ID
		exchange.Release(x)
		if again := b.passes(request()); again != first {
			t.Errorf("%s: is not found any more", name)
		}
		if first.Principal.Subject != subject || first.Principal.Application.ID != id || strings.Contains(subject, "\xdb") {
			t.Errorf("%s: the principal changed to %+v", name, first.Principal)
		}
	}
}

// repeat gives a function that serves one request with a token, among fields
// such as clients send.
func (b *bench) repeat(token string) func() {
	return b.again(b.request(0, opAny, "Host", "api.example", "User-Agent", "curl/8", "Accept", "*/*", "Accept-Encoding", "gzip",
		"X-Request-Id", "4711", "Cookie", "a=b", "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer "+token))
}

func (b *bench) again(x *exchange.Exchange) func() {
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
	for name, others := range map[string]int{"alone": 0, "among 10000": 10000} {
		b.Run(name, func(b *testing.B) {
			bed := setUp(b, func(o *Options) { o.CacheCapacity = 2*others + 1; o.Now = clock.New().Now })
			for i := range others {
				id := bed.identity(&exchange.Principal{})
				bed.tokens.put(strings.Repeat("x", 600)+strconv.Itoa(i), id, bed.options.Now())
			}
			measure(b, bed.repeat(sign(b, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch * 2}))))
		})
	}
}

func BenchmarkCached(b *testing.B) {
	bed := setUp(b, func(o *Options) {
		o.Now = clock.New().Now
		o.Users = testUsers(b)
		o.KeyIssuers = []KeyIssuer{{Issuer: keyIdp, CertificateFile: certificate(b, "keys", otherKey)}}
	})
	b.Run("user", func(b *testing.B) {
		measure(b, bed.again(bed.request(0, opBasic, "Authorization", basicField("bcrypt", password))))
	})
	b.Run("key", func(b *testing.B) { measure(b, bed.again(bed.request(0, opKey, "X-API-Key", keyOf(b)))) })
	b.Run("anonymous", func(b *testing.B) { measure(b, bed.again(bed.request(0, opOpen))) })
}

// BenchmarkVerify is a token that nobody has shown before.
func BenchmarkVerify(b *testing.B) {
	bed := setUp(b, func(o *Options) {
		o.Issuers = append(o.Issuers, Issuer{Issuer: idp, CertificateFile: certificate(b, "p256", ec256)})
	})
	for name, token := range map[string]string{
		"RS256": sign(b, jwt.SigningMethodRS256, rsaKey, claims()), "ES256": sign(b, jwt.SigningMethodES256, ec256, claims()),
		"garbage": strings.Repeat("A", 200) + "." + strings.Repeat("A", 400) + "." + strings.Repeat("A", 86),
	} {
		b.Run(name, func(b *testing.B) {
			measure(b, func() {
				if _, fault := bed.verifyJWT(b.Context(), token); (fault == nil) == (name == "garbage") {
					b.Fatal(fault)
				}
			})
		})
	}
}

func measure(b *testing.B, run func()) {
	b.Helper()
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
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
