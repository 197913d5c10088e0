package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// reloadable is a running gateway and its folder of configuration.
type reloadable struct {
	*running
	t       *testing.T
	folder  string
	hangups chan os.Signal
}

const confFile = "micro-gw.conf"

// startReloadable starts a gateway by a configuration file. It watches files
// only where an override says so.
func startReloadable(t *testing.T, content *spec.Gateway, files map[string]string, overrides ...string) *reloadable {
	t.Helper()
	r := &reloadable{t: t, folder: t.TempDir(), hangups: make(chan os.Signal, 1)}
	if files[confFile] == "" {
		r.write(confFile, "")
	}
	for name, text := range files {
		r.write(name, text)
	}
	load := loader(t, filepath.Join(r.folder, confFile), append([]string{"reloadConfig.watch=false"}, overrides...))
	cfg, problems, err := load()
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.running = startOptions(t, content, func(o *Options) { o.Config, o.Load, o.Hangups = cfg, load, r.hangups })
	get(t, r.url+"/ready") // it runs
	return r
}

// loader is what reads a configuration file anew, as a gateway's main does.
func loader(t *testing.T, file string, overrides []string) func() (*config.Config, diag.List, error) {
	t.Helper()
	source := config.Source{File: file}
	for _, o := range append(slices.Clone(ofTests), overrides...) {
		parsed, err := config.ParseOverride(o)
		if err != nil {
			t.Fatal(err)
		}
		source.Overrides = append(source.Overrides, parsed)
	}
	return func() (*config.Config, diag.List, error) {
		source := source
		var err error
		if source.Data, err = os.ReadFile(file); err != nil {
			return nil, nil, err
		}
		cfg, problems := config.Load(source)
		return cfg, problems, nil
	}
}

func (r *reloadable) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload changes files and applies them.
func (r *reloadable) reload(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		r.write(name, text)
	}
	if out := r.Reload(); !out.Applied {
		r.t.Fatalf("refused: %v", out.Problems)
	}
}

// passes counts how many of n requests are let through.
func (r *reloadable) passes(n int, path string, header ...string) (passed int) {
	r.t.Helper()
	for range n {
		switch status, body := get(r.t, r.url+path, header...); status {
		case 200:
			passed++
		case 429:
		default:
			r.t.Fatalf("%d %s", status, body)
		}
	}
	return passed
}

// tiers is a policies.yaml with a resource tier Five of a count an hour.
func tiers(count int) string {
	return fmt.Sprintf(`resourcePolicies:
  - Five: {count: %d, unitTime: 1, timeUnit: hour}
subscriptionPolicies:
  - Unauthenticated: {count: 1000, unitTime: 1, timeUnit: hour}
`, count)
}

const withPolicies = "throttlingConfig.policiesFile = 'policies.yaml'\n"

func okBackend(t *testing.T) string {
	return backendOf(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
}

func TestCountersStayWhenLimitsAreReloaded(t *testing.T) {
	for _, tc := range []struct {
		name        string
		count, left int
	}{{"the same", 5, 2}, {"raised", 8, 5}, {"lowered", 2, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			r := startReloadable(t, served(okBackend(t)), nil)
			if passed := r.passes(3, "/pets/few"); passed != 3 {
				t.Fatalf("%d passed before", passed)
			}
			r.reload(map[string]string{confFile: withPolicies, "policies.yaml": tiers(tc.count)})
			if passed := r.passes(10, "/pets/few"); passed != tc.left {
				t.Errorf("%d passed after, want %d", passed, tc.left)
			}
			if state := r.State(); state.Counters.Requests+state.Counters.InFlight != 13 || state.Limits.Refused["resource"] != uint64(10-tc.left) {
				t.Errorf("counters: %+v %+v", state.Counters, state.Limits)
			}
			// Without the file what was built in is back, and counts on.
			r.reload(map[string]string{confFile: ""})
			if passed := r.passes(5, "/pets/few"); passed != max(0, 5-3-tc.left) {
				t.Errorf("%d passed at the end", passed)
			}
		})
	}
}

