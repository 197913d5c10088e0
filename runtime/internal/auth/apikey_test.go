package auth

import (
	"crypto/ed25519"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/internal/exchange"
)

const (
	keyIdp       = "https://localhost:9095/apikey"
	challengeKey = `, error="invalid token" , error_description="The access token expired"`
)

func withKeys(t testing.TB, change func(*Options)) *bench {
	return setUp(t, func(o *Options) {
		o.KeyIssuers = []KeyIssuer{{Issuer: keyIdp, CertificateFile: certificate(t, "keys", otherKey)}}
		if change != nil {
			change(o)
		}
	})
}

func keyOf(t testing.TB, changes ...jwt.MapClaims) string {
	t.Helper()
	c := jwt.MapClaims{"iss": keyIdp, "sub": "ann", "jti": "key-1", "keytype": "PRODUCTION", "allowedAPIs": []any{map[string]any{"name": "Petstore", "version": "*"}}}
	for _, change := range changes {
		for name, v := range change {
			c[name] = v
		}
	}
	return sign(t, jwt.SigningMethodRS256, otherKey, c, "typ", "jwt", "kid", "ballerina")
}

// withQuery gives a request a query.
func withQuery(x *exchange.Exchange, query string) *exchange.Exchange {
	x.Target = append([]byte(nil), "/petstore/v1/pets?"+query...)
	x.Query = x.Target[len(x.Path)+1:]
	return x
}

func TestAPIKeysInFieldAndQuery(t *testing.T) {
	key := keyOf(t)
	for name, tc := range map[string]struct {
		op     int
		header []string
		query  string
		target string // afterwards
		code   int    // 0: passes
	}{
		"in a field":                 {opKey, []string{"x-api-key", key}, "a=1", "?a=1", 0},
		"in the query":               {opKey, nil, "apikey=" + key, "", 0},
		"among other parameters":     {opKey, nil, "a=%20&&b&apikey=" + key + "&c=d+e", "?a=%20&&b&c=d+e", 0},
		"first":                      {opKey, nil, "apikey=" + key + "&a", "?a", 0},
		"the field counts, both go":  {opKey, []string{"X-API-Key", key}, "apikey=other", "", 0},
		"twice in the query":         {opKey, nil, "apikey=" + key + "&apikey=" + key, "", 900901},
		"twice as field":             {opKey, []string{"X-API-Key", key, "x-api-key", key}, "", "?", 900901},
		"wrong, in the query":        {opKey, nil, "apikey=" + key + "x&b=1", "?b=1", 900901},
		"escaped":                    {opKey, nil, "apikey=" + strings.Replace(key, ".", "%2E", 1), "", 900901},
		"nowhere":                    {opKey, nil, "a=1", "?a=1", 900902},
		"empty":                      {opKey, nil, "apikey=", "?apikey=", 900902},
		"another name":               {opKey, nil, "apikeys=" + key, "?apikeys=" + key, 900902},
		"where only tokens count":    {opSecured, []string{"X-API-Key", key}, "apikey=" + key, "?apikey=" + key, 900902},
		"beside a credential":        {opKey, []string{"Authorization", "Bearer x", "X-API-Key", key}, "", "?", 900917},
		"as a bearer token":          {opAny, []string{"Authorization", "Bearer " + key}, "", "?", 900901},
		"beside other kinds":         {opAny, []string{"apikey", key}, "", "?", 0},
		"a token that is not for it": {opKey, []string{"X-API-Key", sign(t, jwt.SigningMethodRS256, rsaKey, claims())}, "", "?", 900901},
		"expired":                    {opKey, []string{"X-API-Key", keyOf(t, jwt.MapClaims{"exp": epoch - 60})}, "", "?", 900901},
		"of another key":             {opKey, []string{"X-API-Key", sign(t, jwt.SigningMethodRS256, rsaKey, jwt.MapClaims{"iss": keyIdp})}, "", "?", 900901},
		"HMAC":                       {opKey, []string{"X-API-Key", sign(t, jwt.SigningMethodHS256, []byte("x"), jwt.MapClaims{"iss": keyIdp})}, "", "?", 900901},
	} {
		t.Run(name, func(t *testing.T) {
			b := withKeys(t, nil)
			x := withQuery(b.request(0, tc.op, tc.header...), tc.query)
			if tc.code != 0 {
				b.refused(x, tc.code)
			} else if p := b.passes(x).Principal; p.Kind != exchange.APIKey || p.Subject != "ann" || p.Application.ID != "ann" {
				t.Errorf("%+v", p)
			}
			if want := "/petstore/v1/pets" + tc.target; string(x.Target) != want || string(x.Query) != strings.TrimPrefix(tc.target, "?") {
				t.Errorf("target %q, query %q; want %q", x.Target, x.Query, want)
			}
			if _, there := x.Request.Lookup("X-API-Key"); there && tc.op == opKey && tc.code == 0 {
				t.Error("the key goes to the backend")
			}
			b.quiet(key)
		})
	}
}

