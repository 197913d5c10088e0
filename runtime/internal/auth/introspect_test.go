package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

func withIntrospection(t testing.TB, s *server, change func(*Introspection)) *bench {
	return setUp(t, func(o *Options) {
		o.Transport = &http.Transport{DisableKeepAlives: true}
		o.Introspection = &Introspection{URL: s.URL, Username: "gateway", Password: "km-secret"}
		o.FetchTimeout = 20 * time.Second
		if change != nil {
			change(o.Introspection)
		}
	})
}

func TestOpaqueTokensAreIntrospectedOnce(t *testing.T) {
	var got *http.Request
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r
		fmt.Fprintf(w, `{"active":true,"scope":"admin b","username":"alice","sub":"x","client_id":"web","exp":%d,"groups":["vip"]}`, epoch+60)
	})
	b := withIntrospection(t, s, func(i *Introspection) { i.RoleClaim = "groups" })
	const token = "opaque+token/=&%"
	for range 3 {
		p := b.passes(b.request(0, opScoped, "Authorization", "Bearer "+token)).Principal
		if p.Kind != exchange.Opaque || p.Subject != "alice" || p.Application.ID != "web" || p.ConsumerKey != "web" ||
			!reflect.DeepEqual(p.Scopes, []string{"admin", "b"}) || !reflect.DeepEqual(p.Roles, []string{"vip"}) {
			t.Fatalf("%+v", p)
		}
	}
	user, pass, _ := got.BasicAuth()
	if s.hits.Load() != 1 || got.Method != "POST" || got.PostForm.Get("token") != token || len(got.PostForm) != 1 || user != "gateway" || pass != "km-secret" {
		t.Errorf("%d calls, the last %+v", s.hits.Load(), got)
	}
	b.clock.pass(65 * time.Second)
	b.refused(b.request(0, opScoped, "Authorization", "Bearer "+token), 900903)
	b.quiet(token, "km-secret")
}

func TestABearerTokenForTheEndpoint(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer direct" {
			w.WriteHeader(401)
			return
		}
		answers(`{"active":true,"sub":"bob"}`)(w, r)
	})
	b := withIntrospection(t, s, func(i *Introspection) { i.Bearer = "direct" })
	if p := b.passes(b.withToken("t")).Principal; p.Application.ID != "bob" || p.Expires != 0 {
		t.Errorf("%+v", p)
	}
	b.clock.pass(15 * time.Minute) // without expiry: until the cache's own end
	b.passes(b.withToken("t"))
	if n := s.hits.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestTokensThatAreNotActiveAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		code   int
		calls  int32 // for two requests
	}{
		"not active":     {`{"active":false}`, 900901, 1},
		"active is text": {`{"active":"true"}`, 900901, 1},
		"nothing said":   {`{}`, 900901, 1},
		"expired":        {fmt.Sprintf(`{"active":true,"exp":%d}`, epoch-60), 900903, 2},
		"not yet valid":  {fmt.Sprintf(`{"active":true,"nbf":%d}`, epoch+60), 900901, 1},
		"expiry is text": {`{"active":true,"exp":"soon"}`, 900901, 1},
		"null":           {`null`, 900901, 2},
		"not JSON":       {`<html>`, 900901, 2},
		"huge":           {`{"active":true,"x":"` + strings.Repeat("x", maxIntrospectionAnswer) + `"}`, 900901, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answers(tc.answer))
			b := withIntrospection(t, s, nil)
			for range 2 {
				b.refused(b.withToken("secret-token"), tc.code)
			}
			if n := s.hits.Load(); n != tc.calls {
				t.Errorf("%d calls", n)
			}
			b.quiet("secret-token")
		})
	}
}

func TestATokenThatWasNotActiveIsAskedForAgainLater(t *testing.T) {
	s := newServer(t, answers(`{"active":false}`))
	b := withIntrospection(t, s, nil)
	b.refused(b.withToken("t"), 900901)
	s.set(answers(`{"active":true,"sub":"a"}`))
	b.refused(b.withToken("t"), 900901)
	b.clock.pass(refusedFor)
	b.passes(b.withToken("t"))
}