func TestABrokenConfigurationIsRefusedAndTheOldOneStays(t *testing.T) {
	for name, tc := range map[string]struct {
		conf, policies string
		want           []string // of the problems
	}{
		"unknown key":        {"[listenerConfig]\nhtpPort = 1\n", "", []string{"micro-gw.conf:2:1: listenerConfig.htpPort is not a known key"}},
		"two mistakes":       {"[http2]\nenable = 3\n[adminConfig]\nport = 'x'\n", "", []string{"micro-gw.conf:2:10: ", "micro-gw.conf:4:8: "}},
		"not TOML":           {"[[[", "", []string{"micro-gw.conf:1:"}},
		"no policies file":   {"throttlingConfig.policiesFile = 'nowhere.yaml'\n", "", []string{"micro-gw.conf:1:33: throttlingConfig.policiesFile cannot be read"}},
		"policies broken":    {withPolicies, "resourcePolicies:\n  - Five: {count: many, unitTime: 1, timeUnit: min}\n", []string{"policies.yaml:2:19: "}},
		"a tier is missing":  {withPolicies, strings.ReplaceAll(tiers(5), "Five", "Fife"), []string{`resourcePolicies has no "Five", which GET /pets/few needs`}},
		"no Unauthenticated": {withPolicies, "resourcePolicies:\n  - Five: {count: 1, unitTime: 1, timeUnit: min}\n", []string{`subscriptionPolicies has no "Unauthenticated"`}},
		"unknown endpoint":   {"cats_prod_endpoint_0 = 'http://127.0.0.1:1'\n", "", []string{`no production endpoint "cats"`}},
		"no certificate":     {"[listenerConfig]\ncertificateFile = 'policies.yaml'\nprivateKeyFile = 'policies.yaml'\n", "", []string{"failed to find any PEM data"}},
		"no trust":           {"httpClients.certificateFile = 'policies.yaml'\n", "", []string{"holds no PEM certificate"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReloadable(t, served(okBackend(t)), map[string]string{confFile: withPolicies, "policies.yaml": tiers(4)})
			before := r.State().Reloads
			r.passes(1, "/pets/few")
			r.write(confFile, tc.conf)
			if tc.policies != "" {
				r.write("policies.yaml", tc.policies)
			}
			out := r.Reload()
			if out.Applied || out.Problems.Errors() < len(tc.want) {
				t.Fatalf("%+v", out)
			}
			all := fmt.Sprint(out.Problems.Err())
			for _, want := range tc.want {
				if !strings.Contains(all, want) || !strings.Contains(r.log.String(), strings.ReplaceAll(want, `"`, `\"`)) {
					t.Errorf("%q is missing in %s\nor in the log: %s", want, all, r.log)
				}
			}
			if passed := r.passes(8, "/pets/few"); passed != 3 {
				t.Errorf("%d passed, want 3", passed)
			}
			state := r.State().Reloads
			if state.Refused != 1 || state.Reloads != 0 || len(state.LastError) == 0 {
				t.Errorf("%+v", state)
			}
			if state.ConfigurationDigest != before.ConfigurationDigest || state.PoliciesDigest != before.PoliciesDigest || before.PoliciesDigest == "" {
				t.Errorf("digests: %+v before %+v", state, before)
			}
		})
	}
}

func TestABrokenConfigurationIsReportedWhenTheGatewayStarts(t *testing.T) {
	cfg := load(t, ofTests...)
	cfg.Throttling.PoliciesFile = filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(cfg.Throttling.PoliciesFile, []byte("resourcePolicy: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Spec: served("http://127.0.0.1:1"), Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if list := diag.Listed(err); len(list) == 0 || !strings.Contains(err.Error(), "p.yaml:1:1: ") {
		t.Errorf("%v", err)
	}
}

func TestRequestsUnderWayEndWithTheConfigurationTheyBeganWith(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		arrived, finish := make(chan struct{}), make(chan struct{})
		old := backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
			close(arrived)
			<-finish
			fmt.Fprint(w, "old")
		})
		next := backendOf(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "new") })
		r := startReloadable(t, served(old), nil, engine)
		answer := make(chan string, 1)
		go func() {
			_, body, err := try(context.Background(), "GET", r.url+"/pets/many", "")
			answer <- fmt.Sprint(body, err)
		}()
		<-arrived
		first := r.current()
		r.reload(map[string]string{confFile: "pets_prod_endpoint_0 = '" + next + "'\n"})
		if _, body := get(t, r.url+"/pets/many"); body != "new" {
			t.Errorf("after the reload: %q", body)
		}
		if n := r.State().Reloads.Ending; n != 1 {
			t.Errorf("%d configurations are ending", n)
		}
		close(finish)
		if got := <-answer; got != "old<nil>" {
			t.Errorf("the request under way got %q", got)
		}
		r.reloads.retiring.Wait()
		if n, ending := first.inFlight(), r.State().Reloads.Ending; n != 0 || ending != 0 {
			t.Errorf("%d requests in the first generation, %d configurations are ending", n, ending)
		}
	})
}

