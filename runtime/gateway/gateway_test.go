package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/config"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// A server of net/http sleeps for half a second before it closes a connection
// whose request it has not read.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// served is an API with an open operation of five an hour and a secured one,
// at a backend.
func served(backend string) *spec.Gateway {
	open := spec.Security{Disabled: true}
	return &spec.Gateway{
		Format:    spec.Format,
		Project:   "test",
		Endpoints: []spec.Endpoint{{Name: "pets", Type: spec.HTTP, URLs: []string{backend}}},
		Policies: spec.Policies{
			Resource:     []spec.Tier{{Name: "Five", Quota: spec.Quota{Count: 5, Window: time.Hour}}},
			Subscription: []spec.Tier{{Name: spec.TierUnauthenticated, Quota: spec.Quota{Count: 10000, Window: time.Hour}}},
		},
		APIs: []spec.API{{
			Name: "Pets", Version: "1", ServiceName: "Pets__1", BasePath: "/pets", Context: "/pets",
			Transports: []string{"http", "https"},
			Operations: []spec.Operation{
				{ID: 0, Method: "GET", Path: "/few", KeyPath: "/few", Tier: "Five", Security: open, Sandbox: spec.NoEndpoint},
				{ID: 1, Method: "GET", Path: "/many", KeyPath: "/many", Security: open, Sandbox: spec.NoEndpoint},
				{ID: 2, Method: "GET", Path: "/mine", KeyPath: "/mine", Security: spec.Security{Schemes: []spec.Scheme{spec.OAuth2}}, Sandbox: spec.NoEndpoint},
			},
		}},
	}
}

// running is a gateway that serves until the test ends.
type running struct {
	*Gateway
	url, admin string
	log        *syncBuffer
	stop       func() error
}

func start(t *testing.T, content *spec.Gateway, overrides ...string) *running {
	t.Helper()
	return startWith(t, content, func(*config.Config) {}, overrides...)
}

// startWith is start with a change of the configuration that no override makes.
func startWith(t *testing.T, content *spec.Gateway, change func(*config.Config), overrides ...string) *running {
	t.Helper()
	return startOptions(t, content, func(o *Options) { change(o.Config) }, overrides...)
}

// ofTests is the configuration of every gateway in a test.
var ofTests = []string{
	"listenerConfig.host=127.0.0.1", "listenerConfig.httpPort=0", "listenerConfig.httpsPort=0",
	"adminConfig.enabled=true", "adminConfig.port=0", "adminConfig.token=the-admin-token",
}

// startOptions is start with a change of what New is given.
func startOptions(t *testing.T, content *spec.Gateway, change func(*Options), overrides ...string) *running {
	t.Helper()
	r := &running{log: new(syncBuffer)}
	level := new(slog.LevelVar)
	o := Options{
		Spec: content, Config: load(t, append(slices.Clone(ofTests), overrides...)...), Digest: "sha256:0",
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: level})), Level: level,
	}
	change(&o)
	var err error
	r.Gateway, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := r.listener.Addresses()
	r.url, r.admin = "http://"+plain.String(), "http://"+r.Gateway.admin.socket.Addr().String()

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return r
}

func load(t *testing.T, overrides ...string) *config.Config {
	t.Helper()
	var source config.Source
	for _, o := range overrides {
		parsed, err := config.ParseOverride(o)
		if err != nil {
			t.Fatal(err)
		}
		source.Overrides = append(source.Overrides, parsed)
	}
	cfg, problems := config.Load(source)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	status, body, err := try(t.Context(), "GET", url, "", header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

func try(ctx context.Context, method, url, body string, header ...string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}

// whole sends a request and reads the answer to its end.
func whole(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// overEngines runs a test over both, each as an override.
func overEngines(t *testing.T, test func(t *testing.T, engine string)) {
	for _, engine := range []string{"fast", "standard"} {
		t.Run(engine, func(t *testing.T) { test(t, "listenerConfig.engine="+engine) })
	}
}

func backendOf(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestExactlyTheTierPassesUnderConcurrency(t *testing.T) {
	var reached atomic.Int64
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })))
	var ok, refused atomic.Int64
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			switch status, body, err := try(t.Context(), "GET", r.url+"/pets/few", ""); {
			case err != nil:
				t.Error(err)
			case status == 200:
				ok.Add(1)
			case status == 429 && strings.Contains(body, "900802"):
				refused.Add(1)
			default:
				t.Errorf("%d %s", status, body)
			}
		})
	}
	group.Wait()
	if ok.Load() != 5 || refused.Load() != 59 || reached.Load() != 5 {
		t.Errorf("passed %d, refused %d, reached the backend %d", ok.Load(), refused.Load(), reached.Load())
	}
}