func TestAFloodOfBadTokensPushesOutNoGoodOne(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"active":%v,"sub":"a"}`, r.FormValue("token") == "good")
	})
	b := withIntrospection(t, s, nil)
	b.tokens = newCache(ways)
	b.introspector.refused = newCache(4 * ways)
	b.passes(b.withToken("good"))
	for i := range 200 {
		b.refused(b.withToken(fmt.Sprint("bad", i)), 900901)
	}
	before := s.hits.Load()
	b.passes(b.withToken("good"))
	if s.hits.Load() != before || b.tokens.count() != 1 || b.introspector.refused.count() > 4*ways {
		t.Errorf("%d cached, %d refused", b.tokens.count(), b.introspector.refused.count())
	}
}

func TestLookUpsOfOneTokenAreJoined(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { <-release; answers(`{"active":true,"sub":"a"}`)(w, r) })
	b := withIntrospection(t, s, nil)
	b.introspector.timeout = time.Minute
	var group sync.WaitGroup
	var ready sync.WaitGroup
	grants := make([]*exchange.Grant, 20)
	for i := range grants {
		ready.Add(1)
		group.Go(func() {
			x := b.withToken("t")
			ready.Done()
			b.Authenticate(x)
			grants[i] = x.Grant
		})
	}
	ready.Wait()
	eventually(t, "a call", func() bool { return s.hits.Load() == 1 })
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims()))) // nobody else waits
	close(release)
	group.Wait()
	if s.hits.Load() != 1 {
		t.Errorf("%d calls", s.hits.Load())
	}
	for _, g := range grants {
		if g == nil || g != grants[0] {
			t.Fatal("not one grant for all")
		}
	}
}

func TestCallsAreBoundedInNumber(t *testing.T) {
	s := newServer(t, answers(`{"active":true,"sub":"a"}`))
	b := withIntrospection(t, s, func(i *Introspection) { i.Concurrent = 2 })
	for range 2 { // as if two calls were under way
		if err := b.introspector.slots.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.introspector.timeout = 20 * time.Millisecond
	b.refused(b.withToken("t"), 900901)
	if n := s.hits.Load(); n != 0 {
		t.Errorf("%d calls", n)
	}
	b.introspector.slots.leave()
	b.introspector.timeout = time.Minute
	b.passes(b.withToken("t"))
}

func TestACallIsBoundedInTime(t *testing.T) {
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // only then does the server notice that the client leaves
		<-r.Context().Done()
	})
	b := withIntrospection(t, s, nil)
	b.introspector.timeout = 50 * time.Millisecond
	b.refused(b.withToken("t"), 900901)
	if n := len(b.introspector.slots); n != 0 {
		t.Errorf("%d slots are still taken", n)
	}
}

func TestWithoutIntrospectionOpaqueTokensAreRefused(t *testing.T) {
	b := setUp(t, nil)
	if got := b.refused(b.withToken("opaque"), 900901); got != invalidCredentials {
		t.Errorf("%+v", got)
	}
}

func TestTheEndpointBeingAwayOpensNoDoor(t *testing.T) {
	s := newServer(t, answers(""))
	s.Close()
	b := withIntrospection(t, s, nil)
	if got := b.refused(b.withToken("secret-token"), 900901); got != invalidCredentials {
		t.Errorf("%+v", got)
	}
	for range 20 {
		b.refused(b.withToken("secret-token"), 900901)
	}
	if strings.Count(b.log.String(), "could not be introspected") != 1 {
		t.Errorf("log: %s", b.log)
	}
	b.clock.pass(complainEvery)
	b.refused(b.withToken("secret-token"), 900901)
	if !strings.Contains(b.log.String(), "notLogged=20") {
		t.Errorf("log: %s", b.log)
	}
	b.quiet("secret-token")
}

func TestCredentialsAreNotSentElsewhere(t *testing.T) {
	other := httptest.NewServer(answers(`{"active":true}`))
	defer other.Close()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	b := withIntrospection(t, s, nil)
	b.refused(b.withToken("t"), 900901)
}

func TestJWTThatDoNotVerifyAreIntrospectedWhereConfigured(t *testing.T) {
	s := newServer(t, answers(`{"active":true,"sub":"a"}`))
	stranger := sign(t, jwt.SigningMethodRS256, otherKey, claims())
	expired := sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch - 60}))
	b := withIntrospection(t, s, nil)
	b.refused(b.withToken(stranger), 900901)
	b = withIntrospection(t, s, func(i *Introspection) { i.FailedJWT = true })
	b.passes(b.withToken(stranger))
	b.refused(b.withToken(expired), 900903)
	b.refused(b.withToken("a.b.c.d"), 900901)
	b.Revoked().Add(stranger, b.clock.now()+int64(time.Hour))
	b.refused(b.withToken(stranger), 900901)
}

func TestSubscriptionsOfOpaqueTokens(t *testing.T) {
	s := newServer(t, answers(`{"active":true,"username":"a"}`))
	b := withIntrospection(t, s, func(i *Introspection) { i.ValidateSubscription = true })
	want := answer{500, 900900, fault("900900", "Unclassified Authentication Failure", "Unclassified Authentication Failure. Unclassified Authentication Failure"), ""}
	if got := b.refused(b.withToken("t"), 900900); got != want {
		t.Errorf("%+v", got)
	}
	s.set(answers(`{"active":true,"username":"a","client_id":"web"}`))
	b.refused(b.withToken("t2"), 900908)
	s.set(answers(`{"active":true,"username":"a","client_id":"web","subscribedAPIs":[{"name":"Petstore","version":"1.0.5","subscriptionTier":"Gold"}]}`))
	if g := b.passes(b.withToken("t3")); g.SubscriptionTier != "Gold" {
		t.Errorf("%+v", g)
	}
}

func TestRevokedOpaqueTokensAreRefused(t *testing.T) {
	s := newServer(t, answers(`{"active":true,"sub":"a"}`))
	b := withIntrospection(t, s, nil)
	b.passes(b.withToken("t"))
	b.Revoked().Add("t", b.clock.now()+int64(time.Hour))
	b.Revoked().Add("u", b.clock.now()+int64(time.Hour))
	b.refused(b.withToken("t"), 900901)
	b.refused(b.withToken("u"), 900901)
}

func FuzzParseIntrospectionAnswer(f *testing.F) {
	f.Add([]byte(`{"active":true,"exp":1,"scope":"a b","client_id":"x"}`))
	f.Add([]byte(`{"active":true,"exp":1e400}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := parseAnswer(body)
		if (err == nil) != (answer != nil) {
			t.Errorf("%v, %v", answer, err)
		}
		seconds(answer, "exp")
		describe(new(exchange.Principal), answer, "", "roles")
	})
}
