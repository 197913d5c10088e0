package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/wire"
	"mgw/runtime/spec"
)

// proxyServer is an outgoing proxy that wants a credential.
type proxyServer struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // CONNECT host:port, or method and URL
}

func newProxyServer(t *testing.T) *proxyServer {
	p := new(proxyServer)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Proxy-Authorization") != "Basic bWU6aHVudGVyMg==" { // me:hunter2
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.RequestURI)
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	there, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(502)
		return
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(there, here); there.Close() }()
	_, _ = io.Copy(here, there)
}

// pemFile writes certificates.
func pemFile(t *testing.T, certificates ...*x509.Certificate) string {
	t.Helper()
	var data []byte
	for _, c := range certificates {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	file := filepath.Join(t.TempDir(), "certificates.pem")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// engines of the backend side: HTTP/1.1 of both, and HTTP/2.
var sides = map[string][]string{
	"fast":     {"listenerConfig.engine=fast", "httpClients.enableHttp2=false"},
	"standard": {"listenerConfig.engine=standard", "httpClients.enableHttp2=false"},
	"HTTP/2":   {"httpClients.enableHttp2=true"},
}

func TestBackendsBehindAProxy(t *testing.T) {
	for name, settings := range sides {
		t.Run(name, func(t *testing.T) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Proxy-Authorization") != "" && r.TLS != nil {
					t.Error("the backend sees the proxy's credential")
				}
				_, _ = io.WriteString(w, r.Host+r.RequestURI)
			})
			plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
			t.Cleanup(plain.Close)
			t.Cleanup(secure.Close)
			for _, backend := range []*httptest.Server{plain, secure} {
				p := newProxyServer(t)
				host, port, _ := net.SplitHostPort(p.Listener.Addr().String())
				all := append([]string{
					"httpClients.proxy.enable=true", "httpClients.proxy.host=" + host, "httpClients.proxy.port=" + port,
					"httpClients.proxy.username=me", "httpClients.proxy.password=hunter2",
					"httpClients.certificateFile=" + pemFile(t, secure.Certificate()),
				}, settings...)
				g := start(t, served(backend.URL), all...)
				to := backend.Listener.Addr().String()
				for range 2 {
					if status, body := get(t, g.url+"/pets/many?x=1"); status != 200 || !strings.HasSuffix(body, "/many?x=1") || !strings.HasPrefix(body, to) {
						t.Errorf("%d %s", status, body)
					}
				}
				want := "GET http://" + to + "/many?x=1"
				if backend == secure {
					want = "CONNECT " + to
				}
				p.mu.Lock()
				if len(p.seen) == 0 || p.seen[0] != want || backend == secure && len(p.seen) != 1 {
					t.Errorf("the proxy saw %q, want %q", p.seen, want)
				}
				p.mu.Unlock()
				if strings.Contains(g.log.String(), "hunter2") {
					t.Error("the log has the password")
				}
				http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			}
		})
	}
}

func TestAProxyThatRefuses(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	p := newProxyServer(t)
	host, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	for name, settings := range sides {
		all := append([]string{"httpClients.proxy.enable=true", "httpClients.proxy.host=" + host, "httpClients.proxy.port=" + port,
			"httpClients.certificateFile=" + pemFile(t, secure.Certificate())}, settings...)
		g := start(t, served(secure.URL), all...)
		if status, body := get(t, g.url+"/pets/many"); status != 502 || !strings.Contains(body, "101503") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// issue makes a certificate, signed by its own key or by another.
func issue(t *testing.T, name string, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if by == nil {
		by, with = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, key.Public(), with)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

func TestBackendsThatWantACertificateAndHaveOneOfTheirOwn(t *testing.T) {
	root, rootKey := issue(t, "root.example", nil, nil)
	server, serverKey := issue(t, "other.example", root, rootKey) // not the address that is asked
	client, clientKey := issue(t, "gateway.example", root, rootKey)
	pool := x509.NewCertPool()
	pool.AddCert(root)
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	backend.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}
	backend.EnableHTTP2 = true
	backend.Config.ErrorLog = log.New(io.Discard, "", 0)
	backend.StartTLS()
	t.Cleanup(backend.Close)

	folder := t.TempDir()
	keys, err := pkcs12.Modern.Encode(clientKey, client, []*x509.Certificate{root}, "key-pass")
	if err != nil {
		t.Fatal(err)
	}
	trust, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{root}, "trust-pass")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"keys.p12": keys, "trust.p12": trust} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const ssl = "httpClients.sslConfig."
	own := []string{ssl + "keyStorePath=" + filepath.Join(folder, "keys.p12"), ssl + "keyStorePassword=key-pass"}
	store := []string{ssl + "trustStorePath=" + filepath.Join(folder, "trust.p12"), ssl + "trustStorePassword=trust-pass"}
	unnamed := []string{ssl + "verifyHostname=false"}
	for name, settings := range sides {
		for _, tc := range []struct {
			what   string
			parts  [][]string
			status int
		}{
			{"all", [][]string{own, store, unnamed}, 200},
			{"the name is wrong", [][]string{own, store}, 502},
			{"no certificate to show", [][]string{store, unnamed}, 502},
			{"an issuer that is not trusted", [][]string{own, unnamed}, 502},
		} {
			all := append([]string{}, settings...)
			for _, part := range tc.parts {
				all = append(all, part...)
			}
			g := start(t, served(backend.URL), all...)
			if status, body := get(t, g.url+"/pets/many"); status != tc.status || status == 200 && body != "gateway.example" {
				t.Errorf("%s, %s: %d %s", name, tc.what, status, body)
			}
		}
	}
}