func TestSecuredOperationsNeedACredential(t *testing.T) {
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) { t.Error("reached the backend") })))
	if status, body := get(t, r.url+"/pets/mine"); status != 401 || !strings.Contains(body, "900902") {
		t.Errorf("%d %s", status, body)
	}
}

// stopsWith stops a gateway whose request under way may finish once it drains.
func stopsWith(t *testing.T, r *running, finish chan<- struct{}, answer <-chan string) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	for deadline := time.Now().Add(10 * time.Second); !r.system.draining.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not draining")
		}
	}
	close(finish)
	if got := <-answer; got != "done<nil>" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestRequestsUnderWayFinishWhenTheGatewayStops(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	r := start(t, served(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		fmt.Fprint(w, "done")
	})))
	answer := make(chan string, 1)
	go func() {
		_, body, err := try(context.Background(), "GET", r.url+"/pets/many", "")
		answer <- fmt.Sprint(body, err)
	}()
	<-arrived
	stopsWith(t, r, finish, answer)
	if _, _, err := try(context.Background(), "GET", r.url+"/health", ""); err == nil {
		t.Error("still accepting")
	}
}

func TestReadinessEndsBeforeRequestsAreRefused(t *testing.T) {
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), "listenerConfig.shutdownDelay=1s")
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		status, body := get(t, r.url+"/ready")
		if status == 503 && body == `{"status":"draining"}` {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, body := get(t, r.url+"/pets/many"); status != 200 {
		t.Errorf("during the delay: %d %s", status, body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAPanicIsA500AndALogLine(t *testing.T) {
	r := start(t, served("http://127.0.0.1:1"))
	chain := r.current().handler
	chain.Request = []exchange.Stage{func(*exchange.Exchange) bool { panic("a bug") }}
	x := exchange.Acquire()
	x.Client = discard{}
	if err := chain.Serve(x); err != nil || x.Status != 500 {
		t.Errorf("status %d, %v", x.Status, err)
	}
	if log := r.log.String(); !strings.Contains(log, "a bug") {
		t.Errorf("log: %s", log)
	}
}

// discard is a client that takes any answer.
type discard struct{ exchange.Client }

func (discard) Reply(*exchange.Exchange) error { return nil }
func (discard) Context() context.Context       { return context.Background() }

func TestHealthAndReadinessNeedNoCredential(t *testing.T) {
	r := start(t, served("http://127.0.0.1:1"))
	for path, want := range map[string]string{
		"/health":         `{"status":"healthy"}`,
		"/health/":        `{"status":"healthy"}`,
		"/health?verbose": `{"status":"healthy","ready":true}`,
		"/ready":          `{"status":"ready"}`,
	} {
		if status, body := get(t, r.url+path); status != 200 || body != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := get(t, r.url+"/healthy"); status != 404 {
		t.Errorf("/healthy: %d", status)
	}
}

func TestTheAdminListenerWantsItsToken(t *testing.T) {
	r := start(t, served("http://127.0.0.1:1"))
	for _, shown := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic the-admin-token", "the-admin-token"} {
		if status, body := get(t, r.admin+"/state", "Authorization", shown); status != 401 {
			t.Errorf("%q: %d %s", shown, status, body)
		}
	}
}

func TestTheAdminListenerTellsTheState(t *testing.T) {
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})))
	for range 7 {
		get(t, r.url+"/pets/few")
	}
	// A request is counted once its answer is out: the last one perhaps a moment
	// after the client has it.
	var s State
	for deadline := time.Now().Add(10 * time.Second); s.Counters.Requests < 7 && time.Now().Before(deadline); {
		status, body := get(t, r.admin+"/state", "Authorization", "Bearer the-admin-token")
		s = State{}
		if err := json.Unmarshal([]byte(body), &s); status != 200 || err != nil {
			t.Fatalf("%d %s %v", status, body, err)
		}
	}
	if s.Project != "test" || !s.Ready || s.Routes != 3 || s.Counters.Statuses["2xx"] != 5 || s.Counters.Faults["900802"] != 2 || s.Limits.Refused["resource"] != 2 {
		t.Errorf("%+v", s)
	}
	if "http://"+s.Listeners["http"] != r.url {
		t.Errorf("listeners %v", s.Listeners)
	}
	if status, body := get(t, r.admin+"/routes", "Authorization", "Bearer the-admin-token"); status != 200 || !strings.Contains(body, `{"api":"Pets:1","method":"GET","path":"/pets/few","tier":"Five"}`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestExplainShowsLiveCountersAndChargesNothing(t *testing.T) {
	r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})))
	get(t, r.url+"/pets/few")
	for range 2 {
		status, body, err := try(t.Context(), "POST", r.admin+"/explain", `{"method":"get","path":"/pets/few","ip":"127.0.0.1"}`, "Authorization", "Bearer the-admin-token")
		var e Explanation
		if err == nil {
			err = json.Unmarshal([]byte(body), &e)
		}
		if err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		if e.Outcome != "found" || e.API != "Pets:1" || e.Operation != "GET /pets/few" || e.Caller.Kind != "anonymous" || len(e.Limits) != 2 {
			t.Fatalf("%+v", e)
		}
		if l := e.Limits[0]; l.Level != "resource" || l.Tier != "Five" || l.Key != "/pets/1/few:GET" || l.Count != 5 || l.Remaining != 4 {
			t.Errorf("%+v", l)
		}
	}
	e, err := r.Explain(t.Context(), Question{Method: "GET", Path: "/pets/mine"})
	if err != nil || e.Fault == nil || e.Fault.Code != 900902 {
		t.Errorf("%+v, %v", e.Fault, err)
	}
	if e, err := r.Explain(t.Context(), Question{Method: "GET", Path: "/elsewhere"}); err != nil || e.Outcome != "not found" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, q := range []Question{{Method: "GET", Path: "pets"}, {Method: "GET", Path: "/", IP: "nowhere"}} {
		if _, err := r.Explain(t.Context(), q); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
}

