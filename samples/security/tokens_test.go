package security_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/samples/internal/harness"
)

// issue gets a token of the sample's provider.
func issue(t *testing.T, form string) string {
	t.Helper()
	return issueAt(t, sample.Servers["idp"].URL, form)
}

// calls asks the provider how often it was asked.
func calls(t *testing.T) (c struct{ Keys, Introspections int }) {
	t.Helper()
	a := send(t, harness.Request{URL: sample.Servers["idp"].URL + "/calls"})
	if err := json.Unmarshal([]byte(a.Body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// pemFile reads one of the files that the sample's keys program has made.
func pemFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(sample.Dir, "demo/conf", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// claims are those of a token that opens Tokens at https://tokens.example.com.
func claims(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": "https://tokens.example.com", "sub": "kim", "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"application":    map[string]any{"id": "12", "name": "desk", "tier": "Unlimited", "owner": "lee"},
		"subscribedAPIs": []any{map[string]any{"name": "Tokens", "version": "1.0.0", "subscriptionTier": "Unlimited"}},
	}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

// sign makes a token of that issuer.
func sign(t *testing.T, method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestTokensOfAnIssuerWithACertificate(t *testing.T) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pemFile(t, "issuer.key"))
	if err != nil {
		t.Fatal(err)
	}
	strange, err := jwt.ParseECPrivateKeyFromPEM(pemFile(t, "stranger.key"))
	if err != nil {
		t.Fatal(err)
	}
	rs256 := func(changes jwt.MapClaims) string { return sign(t, jwt.SigningMethodRS256, key, claims(changes)) }
	good := rs256(nil)
	staff := map[string]any{"name": "Tokens", "version": "*", "subscriptionTier": "Staff"}
	hour := int64(3600)
	now := time.Now().Unix()
	for _, tc := range []struct {
		name, token  string
		status, code int
	}{
		{"good", good, 200, 0},
		{"good, again", good, 200, 0},
		{"RS512", sign(t, jwt.SigningMethodRS512, key, claims(nil)), 200, 0},
		{"expired", rs256(jwt.MapClaims{"exp": now - 60}), 401, 900903},
		{"not yet valid", rs256(jwt.MapClaims{"nbf": now + hour}), 401, 900901},
		{"expiry that is no number", rs256(jwt.MapClaims{"exp": "tomorrow"}), 401, 900901},
		{"issuer that nobody knows", rs256(jwt.MapClaims{"iss": "https://tokens.example.org"}), 401, 900901},
		{"no issuer", rs256(jwt.MapClaims{"iss": nil}), 401, 900901},
		{"issuer of another key", rs256(jwt.MapClaims{"iss": "https://mgw.local/development"}), 401, 900901},
		{"claims of another token", tampered(t, good), 401, 900901},
		{"signature cut off", good[:strings.LastIndexByte(good, '.')+1], 401, 900901},
		{"not signed", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), 401, 900901},
		{"HMAC with the certificate", sign(t, jwt.SigningMethodHS256, pemFile(t, "issuer.pem"), claims(nil)), 401, 900901},
		{"PSS, which is not allowed", sign(t, jwt.SigningMethodPS256, key, claims(nil)), 401, 900901},
		{"key of somebody else", sign(t, jwt.SigningMethodES256, strange, claims(nil)), 401, 900901},
		{"no subscription", rs256(jwt.MapClaims{"subscribedAPIs": nil}), 403, 900908},
		{"subscription to another version", rs256(jwt.MapClaims{"subscribedAPIs": []any{
			map[string]any{"name": "Tokens", "version": "2.0.0", "subscriptionTier": "Unlimited"}}}), 403, 900908},
		{"tier of staff, by staff", rs256(jwt.MapClaims{"subscribedAPIs": []any{staff}, "groups": []string{"staff"}}), 200, 0},
		{"tier of staff, by a guest", rs256(jwt.MapClaims{"subscribedAPIs": []any{staff}, "groups": []string{"guest"}}), 403, 900812},
		{"five parts", good + ".a.b", 401, 900901},
		{"too long", rs256(jwt.MapClaims{"padding": strings.Repeat("x", 7000)}), 431, 431},
	} {
		attempt{tc.name, harness.Request{URL: "/tokens/me", Token: tc.token}, tc.status, tc.code}.run(t)
	}
}

// tampered makes another user of a token's.
func tampered(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), `"kim"`, `"eve"`, 1)))
	return strings.Join(parts, ".")
}

