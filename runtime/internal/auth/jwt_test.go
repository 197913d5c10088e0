package auth

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

const challengeOAuth = `OAuth2 realm="WSO2 API Microgateway", error="invalid token" , error_description="The access token expired"`

func fault(code, message, description string) string {
	return `{"fault":{"code":` + code + `, "message":"` + message + `", "description":"` + description + `"}}`
}

var invalidCredentials = answer{401, 900901, fault("900901", "Invalid Credentials", "Invalid Credentials. Make sure you have given the correct access token"), challengeOAuth}

func TestRefusalsOfTokensHaveExactAnswers(t *testing.T) {
	good := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	for name, tc := range map[string]struct {
		op     int
		header []string
		want   answer
	}{
		"no credential": {opSecured, nil,
			answer{401, 900902, fault("900902", "Missing Credentials", "Missing Credentials. Make sure your API request provides required credentials"), challengeOAuth}},
		"an empty credential": {opSecured, []string{"Authorization", ""},
			answer{401, 900902, fault("900902", "Missing Credentials", "Missing Credentials. Make sure your API request provides required credentials"), challengeOAuth}},
		"another kind of credential": {opSecured, []string{"Authorization", "Basic YTpi"},
			answer{401, 900917, fault("900917", "Invalid Authentication scheme", "Invalid Authentication scheme. API can not be used with this authentication scheme"), challengeOAuth}},
		"an expired token": {opSecured, []string{"Authorization", "Bearer " + sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch - 5}))},
			answer{401, 900903, fault("900903", "Access Token Expired", "Access Token Expired. Renew the access token and try again"), challengeOAuth}},
		"a missing scope": {opScoped, []string{"Authorization", "Bearer " + good},
			answer{403, 900910, fault("900910", "The access token does not allow you to access the requested resource", "The access token does not allow you to access the requested resource"), ""}},
		"a token without scheme": {opSecured, []string{"Authorization", good}, invalidCredentials},
		"two credentials":        {opSecured, []string{"Authorization", "Bearer " + good, "authorization", "Bearer " + good}, invalidCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			x := b.request(0, tc.op, tc.header...)
			if got := b.refused(x, tc.want.code); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
			b.quiet(good)
		})
	}
}