func TestRefusalsOfKeysHaveExactAnswers(t *testing.T) {
	b := withKeys(t, nil)
	want := answer{401, 900901, invalidCredentials.body, challengeKey}
	if got := b.refused(b.request(0, opKey, "X-API-Key", "junk"), 900901); got != want {
		t.Errorf("%+v", got)
	}
}

func TestACachedKeyThatExpiresIsInvalid(t *testing.T) {
	b := withKeys(t, nil)
	key := keyOf(t, jwt.MapClaims{"exp": epoch + 60})
	b.passes(b.request(0, opKey, "X-API-Key", key))
	b.clock.pass(65 * time.Second)
	b.refused(b.request(0, opKey, "X-API-Key", key), 900901)
}

func TestARevokedKeyIsRefused(t *testing.T) {
	b := withKeys(t, nil)
	key := keyOf(t)
	b.passes(b.request(0, opKey, "X-API-Key", key))
	b.Revoked().Add("key-1", b.clock.now()+1)
	b.refused(b.request(0, opKey, "X-API-Key", key), 900901)
}

func TestKeysAreKeptWhereConfigured(t *testing.T) {
	b := withKeys(t, func(o *Options) { o.KeepCredentials = true })
	query := "a&apikey=" + keyOf(t)
	x := withQuery(b.request(0, opKey), query)
	if b.passes(x); string(x.Query) != query {
		t.Errorf("query %q", x.Query)
	}
}

func TestAKeyInTheCredentialField(t *testing.T) {
	b := withKeys(t, nil)
	b.apis[0].Operations[opKey].Security.KeyHeader = "Authorization"
	b.rules = newRules(&b.options)
	b.passes(b.request(0, opKey, "Authorization", keyOf(t)))
	b.refused(b.request(0, opKey, "Authorization", "Bearer "+keyOf(t)), 900917)
}

func TestAllowedAPIsAreCheckedWhereConfigured(t *testing.T) {
	key := keyOf(t, jwt.MapClaims{"subscribedAPIs": []any{map[string]any{"name": "Third", "version": "1"}}})
	for _, validate := range []bool{true, false} {
		b := withKeys(t, func(o *Options) { o.KeyIssuers[0].ValidateAllowedAPIs = validate })
		b.passes(b.request(0, opKey, "X-API-Key", key))
		x := b.request(1, opKey, "X-API-Key", key)
		if !validate {
			b.passes(x)
			continue
		}
		b.refused(x, 900901)
		b.apis[1].Name, b.apis[1].Version = "Third", "1" // subscribed
		b.passes(b.request(1, opKey, "X-API-Key", key))
	}
}

func TestScopesDoNotBindKeys(t *testing.T) {
	b := withKeys(t, nil)
	b.apis[0].Operations[opKey].Security.Scopes = []string{"admin"}
	b.rules = newRules(&b.options)
	b.passes(b.request(0, opKey, "X-API-Key", keyOf(t)))
}

