package main

import (
	"net/http"
	"strings"
	"time"
)

// revocation is what a gateway is told about a token that was taken back: its
// signature and when it would have ended, in milliseconds.
type revocation struct {
	Signature string `json:"jwt_signature"`
	Expiry    int64  `json:"expiry_time"`
}

// revoke is the endpoint of RFC 7009. It believes that a token is its client's.
func (p *provider) revoke(w http.ResponseWriter, r *http.Request) {
	token := r.FormValue("token")
	if !shop.sent(r) || token == "" {
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.opaque, token)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	p.revoked = append(p.revoked, revocation{signature, time.Now().Add(24 * time.Hour).UnixMilli()})
	w.WriteHeader(200)
}

// revocations is what gateways pull when they start.
func (p *provider) revocations(w http.ResponseWriter, r *http.Request) {
	if !gateway.sent(r) {
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, 200, append([]revocation{}, p.revoked...))
}
