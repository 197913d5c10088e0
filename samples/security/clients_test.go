package security_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/samples/internal/harness"
)

func TestUsersWithAPassword(t *testing.T) {
	raw := func(text string) map[string]string { return map[string]string{"Authorization": text} }
	for _, tc := range []attempt{
		{"bcrypt", harness.Request{URL: "/users/me", Fields: basic("alice", "wonderland")}, 200, 0},
		{"bcrypt, again", harness.Request{URL: "/users/me", Fields: basic("alice", "wonderland")}, 200, 0},
		{"SHA-256", harness.Request{URL: "/users/me", Fields: basic("bob", "builder")}, 200, 0},
		{"with the scope", harness.Request{URL: "/users/profile", Fields: basic("alice", "wonderland")}, 200, 0},
		{"without the scope", harness.Request{URL: "/users/profile", Fields: basic("bob", "builder")}, 403, 900910},
		{"wrong password", harness.Request{URL: "/users/me", Fields: basic("alice", "builder")}, 401, 900911},
		{"no password", harness.Request{URL: "/users/me", Fields: basic("alice", "")}, 401, 900911},
		{"the digest as password", harness.Request{URL: "/users/me", Fields: basic("bob",
			"df6b07176a9b17cc4c9afc257bd404732e7d09b76436c7890f7b7be14e579794")}, 401, 900911},
		{"nobody's name", harness.Request{URL: "/users/me", Fields: basic("mallory", "wonderland")}, 401, 900911},
		{"no colon", harness.Request{URL: "/users/me", Fields: raw("Basic YWxpY2V3b25kZXJsYW5k")}, 401, 900912},
		{"no base64", harness.Request{URL: "/users/me", Fields: raw("Basic alice:wonder")}, 500, 900900},
		{"no credential", harness.Request{URL: "/users/me"}, 401, 900902},
		{"a token", harness.Request{URL: "/users/me", Token: issue(t, "")}, 401, 900917},
	} {
		tc.run(t)
	}
}

// apiKey gets one as a user does.
func apiKey(t *testing.T, body string) string {
	t.Helper()
	a := send(t, harness.Request{Method: "POST", URL: sample.Gateway.HTTPS + "/apikey", Fields: basic("alice", "wonderland"), Body: body})
	if a.Status != 200 || a.Fields.Get("Content-Type") != "text/plain" || strings.Count(a.Body, ".") != 2 {
		t.Fatal(a)
	}
	shown.Store(a.Body, true)
	return a.Body
}

