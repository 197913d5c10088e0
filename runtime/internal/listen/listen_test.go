package listen_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves until the test ends.
func start(t *testing.T, o listen.Options) *listen.Listener {
	t.Helper()
	l, err := listen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = l.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l
}

// hello tells protocol, scheme and host.
func hello(x *exchange.Exchange) bool {
	x.Status = 200
	x.Response.SetBodyString(fmt.Sprintf("%d.%d %s %s tls=%v", x.Major, x.Minor, x.Scheme, x.Host, x.TLS != nil))
	return false
}

func chainOf(stage exchange.Stage) *exchange.Chain {
	return &exchange.Chain{Request: []exchange.Stage{stage}}
}

func TestHTTPSServesHTTP2AndHTTP1(t *testing.T) {
	l := start(t, listen.Options{Chain: chainOf(hello), HTTPS: "127.0.0.1:0"})
	_, address := l.Addresses()
	for _, tc := range []struct {
		http2 bool
		want  string
	}{{true, "2.0 https api.example tls=true"}, {false, "1.1 https api.example tls=true"}} {
		if got := get(t, address.String(), tc.http2, &tls.Config{InsecureSkipVerify: true}); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	if _, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

// get asks over TLS.
func get(t *testing.T, address string, http2 bool, config *tls.Config) string {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2}
	defer transport.CloseIdleConnections()
	request, _ := http.NewRequest("GET", "https://"+address+"/", nil)
	request.Host = "api.example"
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// pair makes a certificate for 127.0.0.1.
func pair(t *testing.T) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "own"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCertificatesComeFromPEMOrPKCS12(t *testing.T) {
	key, certificate := pair(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	store, err := pkcs12.Modern.Encode(key, certificate, nil, "secret")
	if err != nil {
		t.Fatal(err)
	}
	pemCertificate := write(t, "tls.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	pemKey := write(t, "tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	trust := x509.NewCertPool()
	trust.AddCert(certificate)
	for name, c := range map[string]listen.Certificate{
		"PEM":     {File: pemCertificate, KeyFile: pemKey},
		"PKCS#12": {KeyStore: write(t, "tls.p12", store), KeyStorePass: "secret"},
	} {
		l := start(t, listen.Options{Chain: chainOf(hello), HTTPS: "127.0.0.1:0", Certificate: c})
		_, address := l.Addresses()
		if got := get(t, address.String(), false, &tls.Config{RootCAs: trust}); !strings.HasPrefix(got, "1.1 https") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, c := range map[string]listen.Certificate{
		"no such file": {File: "nowhere.pem", KeyFile: pemKey}, "no key": {File: pemCertificate}, "wrong key": {File: pemCertificate, KeyFile: pemCertificate},
		"wrong password": {KeyStore: write(t, "tls.p12", store), KeyStorePass: "public"}, "no key store": {KeyStore: "nowhere.p12"},
	} {
		if _, err := listen.New(listen.Options{Chain: chainOf(hello), HTTPS: "127.0.0.1:0", Certificate: c}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACertificateIsRenewedWhileTheListenerIsOpen(t *testing.T) {
	files := func() (listen.Certificate, *x509.CertPool) {
		key, certificate := pair(t)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		trust := x509.NewCertPool()
		trust.AddCert(certificate)
		return listen.Certificate{
			File:    write(t, "tls.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})),
			KeyFile: write(t, "tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		}, trust
	}
	l := start(t, listen.Options{Chain: chainOf(hello), HTTPS: "127.0.0.1:0"})
	_, address := l.Addresses()
	shown := func() string {
		conn, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return string(conn.ConnectionState().PeerCertificates[0].Raw)
	}
	made := shown()
	if same, err := l.Secure(listen.Certificate{}, tls.NoClientCert); err != nil {
		t.Fatal(err)
	} else if l.Renew(same); shown() != made {
		t.Error("the listener's own certificate was made again")
	}
	configured, trust := files()
	secured, err := l.Secure(configured, tls.NoClientCert)
	if err != nil {
		t.Fatal(err)
	}
	if shown() != made {
		t.Error("shown before it was meant to")
	}
	l.Renew(secured)
	if got := get(t, address.String(), false, &tls.Config{RootCAs: trust}); !strings.HasPrefix(got, "1.1 https") {
		t.Errorf("%q", got)
	}
	if _, err := l.Secure(listen.Certificate{File: "nowhere.pem", KeyFile: "nowhere.key"}, tls.NoClientCert); err == nil {
		t.Error("a certificate that is not there was loaded")
	}
}

func TestAPortInUseIsAnErrorThatNamesIt(t *testing.T) {
	l := start(t, listen.Options{Chain: chainOf(hello), HTTP: "127.0.0.1:0"})
	address, _ := l.Addresses()
	if _, err := listen.New(listen.Options{Chain: chainOf(hello), HTTP: address.String()}); err == nil || !strings.Contains(err.Error(), address.String()) {
		t.Errorf("%v", err)
	}
}

func TestSystemEndpointsDoNotRunThroughTheChain(t *testing.T) {
	l := start(t, listen.Options{
		HTTP: "127.0.0.1:0",
		Chain: &exchange.Chain{Request: []exchange.Stage{hello}, Done: []func(*exchange.Exchange){func(x *exchange.Exchange) {
			if string(x.Path) == "/health" {
				t.Error("the chain saw /health")
			}
		}}},
		System: func(x *exchange.Exchange) bool {
			if string(x.Path) != "/health" {
				return true
			}
			x.Status = 200
			x.Response.SetBodyString("healthy")
			return false
		},
	})
	address, _ := l.Addresses()
	for path, want := range map[string]string{"/health": "healthy", "/other": "1.1 http " + address.String() + " tls=false"} {
		response, err := http.Get("http://" + address.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != want {
			t.Errorf("%s: %q", path, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// dial opens a connection and sends a request.
func dial(t *testing.T, address, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

const plainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// held is a stage that waits until it is let go.
type held struct{ begun, release chan struct{} }

func (h held) stage(x *exchange.Exchange) bool {
	h.begun <- struct{}{}
	select {
	case <-h.release:
	case <-x.Client.Context().Done():
	}
	return hello(x)
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	h := held{make(chan struct{}), make(chan struct{})}
	l, err := listen.New(listen.Options{Chain: chainOf(h.stage), HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	served, down := make(chan error, 1), make(chan error, 1)
	go func() { served <- l.Serve() }()
	address, _ := l.Addresses()
	_, r := dial(t, address.String(), plainGet)
	<-h.begun
	go func() { down <- l.Shutdown(context.Background()) }()
	// From now on nobody new comes in.
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address.String())
		if err != nil {
			break
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("still accepting")
		}
	}
	close(h.release)
	response, err := http.ReadResponse(r, nil)
	if err != nil || response.StatusCode != 200 || !response.Close {
		t.Errorf("%v, %v", response, err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestShutdownCutsWhatDoesNotFinish(t *testing.T) {
	h := held{make(chan struct{}), make(chan struct{})}
	l, err := listen.New(listen.Options{Chain: chainOf(h.stage), HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	address, _ := l.Addresses()
	_, r := dial(t, address.String(), plainGet)
	_, _ = dial(t, address.String(), plainGet)
	<-h.begun
	<-h.begun
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var cut *listen.CutError
	if err := l.Shutdown(ctx); !errors.As(err, &cut) || cut.Requests != 2 {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := http.ReadResponse(r, nil); err == nil {
		t.Error("the request was answered")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// tunnel is the backend's side of an upgrade: silent until it is closed.
type tunnel struct{ closed chan struct{} }

func (s tunnel) Read([]byte) (int, error)    { <-s.closed; return 0, io.EOF }
func (s tunnel) Write(b []byte) (int, error) { return len(b), nil }
func (s tunnel) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestShutdownCutsTunnels(t *testing.T) {
	l, err := listen.New(listen.Options{HTTP: "127.0.0.1:0", Chain: chainOf(func(x *exchange.Exchange) bool {
		x.Status = 101
		x.Response.Add("Upgrade", "websocket")
		x.Tunnel = tunnel{make(chan struct{})}
		return false
	})})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	address, _ := l.Addresses()
	_, r := dial(t, address.String(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
	if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("%v, %v", response, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var cut *listen.CutError
	if err := l.Shutdown(ctx); !errors.As(err, &cut) || cut.Requests != 1 {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("the tunnel goes on")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestSlowHeadsAndIdleConnectionsAreClosed(t *testing.T) {
	l := start(t, listen.Options{Chain: chainOf(hello), HTTP: "127.0.0.1:0",
		Timeouts: listen.Timeouts{Header: 50 * time.Millisecond, Idle: 50 * time.Millisecond}})
	address, _ := l.Addresses()
	for name, request := range map[string]string{"nothing": "", "half a head": "GET / HTTP/1.1\r\nHost:", "idle after a request": plainGet} {
		begun := time.Now()
		_, r := dial(t, address.String(), request)
		if _, err := io.Copy(io.Discard, r); err != nil || time.Since(begun) > 3*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
	}
}

func TestABodyMustComeAtARate(t *testing.T) {
	failed := make(chan error, 1)
	l := start(t, listen.Options{HTTP: "127.0.0.1:0",
		Timeouts: listen.Timeouts{Body: 100 * time.Millisecond, MinBodyRate: 1000},
		Chain: chainOf(func(x *exchange.Exchange) bool {
			var err error
			for err == nil {
				_, err = x.Request.Body.Next()
			}
			failed <- err
			return hello(x)
		})})
	address, _ := l.Addresses()
	conn, _ := dial(t, address.String(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // never silent for long, and far too slow
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
				_, _ = conn.Write([]byte("x"))
			}
		}
	}()
	select {
	case err := <-failed:
		if err == io.EOF {
			t.Error("the body was complete")
		}
	case <-time.After(5 * time.Second):
		t.Error("the body goes on for ever")
	}
	close(stop)
	<-ended
}

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	l := start(t, listen.Options{Chain: chainOf(hello), HTTP: "127.0.0.1:0", MaxConnections: 1})
	address, _ := l.Addresses()
	first, r := dial(t, address.String(), plainGet)
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	second, r := dial(t, address.String(), plainGet)
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := r.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection is served: %v", err)
	}
	_ = first.Close()
	_ = second.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Errorf("the second connection is never served: %v", err)
	}
}

func TestAnEngineGetsHTTP1AndNetHTTPTheRest(t *testing.T) {
	l := start(t, listen.Options{Chain: chainOf(hello), HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0",
		Engine: func(conn net.Conn, state *tls.ConnectionState) net.Conn {
			defer conn.Close()
			r := bufio.NewReader(conn)
			if _, err := http.ReadRequest(r); err != nil {
				return nil
			}
			body := fmt.Sprintf("engine tls=%v", state != nil)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			return nil
		}})
	plain, secure := l.Addresses()
	_, r := dial(t, plain.String(), plainGet)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); string(body) != "engine tls=false" {
		t.Errorf("%q", body)
	}
	config := &tls.Config{InsecureSkipVerify: true}
	if got := get(t, secure.String(), false, config); got != "engine tls=true" {
		t.Errorf("%q", got)
	}
	if got := get(t, secure.String(), true, config); got != "2.0 https api.example tls=true" {
		t.Errorf("%q", got)
	}
}

func TestShutdownDrainsTheEngine(t *testing.T) {
	for name, obeys := range map[string]bool{"an engine that ends": true, "an engine that does not": false} {
		t.Run(name, func(t *testing.T) {
			idle, leave := make(chan struct{}), make(chan struct{})
			l, err := listen.New(listen.Options{Chain: chainOf(hello), HTTP: "127.0.0.1:0",
				Engine: func(conn net.Conn, _ *tls.ConnectionState) net.Conn {
					defer conn.Close()
					close(idle)
					if !obeys {
						_, _ = conn.Read(make([]byte, 1)) // until it is cut
						return nil
					}
					<-leave
					return nil
				},
				Drain: func(context.Context) error { close(leave); return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- l.Serve() }()
			address, _ := l.Addresses()
			_, _ = dial(t, address.String(), "")
			<-idle
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if !obeys {
				ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
			}
			defer cancel()
			var cut *listen.CutError
			if err := l.Shutdown(ctx); errors.As(err, &cut) == obeys || cut != nil && cut.Requests != 1 {
				t.Errorf("Shutdown: %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

func TestAStatusThatIsNoneIsAnInternalError(t *testing.T) {
	for _, status := range []int{0, 42, 103, 1000} {
		l := start(t, listen.Options{HTTP: "127.0.0.1:0", Chain: chainOf(func(x *exchange.Exchange) bool { x.Status = status; return false })})
		address, _ := l.Addresses()
		_, r := dial(t, address.String(), plainGet)
		if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 500 {
			t.Errorf("%d: %v, %v", status, response, err)
		}
	}
}