func TestBackendsAreOverriddenByName(t *testing.T) {
	var sandbox atomic.Bool
	url := backendOf(t, func(http.ResponseWriter, *http.Request) { sandbox.Store(true) })
	content := served("http://127.0.0.1:1")
	for i := range content.APIs[0].Operations {
		content.APIs[0].Operations[i].Sandbox = 0 // one endpoint for both
	}
	r := start(t, content, "pets_prod_endpoint_0="+url)
	if status, body := get(t, r.url+"/pets/many"); status != 200 || !sandbox.Load() {
		t.Errorf("%d %s", status, body)
	}
	if left := r.options.Spec.Endpoints[r.options.Spec.APIs[0].Operations[0].Sandbox].URLs[0]; left != "http://127.0.0.1:1" {
		t.Errorf("the sandbox became %s", left)
	}
	for o, want := range map[string]string{
		"cats_prod_endpoint_0=" + url: `there is no production endpoint "cats" to override; the endpoints are ["pets"]`,
		"pets_prod_endpoint_1=" + url: `production endpoint "pets" has 1 URLs, none of index 1`,
	} {
		content := served(url)
		content.Endpoints = append(content.Endpoints, spec.Endpoint{Type: spec.HTTP, URLs: []string{url}})
		if _, err := New(Options{Spec: content, Config: load(t, o), Log: slog.New(slog.DiscardHandler), CheckOnly: true}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", o, err)
		}
	}
}

func TestAPortInUseIsAnErrorAndLeavesNothingOpen(t *testing.T) {
	r := start(t, served("http://127.0.0.1:1"))
	port := r.url[strings.LastIndexByte(r.url, ':')+1:]
	_, err := New(Options{
		Spec: served("http://127.0.0.1:1"), Log: slog.New(slog.DiscardHandler),
		Config: load(t, "listenerConfig.host=127.0.0.1", "listenerConfig.httpPort="+port, "listenerConfig.httpsPort=0"),
	})
	if err == nil || !strings.Contains(err.Error(), "HTTP listener") {
		t.Errorf("%v", err)
	}
}