func (g *generation) inFlight() (n int64) {
	for i := range g.users.lanes {
		n += g.users.lanes[i].n.Load()
	}
	return n
}

func TestKeysThatCannotChangeAreNamedAndTheRestIsApplied(t *testing.T) {
	r := startReloadable(t, served(okBackend(t)), nil)
	r.write(confFile, "b7a.log.level = 'DEBUG'\nb7a.log.format = 'json'\nhttp2.enable = false\n[throttlingConfig]\nmemoryBudgetMB = 8\nrateLimitHeaders = 'always'\n")
	out := r.Reload()
	if want := []string{"http2.enable", "throttlingConfig.memoryBudgetMB", "b7a.log.format"}; !out.Applied || !slices.Equal(out.NeedsRestart, want) {
		t.Errorf("%+v", out)
	}
	if state := r.State().Reloads; !slices.Equal(state.NeedsRestart, out.NeedsRestart) {
		t.Errorf("%+v", state)
	}
	if log := r.log.String(); !strings.Contains(log, "needs a restart") || !strings.Contains(log, "key=http2.enable") {
		t.Error(log)
	}
	resp, err := http.Get(r.url + "/pets/few")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("RateLimit") == "" {
		t.Error("the rest was not applied")
	}
	if !r.options.Log.Enabled(t.Context(), -4) {
		t.Error("the log level was not applied")
	}
}

func TestEveryFixedKeyIsKept(t *testing.T) {
	running, next := load(t), load(t)
	if changed := keepFixed(running, next); len(changed) != 0 {
		t.Errorf("nothing changed but %q", changed)
	}
	next.Listener.HTTPPort, next.Throttling.Manager.QueueSize, next.Admin.Host = 1, 2, "::1"
	next.Listener.ShutdownTimeout = time.Hour
	if changed := keepFixed(running, next); len(changed) != 3 || next.Listener.HTTPPort != running.Listener.HTTPPort ||
		next.Throttling.Manager.QueueSize != running.Throttling.Manager.QueueSize || next.Admin.Host != running.Admin.Host {
		t.Errorf("%q %+v", changed, next)
	}
	if next.Listener.ShutdownTimeout != time.Hour {
		t.Error("a key that can change was kept")
	}
}

// Whoever adds a key says here that it can change, or in fixed that it cannot.
func TestEveryKeyOfTheListenerIsFixedOrReloaded(t *testing.T) {
	reloaded := []string{"KeyStore", "TrustStore", "CertificateFile", "PrivateKeyFile", "TrustedProxies", "ShutdownTimeout", "ShutdownDelay", "MaxPipelined"}
	cfg := new(config.Config)
	listener := reflect.ValueOf(&cfg.Listener).Elem()
	for i := range listener.NumField() {
		name, at := listener.Type().Field(i).Name, listener.Field(i).Addr().Interface()
		isFixed := slices.ContainsFunc(fixed, func(f struct {
			key string
			of  func(*config.Config) any
		}) bool {
			return f.of(cfg) == at
		})
		if isFixed == slices.Contains(reloaded, name) {
			t.Errorf("Listener.%s: fixed is %v", name, isFixed)
		}
	}
}