func TestTokensThatMustNotPass(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	good := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"empty":                    "",
		"not a token":              "abc",
		"two parts":                "a.b",
		"four parts":               good + ".x",
		"five parts, encrypted":    "e30.e30.e30.e30.e30",
		"no issuer":                sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"iss": nil})),
		"an unknown issuer":        sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"iss": "https://else.example"})),
		"an issuer that is a list": sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"iss": []string{idp}})),
		"another's key":            sign(t, jwt.SigningMethodRS256, otherKey, claims()),
		"not yet valid":            sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"nbf": epoch + 6})),
		"an expiry that is text":   sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": "9999999999"})),
		"an expiry that is null":   parts[0] + "." + encode([]byte(`{"iss":"`+idp+`","exp":null}`)) + "." + parts[2],
		"tampered claims":          parts[0] + "." + encode([]byte(`{"iss":"`+idp+`","sub":"root"}`)) + "." + parts[2],
		"a tampered header":        encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"x"}`)) + "." + parts[1] + "." + parts[2],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"alg none":                 encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"alg None":                 encode([]byte(`{"alg":"None"}`)) + "." + parts[1] + "." + parts[2],
		"no alg":                   encode([]byte(`{}`)) + "." + parts[1] + "." + parts[2],
		"HMAC with the public key": sign(t, jwt.SigningMethodHS256, publicPEM, claims()),
		"HMAC with the DER":        sign(t, jwt.SigningMethodHS256, public, claims()),
		"RSA-PSS":                  sign(t, jwt.SigningMethodPS256, rsaKey, claims()),
		"EC against an RSA key":    sign(t, jwt.SigningMethodES256, ec256, claims()),
		"a critical extension":     sign(t, jwt.SigningMethodRS256, rsaKey, claims(), "crit", "b64"),
		"a token in a token":       sign(t, jwt.SigningMethodRS256, rsaKey, jwt.MapClaims{"jwt": good}),
		"a token as payload":       parts[0] + "." + encode([]byte(good)) + "." + parts[2],
		"claims that are null":     parts[0] + "." + encode([]byte(`null`)) + "." + parts[2],
		"padding":                  good + "=",
		"standard alphabet":        parts[0] + "." + parts[1] + "+." + parts[2],
		"too long":                 sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"fill": strings.Repeat("x", 8192)})),
		"deep nesting":             parts[0] + "." + encode([]byte(strings.Repeat("[", 5000))) + "." + parts[2],
		"a stray bit at the end":   good[:len(good)-1] + string(rune(good[len(good)-1]+1)),
		"space inside":             parts[0] + " " + parts[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			if got := b.refused(b.withToken(token), 900901); got != invalidCredentials {
				t.Errorf("got %+v", got)
			}
			if token != "" {
				b.quiet(token)
			}
		})
	}
}

func TestTokensAreNotTakenApartWhenTheirTextIsWrong(t *testing.T) {
	good := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	for name, tc := range map[string]struct {
		text  string
		limit int
		want  error
	}{
		"good":                {good, len(good), nil},
		"too long":            {good, len(good) - 1, errTooLong},
		"a line break inside": {good[:len(good)-2] + "\n" + good[len(good)-2:], 8192, errMalformed},
		"unknown algorithm":   {"eyJhbGciOiJYIn0.e30.AA", 8192, errAlgorithm},
		"critical":            {sign(t, jwt.SigningMethodRS256, rsaKey, claims(), "crit", "x"), 8192, errCritical},
	} {
		if _, err := parseToken(tc.text, tc.limit); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachAllowedAlgorithmVerifies(t *testing.T) {
	for _, tc := range []struct {
		method jwt.SigningMethod
		key    any
	}{
		{jwt.SigningMethodRS256, rsaKey}, {jwt.SigningMethodRS384, rsaKey}, {jwt.SigningMethodRS512, rsaKey},
		{jwt.SigningMethodES256, ec256}, {jwt.SigningMethodES384, ec384},
	} {
		t.Run(tc.method.Alg(), func(t *testing.T) {
			b := setUp(t, func(o *Options) {
				o.Issuers = append(o.Issuers,
					Issuer{Issuer: idp, CertificateFile: certificate(t, "p256", ec256)},
					Issuer{Issuer: idp, CertificateFile: certificate(t, "p384", ec384)})
			})
			b.passes(b.withToken(sign(t, tc.method, tc.key, claims())))
		})
	}
}

func TestACurveBelongsToOneAlgorithm(t *testing.T) {
	b := setUp(t, func(o *Options) {
		o.Issuers = []Issuer{{Issuer: idp, CertificateFile: certificate(t, "p384", ec384)}}
	})
	// An ES256 signature made with the P-384 key: the library would sign and
	// verify it, were the curves not compared.
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims())
	signed, err := token.SigningString()
	if err != nil {
		t.Fatal(err)
	}
	b.refused(b.withToken(signed+"."+base64.RawURLEncoding.EncodeToString(make([]byte, 64))), 900901)
	if k := (key{public: ec384.Public()}); k.fits("ES256", "") || !k.fits("ES384", "") {
		t.Error("P-384 fits the wrong algorithm")
	}
}

func TestPrincipalComesFromTheClaims(t *testing.T) {
	for name, tc := range map[string]struct {
		changes jwt.MapClaims
		want    exchange.Principal
		tier    string
	}{
		"self-contained": {nil, exchange.Principal{
			Subject: "alice", Tenant: "acme.com", TokenID: "id-1", Scopes: []string{"read:pets"},
			Application: exchange.Application{ID: "7", Name: "shop", Owner: "olga", Tier: "Gold"},
		}, "Silver"},
		"sandbox, of another version": {
			jwt.MapClaims{"keytype": "SANDBOX", "consumerKey": "ck", "subscribedAPIs": []any{map[string]any{"name": "Petstore", "version": "9", "subscriptionTier": "Silver"}}},
			exchange.Principal{
				Subject: "alice", TokenID: "id-1", Scopes: []string{"read:pets"}, KeyType: exchange.Sandbox, ConsumerKey: "ck",
				Application: exchange.Application{ID: "7", Name: "shop", Owner: "olga", Tier: "Gold"},
			}, "Default"},
		"any version": {
			jwt.MapClaims{"subscribedAPIs": []any{map[string]any{"name": "Petstore", "version": "*", "subscriptionTier": "Silver"}}},
			exchange.Principal{
				Subject: "alice", TokenID: "id-1", Scopes: []string{"read:pets"},
				Application: exchange.Application{ID: "7", Name: "shop", Owner: "olga", Tier: "Gold"},
			}, "Silver"},
		"an ordinary provider's, with client_id": {
			jwt.MapClaims{"application": nil, "subscribedAPIs": nil, "client_id": "web", "azp": "other", "scope": []any{"a", "b"}, "aud": []any{"x"}},
			exchange.Principal{
				Subject: "alice", TokenID: "id-1", Scopes: []string{"a", "b"}, ConsumerKey: "web",
				Application: exchange.Application{ID: "web"},
			}, "Default"},
		"with azp": {
			jwt.MapClaims{"application": nil, "subscribedAPIs": nil, "azp": "web", "scope": nil},
			exchange.Principal{Subject: "alice", TokenID: "id-1", ConsumerKey: "web", Application: exchange.Application{ID: "web"}}, "Default"},
		"with sub only": {
			jwt.MapClaims{"application": nil, "subscribedAPIs": nil, "scope": nil},
			exchange.Principal{Subject: "alice", TokenID: "id-1", Application: exchange.Application{ID: "alice"}}, "Default"},
		"of nobody": {
			jwt.MapClaims{"application": nil, "subscribedAPIs": nil, "scope": nil, "sub": nil, "jti": nil},
			exchange.Principal{Application: exchange.Application{ID: "__unknown__"}}, "Default"},
		"claims of wrong types": {
			jwt.MapClaims{"application": "x", "subscribedAPIs": map[string]any{}, "scope": 7, "sub": []any{1}, "jti": true, "keytype": 1},
			exchange.Principal{Application: exchange.Application{ID: "__unknown__"}}, "Default"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			g := b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(tc.changes))))
			got := g.Principal
			if g.SubscriptionTier != tc.tier {
				t.Errorf("tier %q, want %q", g.SubscriptionTier, tc.tier)
			}
			if got.Kind != exchange.JWT || got.Issuer != idp || got.Signature == "" || got.Expires != (epoch+3605)*int64(time.Second) {
				t.Errorf("got %+v", got)
			}
			for _, pair := range [][2]any{
				{got.Subject, tc.want.Subject}, {got.Tenant, tc.want.Tenant}, {got.TokenID, tc.want.TokenID},
				{got.Scopes, tc.want.Scopes}, {got.Application, tc.want.Application}, {got.KeyType, tc.want.KeyType}, {got.ConsumerKey, tc.want.ConsumerKey},
			} {
				if !reflect.DeepEqual(pair[0], pair[1]) {
					t.Errorf("got %v, want %v", pair[0], pair[1])
				}
			}
		})
	}
}

func TestSkewIsTolerated(t *testing.T) {
	b := setUp(t, nil)
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": epoch - 4, "nbf": epoch + 5}))))
	b.refused(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": 0}))), 900903)
	never := b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": nil}))))
	if never.Principal.Expires != 0 {
		t.Error("a token without expiry expires")
	}
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"exp": new(big.Int).Lsh(big.NewInt(1), 100)}))))
}

func TestAudienceIsCheckedWhereConfigured(t *testing.T) {
	b := setUp(t, func(o *Options) { o.Issuers[0].Audience = "pets" })
	for _, tc := range []struct {
		aud  any
		pass bool
	}{{"pets", true}, {[]string{"x", "pets"}, true}, {"petshop", false}, {[]string{}, false}, {nil, false}, {7, false}} {
		x := b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"aud": tc.aud})))
		if tc.pass {
			b.passes(x)
		} else {
			b.refused(x, 900901)
		}
	}
}

func TestTheFirstIssuerThatValidatesWins(t *testing.T) {
	b := setUp(t, func(o *Options) {
		o.Issuers[0].Audience = "pets"
		o.Issuers = append(o.Issuers, Issuer{Issuer: idp, CertificateFile: certificate(t, "second", otherKey), Audience: "shop", RoleClaim: "groups"})
	})
	b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"aud": "pets"}))))
	g := b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, otherKey, claims(jwt.MapClaims{"aud": "shop", "groups": []string{"vip", "eu"}}))))
	if !reflect.DeepEqual(g.Principal.Roles, []string{"vip", "eu"}) {
		t.Errorf("roles %q", g.Principal.Roles)
	}
	b.refused(b.withToken(sign(t, jwt.SigningMethodRS256, otherKey, claims(jwt.MapClaims{"aud": "pets"}))), 900901)
}

func TestClaimsAreMappedAndTheConsumerKeyIsConfigurable(t *testing.T) {
	b := setUp(t, func(o *Options) {
		o.Issuers[0].Claims = map[string]string{"scp": "scope", "app": "application"}
		o.Issuers[0].ConsumerKeyClaim = "cid"
	})
	g := b.passes(b.withToken(sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{
		"scp": "admin x", "app": map[string]any{"id": "mapped"}, "cid": "key", "client_id": "no"}))))
	p := g.Principal
	if p.Application.ID != "mapped" || p.ConsumerKey != "key" || !reflect.DeepEqual(p.Scopes, []string{"admin", "x"}) || p.Claims["scp"] != nil {
		t.Errorf("got %+v", p)
	}
}

func TestSubscriptionsAreDemandedWhereConfigured(t *testing.T) {
	b := setUp(t, func(o *Options) { o.Issuers[0].ValidateSubscription = true })
	token := sign(t, jwt.SigningMethodRS256, rsaKey, claims())
	b.passes(b.withToken(token))
	for range 2 {
		x := b.request(1, opSecured, "X-Token", "Bearer "+token)
		want := answer{403, 900908, fault("900908", "Resource forbidden ", "Resource forbidden . Unclassified Authentication Failure"), ""}
		if got := b.refused(x, 900908); got != want {
			t.Errorf("got %+v", got)
		}
	}
}

func TestAnyOneScopeSuffices(t *testing.T) {
	b := setUp(t, nil)
	b.passes(b.request(0, opScoped, "Authorization", "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey, claims(jwt.MapClaims{"scope": "x admin"}))))
}