func TestTheGatewayIssuesKeysThatItAccepts(t *testing.T) {
	for name, k := range map[string]Signing{"RSA": {Key: otherKey}, "EC": {Key: ec384}} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, func(o *Options) {
				o.Users = testUsers(t)
				o.KeyIssue = &KeyIssue{Signing: k, Issuer: keyIdp, KeyID: "ballerina", Validity: time.Hour, APIs: []KeyAPI{{"Petstore", []string{"1.0.5", "2"}}}}
				o.KeyIssuers = []KeyIssuer{{Issuer: keyIdp, ValidateAllowedAPIs: true}}
			})
			key := b.issued(t, "")
			b.passes(b.request(0, opKey, "X-API-Key", key))
			b.refused(b.request(1, opKey, "X-API-Key", key), 900901)
			token, err := parseToken(key, 8192)
			if err != nil || token.kid != "ballerina" || text(token.claims["sub"]) != "bcrypt" || text(token.claims["keytype"]) != "PRODUCTION" {
				t.Errorf("%+v, %v", token, err)
			}
			if len(text(token.claims["jti"])) < 20 || key == b.issued(t, "") {
				t.Error("no unguessable jti")
			}
		})
	}
}

// issued asks for a key as user bcrypt.
func (b *bench) issued(t *testing.T, body string) string {
	t.Helper()
	x := b.request(0, opOpen, "Authorization", basicField("bcrypt", password))
	x.Method = "POST"
	x.Request.SetBodyString(body)
	if b.IssueKey(x) {
		t.Fatal("passed on")
	}
	got := answerOf(t, x)
	if got.status != 200 || string(x.Response.Get(exchange.ContentType)) != "text/plain" {
		t.Fatalf("%+v", got)
	}
	return got.body
}

func TestValidityOfIssuedKeys(t *testing.T) {
	for _, tc := range []struct {
		configured time.Duration
		body       string
		want       any
	}{
		{time.Hour, "", 3600}, {time.Hour, `{"validityTime": 60}`, 60}, {time.Hour, `{"validityTime": 7200}`, 3600},
		{time.Hour, `{"validityTime": -1}`, 3600}, {-1, "", nil}, {-1, " \n", nil}, {-1, `{"validityTime": 60}`, 60},
		{-1, `{"validityTime": 9223372036854775807}`, maxValidity},
	} {
		b := setUp(t, func(o *Options) {
			o.Users = testUsers(t)
			o.KeyIssue = &KeyIssue{Signing: Signing{Key: ec256}, Issuer: keyIdp, Validity: tc.configured}
		})
		token, err := parseToken(b.issued(t, tc.body), 8192)
		if err != nil {
			t.Fatal(err)
		}
		at, limited, _ := seconds(token.claims, "exp")
		var want int64
		switch v := tc.want.(type) {
		case int:
			want = epoch + int64(v)
		case int64:
			want = epoch + v
		}
		if limited != (tc.want != nil) || at/int64(time.Second) != want {
			t.Errorf("%v, %q: %d", tc.configured, tc.body, at/int64(time.Second)-epoch)
		}
	}
}