func TestTokensOfAnIdentityProvider(t *testing.T) {
	reader, writer := issue(t, "scope=read:orders"), issue(t, "scope=read:orders+write:orders")
	admin, nobody := issue(t, "scope=admin"), issue(t, "")
	for _, tc := range []attempt{
		{"no scope needed", harness.Request{URL: "/tokens/me", Token: nobody}, 200, 0},
		{"scope", harness.Request{URL: "/tokens/orders", Token: reader}, 200, 0},
		{"another scope that will do", harness.Request{URL: "/tokens/orders", Token: admin}, 200, 0},
		{"no scope", harness.Request{URL: "/tokens/orders", Token: nobody}, 403, 900910},
		{"one scope of the extension", harness.Request{Method: "POST", URL: "/tokens/orders", Token: writer}, 200, 0},
		{"not that one", harness.Request{Method: "POST", URL: "/tokens/orders", Token: admin}, 403, 900910},
		{"expired", harness.Request{URL: "/tokens/me", Token: issue(t, "expires_in=-60")}, 401, 900903},
		{"tampered", harness.Request{URL: "/tokens/me", Token: strings.Replace(nobody, ".", ".e", 1)}, 401, 900901},
		{"unsecured operation", harness.Request{URL: "/tokens/open"}, 200, 0},
		{"unsecured operation, with a bad token", harness.Request{URL: "/tokens/open", Token: "a.b.c"}, 200, 0},
		{"no credential", harness.Request{URL: "/tokens/me"}, 401, 900902},
		{"empty credential", harness.Request{URL: "/tokens/me", Fields: map[string]string{"Authorization": ""}}, 401, 900902},
		{"password where a token is due", harness.Request{URL: "/tokens/me", Fields: basic("alice", "wonderland")}, 401, 900917},
		{"scheme that nobody knows", harness.Request{URL: "/tokens/me", Fields: map[string]string{"Authorization": "Digest " + nobody}}, 401, 900901},
		{"token without a scheme", harness.Request{URL: "/tokens/me", Fields: map[string]string{"Authorization": nobody}}, 401, 900901},
		{"scheme in other letters", harness.Request{URL: "/tokens/me", Fields: map[string]string{"Authorization": "bEARER " + nobody}}, 200, 0},
		{"field of its own", harness.Request{URL: "/legacy/list", Fields: map[string]string{"X-Credential": "Bearer " + nobody}}, 200, 0},
		{"not in that field", harness.Request{URL: "/legacy/list", Token: nobody}, 401, 900902},
	} {
		tc.run(t)
	}
}