func TestTheAdminListenerReloads(t *testing.T) {
	r := startReloadable(t, served(okBackend(t)), nil)
	post := func(token string) (int, string) {
		status, body, err := try(t.Context(), "POST", r.admin+"/reload", "", "Authorization", "Bearer "+token)
		if err != nil {
			t.Fatal(err)
		}
		return status, body
	}
	if status, _ := post("wrong"); status != 401 {
		t.Errorf("without the token: %d", status)
	}
	if status, body := post("the-admin-token"); status != 200 || !strings.Contains(body, `"applied":true`) {
		t.Errorf("%d %s", status, body)
	}
	r.write(confFile, "\n[http3]\nenable = true\n")
	status, body := post("the-admin-token")
	for _, want := range []string{`"applied":false`, `"line":2`, `"col":2`, "http3 is not a known key"} {
		if status != 422 || !strings.Contains(body, want) {
			t.Errorf("%d, %s is not in %s", status, want, body)
		}
	}
	if _, body := get(t, r.admin+"/state", "Authorization", "Bearer the-admin-token"); !strings.Contains(body, `"reloads":1,"refused":1`) {
		t.Error(body)
	}
}

func TestTrustedProxiesAreReloaded(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		seen := make(chan string, 1)
		r := startReloadable(t, served(backendOf(t, func(_ http.ResponseWriter, q *http.Request) { seen <- q.Header.Get("X-Forwarded-For") })), nil, engine)
		ask := func() string {
			get(t, r.url+"/pets/many", "X-Forwarded-For", "192.0.2.7")
			return <-seen
		}
		if got := ask(); got != "127.0.0.1" {
			t.Errorf("before: %q", got)
		}
		r.reload(map[string]string{confFile: "listenerConfig.trustedProxies = ['127.0.0.1']\n"})
		if got := ask(); got != "192.0.2.7, 127.0.0.1" {
			t.Errorf("after: %q", got)
		}
	})
}

func TestNothingIsReloadedWhileTheGatewayStops(t *testing.T) {
	r := startReloadable(t, served(okBackend(t)), nil)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if out := r.Reload(); out.Applied || len(out.Problems) != 1 {
		t.Errorf("%+v", out)
	}
}

// pair is a certificate of 127.0.0.1 and its key, as PEM.
func pair(t *testing.T, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func TestCertificatesAreReloadedWithoutClosingTheListener(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		first, firstKey := pair(t, 1)
		r := startReloadable(t, served(okBackend(t)), map[string]string{
			confFile:  "[listenerConfig]\ncertificateFile = 'tls.pem'\nprivateKeyFile = 'tls.key'\n",
			"tls.pem": first, "tls.key": firstKey,
		}, engine)
		_, secure := r.listener.Addresses()
		connect := func() *tls.Conn {
			conn, err := tls.Dial("tcp", secure.String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		serial := func(conn *tls.Conn) int64 { return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() }
		old := connect()
		second, secondKey := pair(t, 2)
		r.write("tls.pem", second) // without its key
		if out := r.Reload(); out.Applied || serial(connect()) != 1 {
			t.Errorf("half a pair was taken: %+v", out)
		}
		r.reload(map[string]string{"tls.key": secondKey})
		if got := serial(connect()); got != 2 {
			t.Errorf("certificate %d", got)
		}
		fmt.Fprint(old, "GET /pets/many HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(old); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("on the connection from before: %q %v", answer, err)
		}
	})
}

func TestUsersAreReloaded(t *testing.T) {
	content := served(okBackend(t))
	content.APIs[0].Operations[2].Security.Schemes = []spec.Scheme{spec.Basic}
	content.Policies.Subscription = append(content.Policies.Subscription, spec.Tier{Name: spec.TierDefault, Quota: spec.Quota{Count: 10, Window: time.Hour}})
	user := func(password string) string {
		return fmt.Sprintf("[b7a.users.kim]\npassword = '@sha256:{%x}'\n", sha256.Sum256([]byte(password)))
	}
	r := startReloadable(t, content, map[string]string{confFile: user("one")})
	ask := func(password string) int {
		status, _ := get(t, r.url+"/pets/mine", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("kim:"+password)))
		return status
	}
	if one, two := ask("one"), ask("two"); one != 200 || two != 401 {
		t.Errorf("before: %d %d", one, two)
	}
	r.reload(map[string]string{confFile: user("two")})
	if one, two := ask("one"), ask("two"); one != 401 || two != 200 {
		t.Errorf("after: %d %d", one, two)
	}
}
