package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/runtime/config"
	"mgw/runtime/internal/event"
	"mgw/runtime/internal/jms"
	"mgw/runtime/internal/jms/brokertest"
)

// manager is a small traffic manager: it takes events, and gives what the test
// says that it holds.
type manager struct {
	*httptest.Server
	certificate string // file

	mu     sync.Mutex
	events []map[string]string
	holds  map[string]string // by resource
	pulls  int
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{holds: map[string]string{"block": "{}", "keyTemplates": "[]", "throttled": "[]", "revokedjwt": "[]"}}
	m.Server = httptest.NewTLSServer(m)
	t.Cleanup(m.Close)
	m.certificate = filepath.Join(t.TempDir(), "manager.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Certificate().Raw})
	if err := os.WriteFile(m.certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "admin" || password != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/endpoints/throttleEventReceiver" {
		m.take(w, r)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	body, known := m.holds[strings.TrimPrefix(r.URL.Path, "/data/")]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	m.pulls++
	_, _ = io.WriteString(w, body)
}

func (m *manager) take(w http.ResponseWriter, r *http.Request) {
	var all []struct {
		Event struct{ PayloadData map[string]string }
	}
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range all {
		m.events = append(m.events, e.Event.PayloadData)
	}
}

// hold changes what a resource gives.
func (m *manager) hold(resource, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holds[resource] = body
}

func (m *manager) received() []map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

// flags are how a gateway finds the manager and a broker.
func (m *manager) flags(provider string) []string {
	return []string{
		"throttlingConfig.enabledGlobalTMEventPublishing=true",
		"throttlingConfig.throttleEndpointUrl=" + m.URL + "/endpoints",
		"throttlingConfig.throttleEndpointbase64Header=admin:secret",
		"throttlingConfig.dataRetriever.serverUrl=" + m.URL + "/data",
		"throttlingConfig.dataRetriever.password=secret",
		"throttlingConfig.certificateFile=" + m.certificate,
		"throttlingConfig.jmsConnectionProviderUrl=" + provider,
	}
}

// topic publishes to a topic of a broker until the test ends.
type topic chan jms.Outgoing

func (q topic) Connected() {}
func (q topic) Next(ctx context.Context) (jms.Outgoing, bool) {
	select {
	case m := <-q:
		return m, true
	case <-ctx.Done():
		return jms.Outgoing{}, false
	}
}

func publishTo(t *testing.T, b *brokertest.Broker, name string) topic {
	t.Helper()
	u, err := jms.ParseProviderURL(b.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	q := make(topic)
	p, err := jms.NewPublisher(jms.Options{URL: u, Log: slog.New(slog.DiscardHandler)}, name, q)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return q
}

// send publishes a message, as a map or as text.
func (q topic) send(t *testing.T, m event.Message, asText bool) {
	t.Helper()
	out := jms.Outgoing{Map: event.Fields(m), Sent: time.Now()}
	if asText {
		text, err := event.Text(m)
		if err != nil {
			t.Fatal(err)
		}
		out.Map, out.Text = nil, text
	}
	select {
	case q <- out:
	case <-time.After(20 * time.Second):
		t.Fatal("the broker takes no message")
	}
}

// await polls until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 30 s for ", what)
		}
	}
}

// answers waits until a request is answered so.
func (r *running) answers(t *testing.T, path string, status int, part string, header ...string) {
	t.Helper()
	var got int
	var body string
	await(t, fmt.Sprintf("%s to be answered %d %s", path, status, part), func() bool {
		got, body = get(t, r.url+path, header...)
		return got == status && strings.Contains(body, part)
	})
}

// lacks waits until /health?verbose names exactly this.
func (r *running) lacks(t *testing.T, missing ...string) {
	t.Helper()
	var h health
	await(t, fmt.Sprint("the gateway to lack ", missing), func() bool {
		_, body := get(t, r.url+"/health?verbose")
		h = health{}
		return json.Unmarshal([]byte(body), &h) == nil && h.Status == "healthy" && slices.Equal(h.Missing, missing)
	})
}

func inAMinute() int64 { return time.Now().Add(time.Minute).UnixMilli() }

// newIssuer makes the key of an issuer of tokens, and makes a gateway trust it.
func newIssuer(t *testing.T) (*ecdsa.PrivateKey, func(*config.Config)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "issuer.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, func(c *config.Config) { c.Issuers = []*config.Issuer{{Issuer: "test", CertificateFile: file}} }
}