// A token that names a key which the gateway does not have yet makes it look
// again, some seconds after it last did.
func TestProviderMayChangeItsKey(t *testing.T) {
	t.Parallel()
	old := issue(t, "")
	if a := send(t, harness.Request{Method: "POST", URL: sample.Servers["idp"].URL + "/keys"}); a.Status != 200 {
		t.Fatal(a)
	}
	r := harness.Request{URL: "/tokens/me", Token: issue(t, "")}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(250 * time.Millisecond) {
		a := send(t, r)
		if a.Status == 200 {
			break
		}
		if a.Code != 900901 || time.Now().After(deadline) {
			t.Fatalf("with the new key: %v", a)
		}
	}
	if a := send(t, harness.Request{URL: "/tokens/me", Token: old}); a.Status != 200 {
		t.Errorf("with the old key: %v", a)
	}
	if n := calls(t).Keys; n > 8 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestOpaqueTokens(t *testing.T) {
	good := issue(t, "token_format=opaque&scope=read:orders")
	bad := rand.Text()
	before := calls(t).Introspections
	for _, tc := range []attempt{
		{"good", harness.Request{URL: "/tokens/me", Token: good}, 200, 0},
		{"good, with its scope", harness.Request{URL: "/tokens/orders", Token: good}, 200, 0},
		{"no such scope", harness.Request{Method: "POST", URL: "/tokens/orders", Token: good}, 403, 900910},
		{"unknown", harness.Request{URL: "/tokens/me", Token: bad}, 401, 900901},
		{"unknown, again", harness.Request{URL: "/tokens/me", Token: bad}, 401, 900901},
		{"expired", harness.Request{URL: "/tokens/me", Token: issue(t, "token_format=opaque&expires_in=-1")}, 401, 900901},
	} {
		tc.run(t)
	}
	if n := calls(t).Introspections - before; n != 3 {
		t.Errorf("the provider was asked %d times about three tokens", n)
	}
}

// The backend gets no credential, and a JWT that the gateway's certificate
// verifies; a JWT that the client made up does not reach it.
func TestBackendLearnsWhoCalls(t *testing.T) {
	const field = "X-Jwt-Assertion"
	echoed := func(r harness.Request) (fields map[string][]string) {
		t.Helper()
		a := send(t, r)
		var e struct{ Fields map[string][]string }
		if err := json.Unmarshal([]byte(a.Body), &e); err != nil || a.Status != 200 {
			t.Fatal(err, a)
		}
		if e.Fields["Authorization"] != nil || e.Fields["X-Credential"] != nil {
			t.Errorf("the backend got the credential: %v", e.Fields)
		}
		return e.Fields
	}
	forged := map[string]string{field: "forged.by.client"}
	if got := echoed(harness.Request{URL: "/tokens/open", Fields: forged})[field]; got != nil {
		t.Errorf("the backend was told %q by nobody", got)
	}
	got := echoed(harness.Request{URL: "/tokens/me", Token: issue(t, "scope=admin"), Fields: forged})[field]
	if len(got) != 1 {
		t.Fatalf("%d assertions", len(got))
	}
	public, err := jwt.ParseECPublicKeyFromPEM(pemFile(t, "gateway.pem"))
	if err != nil {
		t.Fatal(err)
	}
	var c jwt.MapClaims
	if _, err := jwt.ParseWithClaims(got[0], &c, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{"ES256"})); err != nil {
		t.Fatal(err)
	}
	const dialect = "http://wso2.org/claims/"
	for name, want := range map[string]string{
		"iss": "wso2.org/products/am", "sub": "shop", "scopes": "admin",
		dialect + "enduser": "shop", dialect + "apiname": "Tokens", dialect + "apicontext": "/tokens",
		dialect + "version": "1.0.0", dialect + "tier": "Default", dialect + "applicationid": "shop",
	} {
		if c[name] != want {
			t.Errorf("%s is %v, want %s", name, c[name], want)
		}
	}
	got = echoed(harness.Request{URL: "/legacy/list", Fields: map[string]string{"X-Credential": "Bearer " + issue(t, "")}})[field]
	if len(got) != 1 {
		t.Errorf("field of its own: %d assertions", len(got))
	}
}

// Claims that a configuration renames mean what it says, and those that it
// restricts stay in the gateway.
func TestClaimsAreRenamedAndRestricted(t *testing.T) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pemFile(t, "issuer.key"))
	if err != nil {
		t.Fatal(err)
	}
	token := sign(t, jwt.SigningMethodRS256, key, claims(jwt.MapClaims{"scp": "read:orders", "plan": "gold", "internal_id": "4711"}))
	a := send(t, harness.Request{URL: "/tokens/orders?" + url.Values{"q": {"1"}}.Encode(), Token: token})
	if a.Status != 200 {
		t.Fatal(a)
	}
	var e struct{ Fields map[string][]string }
	if err := json.Unmarshal([]byte(a.Body), &e); err != nil {
		t.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(e.Fields["X-Jwt-Assertion"][0], ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"plan":"gold"`) || strings.Contains(string(text), "4711") {
		t.Errorf("the backend was told %s", text)
	}
}
