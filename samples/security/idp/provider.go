package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// audience is for whom the tokens are.
const audience = "demo"

// account is a name and a password.
type account struct{ name, password string }

var (
	shop    = account{"shop", "shop-secret"}
	gateway = account{"gateway", "gateway-secret"}
)

func (a account) sent(r *http.Request) bool {
	name, password, ok := r.BasicAuth()
	return ok && subtle.ConstantTimeCompare([]byte(name+":"+password), []byte(a.name+":"+a.password)) == 1
}

// provider issues tokens.
type provider struct {
	issuer string

	mu      sync.Mutex
	keys    []signingKey // the last one signs
	opaque  map[string]jwt.MapClaims
	revoked []revocation
	calls   struct {
		Keys           int `json:"keys"`
		Introspections int `json:"introspections"`
	}
}

func newProvider(issuer string) (*provider, error) {
	p := &provider{issuer: issuer, opaque: map[string]jwt.MapClaims{}}
	return p, p.addKey()
}

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /jwks", p.publish)
	mux.HandleFunc("POST /keys", p.rotate)
	mux.HandleFunc("POST /oauth2/introspect", p.introspect)
	mux.HandleFunc("POST /revoke", p.revoke)
	mux.HandleFunc("GET /revokedjwt", p.revocations)
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		answer(w, 200, p.calls)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

// token is the endpoint of RFC 6749 section 4.4.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if !shop.sent(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="idp"`)
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	if r.FormValue("grant_type") != "client_credentials" {
		answer(w, 400, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	validity := 3600
	if asked := r.FormValue("expires_in"); asked != "" {
		var err error
		if validity, err = strconv.Atoi(asked); err != nil {
			answer(w, 400, map[string]string{"error": "invalid_request"})
			return
		}
	}
	signed, err := p.make(shop.name, r.FormValue("scope"), r.FormValue("token_format"), time.Duration(validity)*time.Second)
	if err != nil {
		answer(w, 500, map[string]string{"error": "server_error"})
		return
	}
	answer(w, 200, map[string]any{"access_token": signed, "token_type": "Bearer", "expires_in": validity})
}

// make gives a token: a JWT of ordinary claims, or one that only this provider
// understands.
func (p *provider) make(client, scope, format string, validity time.Duration) (string, error) {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": p.issuer, "sub": client, "aud": audience, "client_id": client, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(validity).Unix(), "scope": scope,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if format == "opaque" {
		token := rand.Text()
		p.opaque[token] = claims
		return token, nil
	}
	return p.keys[len(p.keys)-1].sign(claims)
}

// introspect is the endpoint of RFC 7662.
func (p *provider) introspect(w http.ResponseWriter, r *http.Request) {
	if !gateway.sent(r) {
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls.Introspections++
	claims, known := p.opaque[r.FormValue("token")]
	if exp, _ := claims["exp"].(int64); !known || time.Now().Unix() >= exp {
		answer(w, 200, map[string]any{"active": false})
		return
	}
	told := map[string]any{"active": true}
	for name, v := range claims {
		told[name] = v
	}
	answer(w, 200, told)
}
