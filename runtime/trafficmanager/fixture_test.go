package trafficmanager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/config"
	"mgw/runtime/internal/event"
	"mgw/runtime/internal/traffic"
	"mgw/runtime/policy"
	"mgw/runtime/spec"
)

// asProgram tells a copy of the test binary to be the command.
const asProgram = "TRAFFICMANAGER_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		p := Program{Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		os.Exit(p.Run(ctx, os.Args[1:]))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		endCommonBroker()
		os.Exit(code)
	}))
}

// Windows of a year have no end that a test could come upon.
const testPolicies = `
applicationPolicies:
  - Gold: {count: 3, unitTime: 1, timeUnit: year}
  - Volume: {bytes: 1000, unitTime: 1, timeUnit: year}
  - Unlimited
subscriptionPolicies:
  - Silver: {count: 2, unitTime: 1, timeUnit: year}
  - Unauthenticated: {count: 2, unitTime: 1, timeUnit: year}
resourcePolicies:
  - Plain: {count: 2, unitTime: 1, timeUnit: year}
  - Conditional:
      count: 5
      unitTime: 1
      timeUnit: year
      conditions:
        - {count: 1, unitTime: 1, timeUnit: year, ip: 10.0.0.0/8}
        - {count: 2, unitTime: 1, timeUnit: year, header: {values: {User-Agent: curl}}}
customPolicies:
  - perUser: {keyTemplate: "$userId:$apiContext:$clientIp", count: 4, unitTime: 1, timeUnit: year}
`

func parsePolicies(t testing.TB, text string) spec.Policies {
	t.Helper()
	p, list := policy.Parse([]policy.File{{Name: "policies.yaml", Data: []byte(text)}})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

// fixture is a manager of the test's own and a client that trusts it.
type fixture struct {
	*Manager
	client *http.Client
	stop   func()
}

// conf gives a configuration with these lines; data goes to dir.
func conf(t testing.TB, dir, lines string) *config.TrafficManager {
	t.Helper()
	c, list := config.LoadTrafficManager(config.Source{
		File: filepath.Join(dir, "traffic-manager.conf"), Data: []byte("listener.port = 0\n" + lines),
	})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

const noBroker = "broker.enabled = false\n"

// run starts a manager that the test ends.
func run(t testing.TB, c *config.TrafficManager, policies string) *fixture {
	t.Helper()
	m, err := New(Options{Config: c, Policies: parsePolicies(t, policies), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	f := &fixture{Manager: m, client: clientFor(t, m.CertificateFile())}
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	f.stop = func() {
		cancel()
		<-done
		f.client.CloseIdleConnections()
	}
	t.Cleanup(f.stop)
	return f
}

func clientFor(t testing.TB, certificate string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 10 * time.Second}
}

// ask sends a request as admin and gives status and body.
func (f *fixture) ask(t testing.TB, method, path, body string, fields ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, "https://"+f.Address().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", "admin")
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// post sends events, the first with number in its stamp unless that is 0.
func (f *fixture) post(t testing.TB, events ...event.Event) {
	t.Helper()
	if status, answer := f.ask(t, "POST", eventPath, string(bodyWith(events...))); status != 200 || answer != "" {
		t.Fatalf("%d %s", status, answer)
	}
}

func bodyWith(events ...event.Event) []byte {
	b := []byte{'['}
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = events[i].AppendJSON(b)
	}
	return append(b, ']')
}

func stamped(node string, number int, sent time.Time) []string {
	return []string{
		traffic.NodeField, node, traffic.BatchField, strconv.Itoa(number), traffic.SentField, strconv.FormatInt(sent.UnixMilli(), 10),
	}
}

// throttled pulls the decisions, by key.
func (f *fixture) throttled(t testing.TB) map[string]map[string]any {
	t.Helper()
	status, body := f.ask(t, "GET", dataPath+"/throttled", "")
	var list []map[string]any
	if err := json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&list); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	keys := map[string]map[string]any{}
	for _, d := range list {
		key, _ := d["throttleKey"].(string)
		keys[key] = d
	}
	return keys
}

// await polls a condition until it holds or the bound passes.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	const bound = 30 * time.Second
	for deadline := time.Now().Add(bound); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", bound, what)
		}
	}
}

// counted waits until everything received was counted.
func (f *fixture) counted(t testing.TB) {
	t.Helper()
	await(t, "all events to be counted", func() bool { return f.engine.handled.Load() == f.receiver.received.Load() })
}

func repeat(e event.Event, n int) []event.Event {
	all := make([]event.Event, n)
	for i := range all {
		all[i] = e
	}
	return all
}