func tokenOf(t *testing.T, key *ecdsa.PrivateKey, id string) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": "test", "sub": "kim", "jti": id, "exp": time.Now().Add(time.Hour).Unix(),
		"application": map[string]any{"id": 7, "name": "shop", "owner": "lee", "tier": "Unlimited"},
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAGatewayFollowsItsTrafficManager(t *testing.T) {
	b, m := brokertest.Start(t), newManager(t)
	key, trust := newIssuer(t)
	m.hold("throttled", fmt.Sprintf(`[{"throttleKey":"/pets/1/few:GET_default","isThrottled":true,"expiryTimeStamp":%d,"evaluatedConditions":"W10="}]`, inAMinute()))
	r := startWith(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), trust, append(m.flags(b.URL()),
		"tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval=true",
		"tokenRevocationConfig.realtime.jmsConnectionProviderUrl="+b.URL())...)
	r.lacks(t)
	decisions, revocations := publishTo(t, b, "throttleData"), publishTo(t, b, "tokenRevocation")

	// What was decided before the gateway started.
	r.answers(t, "/pets/few", 429, "900802")

	for name, asText := range map[string]bool{"map": false, "text": true} {
		d := &event.Decision{Key: "/pets/1/many:GET_default", Throttled: true, Expiry: inAMinute(), Conditional: true}
		decisions.send(t, d, asText)
		r.answers(t, "/pets/many", 429, "900802")
		d.Throttled = false
		decisions.send(t, d, asText)
		r.answers(t, "/pets/many", 200, "")
		if t.Failed() {
			t.Fatal("as ", name)
		}
	}

	decisions.send(t, &event.KeyTemplate{Template: "$apiContext:$clientIp"}, false)
	decisions.send(t, &event.Decision{Key: "/pets:127.0.0.1", Throttled: true, Expiry: inAMinute()}, true)
	r.answers(t, "/pets/many", 429, "900806")
	decisions.send(t, &event.KeyTemplate{Template: "$apiContext:$clientIp", Remove: true}, true)
	r.answers(t, "/pets/many", 200, "")

	block := &event.Block{Kind: event.BlockIP, Range: event.IPRange{Fixed: "127.0.0.1"}, Active: true, ID: 4, Tenant: "carbon.super"}
	decisions.send(t, block, true)
	r.answers(t, "/pets/many", 403, "900805")
	block.Active = false
	decisions.send(t, block, false)
	r.answers(t, "/pets/many", 200, "")

	bearer := "Bearer " + tokenOf(t, key, "to-be-revoked")
	r.answers(t, "/pets/mine", 200, "", "Authorization", bearer)
	revocations <- jms.Outgoing{Map: map[string]any{"revokedToken": "to-be-revoked", "ttl": fmt.Sprint(inAMinute())}, Sent: time.Now()}
	r.answers(t, "/pets/mine", 401, "900901", "Authorization", bearer)

	// The broker is away: snapshots are polled.
	b.Stop(t)
	r.lacks(t, "message broker", "message broker of revocations")
	m.hold("throttled", fmt.Sprintf(`[{"throttleKey":"/pets/1/many:GET_default","isThrottled":true,"expiryTimeStamp":%d,"evaluatedConditions":"W10="}]`, inAMinute()))
	m.hold("block", `{"api":[],"application":["lee:shop"]}`)
	r.answers(t, "/pets/many", 429, "900802")
	r.answers(t, "/pets/mine", 403, "900805", "Authorization", "Bearer "+tokenOf(t, key, "another"))
	m.hold("throttled", "[]")
	m.hold("block", "{}")
	r.answers(t, "/pets/many", 200, "")

	// And back: decisions arrive live again.
	b.Start(t)
	r.lacks(t)
	decisions.send(t, &event.Decision{Key: "/pets/1/many:GET_default", Throttled: true, Expiry: inAMinute(), Conditional: true}, false)
	r.answers(t, "/pets/many", 429, "900802")

	if err := r.stop(); err != nil {
		t.Error(err)
	}
	await(t, "the stopped gateway's queues to go", func() bool {
		out, err := b.Control("list_queues", "--quiet", "--no-table-headers", "name")
		return err == nil && strings.TrimSpace(out) == ""
	})
}