func TestKeysAreIssuedToUsers(t *testing.T) {
	url := sample.Gateway.HTTPS + "/apikey"
	for _, tc := range []attempt{
		{"wrong password", harness.Request{URL: url, Fields: basic("alice", "builder")}, 401, 900911},
		{"no credential", harness.Request{URL: url}, 401, 900902},
		{"a token", harness.Request{URL: url, Token: issue(t, "")}, 401, 900917},
		{"without TLS", harness.Request{URL: "/apikey", Fields: basic("alice", "wonderland")}, 404, 404},
	} {
		tc.run(t)
	}
	var c jwt.MapClaims
	public, err := jwt.ParseECPublicKeyFromPEM(pemFile(t, "gateway.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key := apiKey(t, `{"validityTime": 60}`)
	if _, err := jwt.ParseWithClaims(key, &c, func(*jwt.Token) (any, error) { return public, nil }); err != nil {
		t.Fatal(err)
	}
	expires, err := c.GetExpirationTime()
	if err != nil || time.Until(expires.Time) > time.Minute+time.Second || c["sub"] != "alice" || c["keytype"] != "PRODUCTION" {
		t.Errorf("%v %v", err, c)
	}
}

func TestAPIKeys(t *testing.T) {
	key := apiKey(t, "")
	short := apiKey(t, `{"validityTime": 1}`)
	field := func(name, value string) map[string]string { return map[string]string{name: value} }
	gateway, err := jwt.ParseECPrivateKeyFromPEM(pemFile(t, "gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	own := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodES256, gateway, c) }
	const issuer = "https://localhost:9095/apikey"
	for _, tc := range []attempt{
		{"in the field", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", key)}, 200, 0},
		{"in the query", harness.Request{URL: "/keys/query?a=1&key=" + key + "&b=2"}, 200, 0},
		{"in the query where a field is due", harness.Request{URL: "/keys/field?key=" + key}, 401, 900902},
		{"in another field", harness.Request{URL: "/keys/field", Fields: field("apikey", key)}, 401, 900902},
		{"default field", harness.Request{URL: "/mixed/list", Fields: field("apikey", key)}, 200, 0},
		{"default parameter", harness.Request{URL: "/mixed/list?apikey=" + key}, 200, 0},
		{"for another API", harness.Request{URL: "/otherkeys/list", Fields: field("apikey", key)}, 401, 900901},
		{"missing", harness.Request{URL: "/keys/field"}, 401, 900902},
		{"twice", harness.Request{URL: "/keys/query?key=" + key + "&key=" + key}, 401, 900901},
		{"no key at all", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", "open sesame")}, 401, 900901},
		{"tampered", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", strings.Replace(key, ".", ".e", 1))}, 401, 900901},
		{"as a token", harness.Request{URL: "/keys/field", Token: key}, 401, 900917},
		{"as a token where tokens are taken", harness.Request{URL: "/tokens/me", Token: key}, 401, 900901},
		{"token in place of a key", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", issue(t, ""))}, 401, 900901},
		{"expired", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", own(jwt.MapClaims{"iss": issuer, "sub": "alice",
			"exp": time.Now().Unix() - 60, "allowedAPIs": []any{map[string]any{"name": "Keys", "version": "1.0.0"}}}))}, 401, 900901},
		{"issuer that nobody knows", harness.Request{URL: "/keys/field", Fields: field("X-API-Key", own(jwt.MapClaims{"iss": issuer + "s",
			"allowedAPIs": []any{map[string]any{"name": "Keys", "version": "1.0.0"}}}))}, 401, 900901},
	} {
		tc.run(t)
	}
	a := send(t, harness.Request{URL: "/keys/query?a=1&key=" + key + "&b=2"})
	var e struct{ Target string }
	if err := json.Unmarshal([]byte(a.Body), &e); err != nil || e.Target != "/query?a=1&b=2" {
		t.Errorf("the backend was asked for %q, %v", e.Target, err)
	}
	r := harness.Request{URL: "/keys/field", Fields: field("X-API-Key", short)}
	for deadline := time.Now().Add(15 * time.Second); send(t, r).Status == 200; time.Sleep(250 * time.Millisecond) {
		if time.Now().After(deadline) { // a second, and what clocks may differ by
			t.Fatal("a key of one second is still good")
		}
	}
}

func TestOneOfSeveralWays(t *testing.T) {
	for _, tc := range []attempt{
		{"token", harness.Request{URL: "/mixed/list", Token: issue(t, "")}, 200, 0},
		{"opaque token", harness.Request{URL: "/mixed/list", Token: issue(t, "token_format=opaque")}, 200, 0},
		{"password", harness.Request{URL: "/mixed/list", Fields: basic("bob", "builder")}, 200, 0},
		{"key", harness.Request{URL: "/mixed/list", Fields: map[string]string{"apikey": apiKey(t, "")}}, 200, 0},
		{"wrong password", harness.Request{URL: "/mixed/list", Fields: basic("bob", "wrecker")}, 401, 900911},
		{"none", harness.Request{URL: "/mixed/list"}, 401, 900902},
	} {
		tc.run(t)
	}
}

// pair loads a client's certificate.
func pair(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	c, err := tls.X509KeyPair(pemFile(t, name+".pem"), pemFile(t, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestClientCertificates(t *testing.T) {
	partner, stranger, none := pair(t, "partner"), pair(t, "stranger"), &tls.Certificate{}
	token := issue(t, "")
	forged := map[string]string{"X-WSO2-CLIENT-CERTIFICATE": strings.ReplaceAll(string(pemFile(t, "partner.pem")), "\n", " ")}
	const alone, both, guests = "/partners/certificate", "/partners/both", "/guests/list"
	for _, tc := range []attempt{
		{"certificate is enough", harness.Request{URL: alone, Client: partner}, 200, 0},
		{"certificate is enough, token beside it", harness.Request{URL: alone, Client: partner, Token: token}, 200, 0},
		{"no certificate", harness.Request{URL: alone, Client: none}, 401, 900901},
		{"no certificate, but a token", harness.Request{URL: alone, Client: none, Token: token}, 401, 900901},
		{"certificate of a stranger", harness.Request{URL: alone, Client: stranger}, 401, 900901},
		{"certificate in a field that nobody may send", harness.Request{URL: alone, Client: none, Fields: forged}, 401, 900901},
		{"another's certificate in a field", harness.Request{URL: alone, Client: stranger, Fields: forged}, 401, 900901},
		{"certificate and token", harness.Request{URL: both, Client: partner, Token: token}, 200, 0},
		{"certificate without the token", harness.Request{URL: both, Client: partner}, 401, 900902},
		{"token without the certificate", harness.Request{URL: both, Client: none, Token: token}, 401, 900901},
		{"certificate and a bad token", harness.Request{URL: both, Client: partner, Token: "a.b.c"}, 401, 900901},
		{"no TLS", harness.Request{URL: alone, Token: token}, http.StatusNotFound, 404},
		{"guest with a token", harness.Request{URL: guests, Client: none, Token: token}, 200, 0},
		{"guest with a token, no TLS", harness.Request{URL: guests, Token: token}, 200, 0},
		{"guest with both", harness.Request{URL: guests, Client: partner, Token: token}, 200, 0},
		{"guest with a stranger's certificate", harness.Request{URL: guests, Client: stranger, Token: token}, 401, 900901},
		{"guest with the certificate alone", harness.Request{URL: guests, Client: partner}, 401, 900902},
		{"guest with nothing", harness.Request{URL: guests, Client: none}, 401, 900902},
	} {
		tc.run(t)
	}
}