// A name that leads elsewhere: connections that are in use all the time move,
// too, over the fast transport as it is.
func TestABackendThatMovesIsAskedWhereItIs(t *testing.T) {
	answer := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
		t.Cleanup(s.Close)
		return s
	}
	before, after := answer("before"), answer("after")
	var mu sync.Mutex
	at := before
	transport := wire.NewTransport(wire.TransportOptions{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, at.Listener.Addr().String())
	}})
	defer transport.Close()
	target := exchange.Target{Address: "pets.example:80", Host: "pets.example", Timeout: time.Second}
	ask := func(u exchange.Upstream) string {
		x := exchange.Acquire()
		x.Client, x.Method, x.Major, x.Minor = waiting{ctx: t.Context()}, "GET", 1, 1
		if err := u.RoundTrip(t.Context(), x, []byte("/")); err != nil {
			t.Fatal(err)
		}
		var body []byte
		for {
			chunk, err := x.Response.Body.Next()
			if err != nil {
				return string(body)
			}
			body = append(body, chunk...)
		}
	}
	old := transport.Open(target)
	ask(old)
	mu.Lock()
	at = after
	mu.Unlock()
	if got := ask(old); got != "before" {
		t.Errorf("a connection that is kept answers %q", got)
	}
	next := transport.Open(target)
	old.Close()
	if got := ask(next); got != "after" {
		t.Errorf("after it was found: %q", got)
	}
	if got := ask(old); got != "after" {
		t.Errorf("over the way that was closed: %q", got)
	}
}

// waiting is a client that is there.
type waiting struct {
	exchange.Client
	ctx context.Context
}

func (p waiting) Context() context.Context { return p.ctx }
func (p waiting) Gone() bool               { return false }

func TestTheCredentialOfABackendComesFromOutside(t *testing.T) {
	var seen sync.Map
	url := backendOf(t, func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.URL.Path, r.Header.Get("Authorization")) })
	for _, tc := range []struct {
		name             string
		security, shared bool
		settings         []string
		want             string // "" for an error
	}{
		{"password", true, false, []string{"pets_prod_basic_password=hunter2"}, "Basic dXNlcjpodW50ZXIy"},
		{"password and user", true, false, []string{"pets_prod_basic_password=hunter2", "pets_prod_basic_username=me"}, "Basic bWU6aHVudGVyMg=="},
		{"where the definition has none", false, false, []string{"pets_prod_basic_password=hunter2", "pets_prod_basic_username=me"}, "Basic bWU6aHVudGVyMg=="},
		{"for both kinds", true, true, []string{"pets_prod_basic_password=hunter2", "pets_sand_basic_password=hunter3"}, "Basic dXNlcjpodW50ZXIy"},
		{"for one kind of two", true, true, []string{"pets_prod_basic_password=hunter2"}, ""},
		{"none", true, false, nil, ""},
	} {
		content := served(url)
		if tc.security {
			content.Endpoints[0].Security = &spec.EndpointSecurity{Type: "basic", Username: "user"}
		}
		for i := range content.APIs[0].Operations {
			if tc.shared {
				content.APIs[0].Operations[i].Sandbox = 0
			}
		}
		if tc.want == "" {
			_, err := New(Options{Spec: content, Config: load(t, tc.settings...), Log: slog.New(slog.DiscardHandler), CheckOnly: true})
			if err == nil || !strings.Contains(err.Error(), "set pets_prod_basic_password or pets_sand_basic_password in the environment") {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		g := start(t, content, tc.settings...)
		get(t, g.url+"/pets/many")
		if got, _ := seen.Load("/many"); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