func TestRefusalsOfTheKeyEndpoint(t *testing.T) {
	user := []string{"Authorization", basicField("bcrypt", password)}
	issue := func(o *Options) {
		o.Users = testUsers(t)
		o.KeyIssue = &KeyIssue{Signing: Signing{Key: ec256}, Issuer: keyIdp}
	}
	for name, tc := range map[string]struct {
		change func(*Options)
		method string
		scheme string
		header []string
		body   string
		want   answer
	}{
		"disabled":         {nil, "GET", "https", user, "", answer{200, 0, "Error: API Key issuer is disabled", ""}},
		"on plaintext":     {issue, "GET", "http", user, "", answer{404, 404, `{"code":404, "type":"Status report", "message":"Runtime Error", "description":"No matching resource found for given API Request"}`, ""}},
		"another method":   {issue, "PUT", "https", user, "", answer{405, 405, `{"code":405, "type":"Status report", "message":"Runtime Error", "description":"Method not allowed for given API resource"}`, ""}},
		"no credential":    {issue, "GET", "https", nil, "", answer{401, 900902, fault("900902", "Missing Credentials", "Missing Credentials. Make sure your API request provides required credentials"), challengeUsers}},
		"a token":          {issue, "GET", "https", []string{"Authorization", "Bearer x"}, "", answer{401, 900917, fault("900917", "Invalid Authentication scheme", "Invalid Authentication scheme. API can not be used with this authentication scheme"), challengeUsers}},
		"a wrong password": {issue, "GET", "https", []string{"Authorization", basicField("bcrypt", "x")}, "", answer{401, 900911, fault("900911", "Invalid Credentials", "Invalid Credentials. Make sure you have given the correct username and password"), challengeUsers}},
		"a body of junk":   {issue, "POST", "https", user, "{", answer{400, 0, badKeyRequest, ""}},
		"a body of text":   {issue, "POST", "https", user, `{"validityTime":"x"}`, answer{400, 0, badKeyRequest, ""}},
		"a huge body":      {issue, "POST", "https", user, strings.Repeat(" ", maxKeyRequest+1), answer{400, 0, badKeyRequest, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, tc.change)
			x := b.request(0, opOpen, tc.header...)
			x.Method, x.Scheme = tc.method, tc.scheme
			x.Request.SetBodyString(tc.body)
			if b.IssueKey(x) {
				t.Error("passed on")
			}
			if got := answerOf(t, x); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestKeyIssuersWithoutKeysAreRefused(t *testing.T) {
	for name, o := range map[string]Options{
		"no certificate":       {KeyIssuers: []KeyIssuer{{Issuer: keyIdp}}},
		"another's issuer":     {KeyIssuers: []KeyIssuer{{Issuer: keyIdp}}, KeyIssue: &KeyIssue{Issuer: "me", Signing: Signing{Key: ec256}}},
		"no signing key":       {KeyIssue: &KeyIssue{Issuer: "me"}},
		"no name":              {KeyIssue: &KeyIssue{Signing: Signing{Key: ec256}}},
		"a store that is none": {KeyIssue: &KeyIssue{Issuer: "me", Signing: Signing{Store: Store{Path: "/nowhere.p12"}}}},
	} {
		o.Now, o.APIs = newFakeClock().now, testAPIs()
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAListenersKeyThatCannotSignMakesNoKeys(t *testing.T) {
	_, unfit, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for borrowed, want := range map[bool]bool{true: true, false: false} {
		_, err := New(Options{
			Now: newFakeClock().now, APIs: testAPIs(),
			KeyIssue: &KeyIssue{Issuer: "me", Borrowed: borrowed, Signing: Signing{Key: unfit}},
		})
		if ok := err == nil; ok != want {
			t.Errorf("borrowed %t: got %v", borrowed, err)
		}
	}
}

func TestWhatNoOperationUsesNeedNotBeThere(t *testing.T) {
	apis := testAPIs()[:1]
	apis[0].Operations = apis[0].Operations[:opBasic]
	_, err := New(Options{
		Now: newFakeClock().now, APIs: apis, TrustStore: Store{Path: "/nowhere.p12"},
		KeyIssuers: []KeyIssuer{{Issuer: keyIdp, CertificateAlias: "ballerina"}},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheGatewaysOwnKeysNeedNoCertificate(t *testing.T) {
	b := setUp(t, func(o *Options) {
		o.Users = testUsers(t)
		o.TrustStore = trustStore(t, selfSigned(t, "other", rsaKey))
		o.KeyIssue = &KeyIssue{Signing: Signing{Key: ec256}, Issuer: keyIdp}
		o.KeyIssuers = []KeyIssuer{{Issuer: keyIdp, CertificateAlias: "ballerina"}}
	})
	b.passes(b.request(0, opKey, "X-API-Key", b.issued(t, "")))
	if !strings.Contains(b.log.String(), "only API keys that this gateway signs") {
		t.Errorf("log: %s", b.log)
	}
}

func FuzzDropQueryParameter(f *testing.F) {
	f.Add("a=1&k=2&b", "k")
	f.Add("&&k=&=", "")
	f.Fuzz(func(t *testing.T, query, name string) {
		if name == "" || strings.ContainsAny(name, "&=") {
			return
		}
		x := &exchange.Exchange{Path: []byte("/p"), Target: []byte("/p?" + query), Query: []byte(query)}
		dropQueryParameter(x, name)
		if _, count := queryParameter(x.Query, name); count != 0 || !strings.HasPrefix(string(x.Target), "/p") {
			t.Errorf("%q left", x.Target)
		}
		if len(x.Query) > 0 && string(x.Target) != "/p?"+string(x.Query) {
			t.Errorf("target %q, query %q", x.Target, x.Query)
		}
	})
}
