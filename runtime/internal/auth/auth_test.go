package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys that all tests share: making RSA keys is slow.
var (
	rsaKey, otherKey = newRSA(), newRSA()
	ec256            = newEC(elliptic.P256())
	ec384            = newEC(elliptic.P384())
)

func newRSA() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

func newEC(c elliptic.Curve) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

const (
	idp   = "https://idp.example/token"
	epoch = int64(1_800_000_000) // when the tests happen
)

// fakeClock is a time that tests move.
type fakeClock struct{ at atomic.Int64 }

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.at.Store(epoch * int64(time.Second))
	return c
}
func (c *fakeClock) now() int64            { return c.at.Load() }
func (c *fakeClock) pass(by time.Duration) { c.at.Add(int64(by)) }

// certificate writes a self-signed certificate of a key as PEM.
func certificate(t testing.TB, name string, k crypto.Signer) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: selfSigned(t, name, k).Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func selfSigned(t testing.TB, name string, k crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Unix(epoch, 0).Add(-time.Hour),
		NotAfter:     time.Unix(epoch, 0).Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// claims are good ones, changed by each of changes; a nil value deletes.
func claims(changes ...jwt.MapClaims) jwt.MapClaims {
	all := jwt.MapClaims{
		"iss": idp, "sub": "alice", "jti": "id-1", "exp": epoch + 3600, "scope": "read:pets",
		"application":    map[string]any{"id": 7, "name": "shop", "owner": "olga", "tier": "Gold"},
		"subscribedAPIs": []any{map[string]any{"name": "Petstore", "version": "1.0.5", "subscriptionTier": "Silver", "publisher": "paul", "subscriberTenantDomain": "acme.com"}},
	}
	for _, c := range changes {
		maps.Copy(all, c)
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

func sign(t testing.TB, method jwt.SigningMethod, k any, c jwt.MapClaims, header ...string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	for i := 0; i+1 < len(header); i += 2 {
		token.Header[header[i]] = header[i+1]
	}
	text, err := token.SignedString(k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The API of the tests: an operation for each kind of security.
const (
	opSecured = iota
	opOpen
	opScoped
	opBasic
	opKey
	opAny
	opCount
)

func testAPIs() []spec.API {
	security := [opCount]spec.Security{
		opSecured: {Schemes: []spec.Scheme{spec.OAuth2}},
		opOpen:    {Disabled: true},
		opScoped:  {Schemes: []spec.Scheme{spec.OAuth2}, Scopes: []string{"write:pets", "admin"}},
		opBasic:   {Schemes: []spec.Scheme{spec.Basic}},
		opKey:     {Schemes: []spec.Scheme{spec.APIKey}, KeyHeader: "X-API-Key", KeyQuery: "apikey"},
		opAny:     {Schemes: []spec.Scheme{spec.OAuth2, spec.Basic, spec.APIKey}, KeyHeader: "apikey", KeyQuery: "apikey"},
	}
	apis := []spec.API{
		{ID: 0, Name: "Petstore", Version: "1.0.5", Owner: "boss", Context: "/petstore/v1"},
		{ID: 1, Name: "Other", Version: "2.0", AuthHeader: "X-Token", Context: "/other"},
	}
	for i := range apis {
		for op := range security {
			apis[i].Operations = append(apis[i].Operations, spec.Operation{ID: i*opCount + op, Method: "GET", Security: security[op]})
		}
	}
	return apis
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// bench is an Authenticator and what it stands on.
type bench struct {
	*Authenticator
	t     testing.TB
	clock *fakeClock
	apis  []spec.API
	log   *logBuffer
}

// setUp makes an Authenticator that trusts rsaKey as idp; change may alter it.
func setUp(t testing.TB, change func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, clock: newFakeClock(), apis: testAPIs(), log: &logBuffer{}}
	o := Options{
		APIs: b.apis,
		Now:  b.clock.now,
		Log:  slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Skew: 5 * time.Second,
		Issuers: []Issuer{
			{Issuer: idp, CertificateFile: certificate(t, "idp", rsaKey)},
		},
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Authenticator = a
	return b
}

// client is the front's side of a test's exchange.
type client struct{ exchange.Client }

func (client) Context() context.Context { return context.Background() }

// request makes an exchange for an operation of an API; header is name, value
// and so on.
func (b *bench) request(api, op int, header ...string) *exchange.Exchange {
	x := exchange.Acquire()
	x.Client = client{}
	x.Scheme = "https"
	x.API = &b.apis[api]
	x.Operation = &x.API.Operations[op]
	x.Path = []byte("/petstore/v1/pets")
	x.Target = x.Path
	for i := 0; i+1 < len(header); i += 2 {
		x.Request.Add(header[i], header[i+1])
	}
	return x
}

// answer is what a refused client sees.
type answer struct {
	status    int
	code      int
	body      string
	challenge string
}

func answerOf(t testing.TB, x *exchange.Exchange) answer {
	t.Helper()
	var body bytes.Buffer
	for x.Response.Body != nil {
		chunk, err := x.Response.Body.Next()
		if err != nil {
			break
		}
		body.Write(chunk)
	}
	return answer{x.Status, x.Code, body.String(), string(x.Response.Get(exchange.WWWAuthenticate))}
}

// passes expects a request to pass and gives its grant.
func (b *bench) passes(x *exchange.Exchange) *exchange.Grant {
	b.t.Helper()
	if !b.Authenticate(x) {
		b.t.Fatalf("refused: %+v", answerOf(b.t, x))
	}
	if x.Grant == nil || x.Grant.Principal == nil || x.Grant.API != x.API || x.Grant.SubscriptionTier == "" || x.Grant.Principal.Application.ID == "" {
		b.t.Fatalf("grant is not complete: %+v", x.Grant)
	}
	return x.Grant
}

// refused expects a code.
func (b *bench) refused(x *exchange.Exchange, code int) answer {
	b.t.Helper()
	if b.Authenticate(x) {
		b.t.Fatalf("passed, want %d", code)
	}
	got := answerOf(b.t, x)
	if got.code != code || x.Grant != nil {
		b.t.Fatalf("got %+v, want %d", got, code)
	}
	return got
}

// withToken is a request with a bearer token.
func (b *bench) withToken(token string) *exchange.Exchange {
	return b.request(0, opSecured, "Authorization", "Bearer "+token)
}

// quiet expects that none of the secrets was logged.
func (b *bench) quiet(secrets ...string) {
	b.t.Helper()
	for _, s := range secrets {
		if strings.Contains(b.log.String(), s) {
			b.t.Errorf("a credential stands in the log")
		}
	}
}
