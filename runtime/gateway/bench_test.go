package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/config"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// BenchmarkChain is what a request costs between the front and the backend:
// route, identity, limits, what is undone and counted afterwards.
func BenchmarkChain(b *testing.B) {
	chain, token := chainForBench(b)
	for name, header := range map[string]string{"/pets/many": "", "/pets/mine": "Bearer " + token} {
		b.Run(name[len("/pets/"):], func(b *testing.B) {
			b.ReportAllocs()
			x := exchange.Acquire()
			defer exchange.Release(x)
			path, host := []byte(name), []byte("localhost")
			for b.Loop() {
				x.Reset()
				x.Client, x.Scheme, x.Method = discard{}, "http", "GET"
				x.Host, x.Target, x.Path = host, path, path
				if header != "" {
					x.Request.Add("Authorization", header)
				}
				if err := chain.Serve(x); err != nil || x.Status != 204 {
					b.Fatalf("status %d, %v", x.Status, err)
				}
			}
		})
	}
}

// BenchmarkGeneration is what it costs a request to keep its generation.
func BenchmarkGeneration(b *testing.B) {
	h, _ := chainForBench(b)
	s, x := h.(*serving), exchange.Acquire()
	defer exchange.Release(x)
	b.ReportAllocs()
	for b.Loop() {
		g, lane := s.enter(x)
		g.users.leave(lane)
	}
}

// chainForBench is a gateway's chain before a backend that costs nothing, and
// a token with limits at the application and the subscription.
func chainForBench(b *testing.B) (exchange.Handler, string) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "issuer.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		b.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": "bench", "sub": "kim", "exp": time.Now().Add(time.Hour).Unix(),
		"application":    map[string]any{"id": "1", "name": "shop", "tier": "Much"},
		"subscribedAPIs": []map[string]any{{"name": "Pets", "version": "1", "context": "/pets", "subscriptionTier": "Much"}},
	}).SignedString(key)
	if err != nil {
		b.Fatal(err)
	}
	cfg, problems := config.Load(config.Source{Data: fmt.Appendf(nil, "[[jwtTokenConfig]]\nissuer='bench'\ncertificateFile='%s'\n", file)})
	if err := problems.Err(); err != nil {
		b.Fatal(err)
	}

	content := served("http://127.0.0.1:1")
	much := spec.Tier{Name: "Much", Quota: spec.Quota{Count: 1 << 40, Window: time.Hour}}
	p := &content.Policies
	p.Resource, p.Application = append(p.Resource, much), append(p.Application, much)
	p.Subscription = []spec.Tier{much, {Name: spec.TierUnauthenticated, Quota: much.Quota}}
	for i := range content.APIs[0].Operations {
		content.APIs[0].Operations[i].Tier = "Much"
	}
	g, err := New(Options{Spec: content, Config: cfg, Log: slog.New(slog.DiscardHandler), CheckOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.close)
	stages := g.current().handler.Request
	stages[len(stages)-1] = func(x *exchange.Exchange) bool { x.Status = 204; return false }
	return &g.serving, token
}