func TestEventsArriveOnceAndExactlyFilled(t *testing.T) {
	m := newManager(t)
	key, trust := newIssuer(t)
	r := startWith(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), trust, append(m.flags("amqp://u:p@/x?brokerlist='tcp://127.0.0.1:1'"),
		"throttlingConfig.decisionSource=poll")...)
	r.lacks(t)
	token := tokenOf(t, key, "1")
	const requests = 200
	var group sync.WaitGroup
	for n := range requests {
		group.Go(func() {
			path, header := "/pets/many", []string{}
			if n%2 == 0 {
				path, header = "/pets/mine", []string{"Authorization", "Bearer " + token}
			}
			if status, body, err := try(t.Context(), "GET", r.url+path, "", header...); status != 200 || err != nil {
				t.Errorf("%d %s %v", status, body, err)
			}
		})
	}
	group.Wait()
	for range 7 { // five pass, two do not
		get(t, r.url+"/pets/few")
	}
	if err := r.stop(); err != nil { // the last events are sent
		t.Fatal(err)
	}
	events, ids := m.received(), map[string]bool{}
	for _, e := range events {
		ids[e["messageID"]] = true
	}
	if len(events) != requests+5 || len(ids) != len(events) {
		t.Fatalf("%d events with %d identities for %d requests that passed", len(events), len(ids), requests+5)
	}
	unknown := map[string]string{
		"appKey": "127.0.0.1:anonymous", "appTier": "Unlimited", "apiKey": "/pets/1:1", "apiTier": "",
		"subscriptionKey": "127.0.0.1:/pets:1", "subscriptionTier": "Unauthenticated",
		"resourceKey": "/pets/1/many:GET", "resourceTier": "Unlimited", "userId": "anonymous",
		"apiContext": "/pets", "apiVersion": "1", "appTenant": "__unknown__", "apiTenant": "carbon.super",
		"appId": "127.0.0.1", "apiName": "Pets__1", "properties": `{"ip":2130706433,"ipv6":0}`,
	}
	kim := map[string]string{
		"appKey": "7", "appTier": "Unlimited", "apiKey": "/pets/1:1", "apiTier": "",
		"subscriptionKey": "7:/pets:1", "subscriptionTier": "Default",
		"resourceKey": "/pets/1/mine:GET", "resourceTier": "Unlimited", "userId": "kim",
		"apiContext": "/pets", "apiVersion": "1", "appTenant": "carbon.super", "apiTenant": "carbon.super",
		"appId": "7", "apiName": "Pets__1", "properties": `{"ip":2130706433,"ipv6":0}`,
	}
	few := 0
	for _, e := range events {
		delete(e, "messageID")
		switch {
		case e["resourceKey"] == "/pets/1/few:GET":
			few++
		case !reflect.DeepEqual(e, unknown) && !reflect.DeepEqual(e, kim):
			t.Fatalf("got %v", e)
		}
	}
	if few != 5 {
		t.Errorf("%d events of an operation that passed five", few)
	}
}

// Whatever broker and manager are made of, requests are served by local
// counters, and the gateway can be stopped. TestMain looks for goroutines.
func TestAGatewayServesBesideAHostileBrokerAndManager(t *testing.T) {
	for name, say := range map[string][]byte{
		"silent":            nil,
		"no AMQP, no TLS":   []byte("HTTP/1.1 500 Internal Server Error\r\n\r\n"),
		"a 4 GiB frame":     {1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 10},
		"a table too large": {1, 0, 0, 0, 0, 0, 18, 0, 10, 0, 10, 0, 9, 0x7f, 0xff, 0xff, 0xff, 1, 'x', 'x', 0xff, 0xff, 0xff, 0xff, 0xce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := hostilePeer(t, say)
			r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})),
				"throttlingConfig.enabledGlobalTMEventPublishing=true",
				"throttlingConfig.throttleEndpointUrl=https://"+address,
				"throttlingConfig.dataRetriever.serverUrl=https://"+address,
				"throttlingConfig.jmsConnectionProviderUrl=amqp://guest:guest@mgw/?brokerlist='tcp://"+address+"'")
			for until := time.Now().Add(2 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				if status, body := get(t, r.url+"/pets/many"); status != 200 {
					t.Fatalf("%d %s", status, body)
				}
			}
			for n := range 7 {
				if status, _ := get(t, r.url+"/pets/few"); (status == 200) != (n < 5) {
					t.Errorf("request %d of a limit of 5: %d", n+1, status)
				}
			}
			r.lacks(t, "message broker", "traffic manager's state", "traffic manager's event receiver")
			began := time.Now()
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("stopping took %v", took)
			}
		})
	}
}

// hostilePeer accepts connections, says something, and goes on saying zeros or
// nothing.
func hostilePeer(t *testing.T, say []byte) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				stop := context.AfterFunc(t.Context(), func() { conn.Close() })
				defer stop()
				_, err := conn.Write(say)
				for zeros := bytes.Repeat([]byte{0}, 16<<10); say != nil && err == nil; {
					_, err = conn.Write(zeros)
				}
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); conns.Wait() })
	return ln.Addr().String()
}
