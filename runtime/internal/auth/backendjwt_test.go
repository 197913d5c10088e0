package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

func withAssertions(t testing.TB, change func(*Assertion)) *bench {
	return setUp(t, func(o *Options) {
		o.Assertion = &Assertion{
			Signing:    Signing{Key: otherKey, Certificate: selfSigned(t, "gateway", otherKey)},
			Restricted: []string{"secret"},
		}
		if change != nil {
			change(o.Assertion)
		}
	})
}

// asserted gives what a backend would read, the signature checked.
func (b *bench) asserted(x *exchange.Exchange) (string, *jwt.Token) {
	b.t.Helper()
	b.passes(x)
	value, _ := x.Request.Lookup("X-JWT-Assertion")
	token, err := jwt.Parse(string(value), func(*jwt.Token) (any, error) { return otherKey.Public(), nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return time.Unix(0, b.clock.now()) }))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(value), token
}

func TestTheBackendIsToldWhoCalls(t *testing.T) {
	b := withAssertions(t, nil)
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"email": "a@b", "secret": "x"}))
	x := b.withToken(token)
	x.Request.Add("x-jwt-assertion", "forged")
	x.Request.Add("X-JWT-Assertion", "forged too")
	_, got := b.asserted(x)
	want := map[string]any{
		"iss": "wso2.org/products/am", "sub": "alice", "scopes": "read:pets", "email": "a@b",
		"iat": float64(epoch), "exp": float64(epoch + 900),
		"http://wso2.org/claims/enduser": "alice", "http://wso2.org/claims/enduserTenantDomain": "acme.com",
		"http://wso2.org/claims/subscriber": "olga", "http://wso2.org/claims/applicationid": "7",
		"http://wso2.org/claims/applicationUUId": "7",
		"http://wso2.org/claims/applicationname": "shop", "http://wso2.org/claims/applicationtier": "Gold",
		"http://wso2.org/claims/apiname": "Petstore", "http://wso2.org/claims/apicontext": "/petstore/v1",
		"http://wso2.org/claims/version": "1.0.5", "http://wso2.org/claims/tier": "Silver",
		"http://wso2.org/claims/keytype": "PRODUCTION", "http://wso2.org/claims/usertype": "Application_User",
	}
	claims := got.Claims.(jwt.MapClaims)
	if id, _ := claims["jti"].(string); len(id) < 20 || id == "id-1" {
		t.Errorf("jti %q", id)
	}
	delete(claims, "jti")
	for name, v := range want {
		if claims[name] != v {
			t.Errorf("%s: got %v, want %v", name, claims[name], v)
		}
		delete(claims, name)
	}
	if len(claims) > 0 {
		t.Errorf("further claims: %v", claims)
	}
	if x5t, _ := got.Header["x5t"].(string); len(x5t) != 54 {
		t.Errorf("x5t %q", x5t)
	}
	if strings.Contains(string(x.Request.Value(x.Request.Fields[0])), "forged") || len(x.Request.Fields) != 1 {
		t.Error("a forged assertion is left")
	}
}

func TestAnAssertionIsMadeOnceForACallerAndAnAPI(t *testing.T) {
	b := withAssertions(t, nil)
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	first, _ := b.asserted(b.withToken(token))
	b.clock.pass(894 * time.Second)
	if again, _ := b.asserted(b.withToken(token)); again != first {
		t.Error("made again")
	}
	if other, _ := b.asserted(b.request(1, opSecured, "X-Token", "Bearer "+token)); other == first {
		t.Error("one for two APIs")
	}
	b.clock.pass(time.Second) // the skew before its end
	if renewed, _ := b.asserted(b.withToken(token)); renewed == first {
		t.Error("not made again")
	}
}

func TestTheClaimBackendJwtIsPassedOnAsItIs(t *testing.T) {
	for name, b := range map[string]*bench{"generator on": withAssertions(t, nil), "generator off": setUp(t, nil)} {
		x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"backendJwt": "own.jwt.x"})))
		x.Request.Add("X-JWT-Assertion", "forged")
		b.passes(x)
		if v, _ := x.Request.Lookup("X-JWT-Assertion"); string(v) != "own.jwt.x" || len(x.Request.Fields) != 1 {
			t.Errorf("%s: %q", name, v)
		}
	}
}

func TestAClientCannotHaveTheAssertionRemoved(t *testing.T) {
	b := withAssertions(t, nil)
	x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims()))
	x.Request.Add("Connection", "x-jwt-assertion")
	b.passes(x)
	x.Request.StripHop()
	if _, there := x.Request.Lookup("X-JWT-Assertion"); !there {
		t.Error("the backend is not told who calls")
	}
}

func TestABackendJwtCannotSmuggleFields(t *testing.T) {
	b := setUp(t, nil)
	x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"backendJwt": "a\r\nX-Admin: 1"})))
	b.passes(x)
	if len(x.Request.Fields) != 0 {
		t.Errorf("%q", x.Request.Value(x.Request.Fields[0]))
	}
}

func TestNobodyIsAssertedOnUnsecuredOperations(t *testing.T) {
	b := withAssertions(t, nil)
	x := b.request(0, opOpen, "X-JWT-Assertion", "forged")
	b.passes(x)
	if _, there := x.Request.Lookup("X-JWT-Assertion"); there {
		t.Error("a forged assertion is left")
	}
}

func TestAssertionsWithoutSignature(t *testing.T) {
	b := withAssertions(t, func(a *Assertion) { a.Unsigned = true; a.Signing = Signing{} })
	x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims()))
	b.passes(x)
	v, _ := x.Request.Lookup("X-JWT-Assertion")
	if !strings.HasSuffix(string(v), ".") || !strings.Contains(b.log.String(), "not signed") {
		t.Errorf("%s; log %s", v, b.log)
	}
}

func TestACachedAssertionAllocatesNothing(t *testing.T) {
	b := withAssertions(t, nil)
	x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims()))
	b.options.KeepCredentials = true
	b.passes(x)
	grant := x.Grant
	run := func() {
		if _, err := b.assertions.of(grant, b.clock.now(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVerifyJudgesAsTheStageDoes(t *testing.T) {
	b := setUp(t, nil)
	api := &b.apis[0]
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	for name, tc := range map[string]struct {
		op    int
		token string
		code  int
	}{
		"good": {opSecured, token, 0}, "open": {opOpen, "", 0}, "none": {opSecured, "", 900902},
		"scope": {opScoped, token, 900910}, "kind": {opBasic, token, 900917}, "junk": {opSecured, "x", 900901},
	} {
		g, f := b.Verify(t.Context(), api, &api.Operations[tc.op], tc.token)
		if (f == nil) != (tc.code == 0) || f != nil && f.Code != tc.code || (g == nil) != (f != nil) {
			t.Errorf("%s: %v, %v", name, g, f)
		}
	}
}
