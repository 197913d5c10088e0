package trafficmanager

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/traffic"
)

var gold = event.Event{AppKey: "a:u", AppTier: "Gold", UserID: "u", APIContext: "/p", Properties: `{"ip":167772161,"ipv6":0}`}

func TestTheLastAdmittedRequestThrottlesItsKey(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	f.post(t, gold, gold)
	f.counted(t)
	if got := f.throttled(t); len(got) != 0 {
		t.Errorf("after two: %v", got)
	}
	f.post(t, gold)
	f.counted(t)
	d := f.throttled(t)["a:u"]
	if d == nil || d["isThrottled"] != true || d["evaluatedConditions"] != nil {
		t.Fatalf("after three: %v", f.throttled(t))
	}
	expiry, decided := int64(d["expiryTimeStamp"].(float64)), int64(d["decidedAt"].(float64))
	year := (365 * 24 * time.Hour).Milliseconds()
	if now := time.Now().UnixMilli(); expiry != now-now%year+year || now-decided > 10_000 || decided > now {
		t.Errorf("%v", d)
	}
	f.post(t, gold)
	f.counted(t)
	if got := f.throttled(t); len(got) != 2 || got["u:/p:10.0.0.1"] == nil {
		t.Errorf("after four: %v", got)
	}
}

func TestConditionalDecisionsTellWhatWasEvaluated(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	e := event.Event{ResourceKey: "r", ResourceTier: "Conditional"}
	inside := e
	inside.Properties = `{"ip":167772161}`
	f.post(t, append(repeat(e, 5), inside, event.Event{ResourceKey: "q", ResourceTier: "Plain"}, event.Event{ResourceKey: "q", ResourceTier: "Plain"})...)
	f.counted(t)
	decisions := f.throttled(t)
	for key, groups := range map[string]int{"r_default": 2, "r_condition_0": 1, "q_default": 0} {
		d := decisions[key]
		if d == nil {
			t.Errorf("%s is not throttled", key)
			continue
		}
		m, err := event.ParseMap(map[string]any{"throttleKey": key, "isThrottled": true, "evaluatedConditions": d["evaluatedConditions"]}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.(*event.Decision); !got.Conditional || len(got.Conditions) != groups {
			t.Errorf("%s: %+v", key, got)
		}
	}
	if len(decisions) != 4 { // and the custom key of no user
		t.Errorf("%v", decisions)
	}
	if got := decisions["q_default"]["evaluatedConditions"]; got != "W10=" {
		t.Errorf("without conditions: %v", got)
	}
}

func TestManyGatewaysAtOnceAreCountedExactly(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), "applicationPolicies:\n  - Gold: {count: 2000, unitTime: 1, timeUnit: year}\n")
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			for range 20 {
				f.post(t, repeat(gold, 9)...)
			}
		})
	}
	group.Wait()
	f.counted(t)
	f.post(t, repeat(gold, 199)...)
	f.counted(t)
	if len(f.throttled(t)) != 0 {
		t.Error("throttled at 1,999")
	}
	f.post(t, gold)
	f.counted(t)
	if len(f.throttled(t)) != 1 {
		t.Error("not throttled at 2,000")
	}
}

func TestRepeatedBatchesAreNotCounted(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	fields := stamped("n", 1, time.Now())
	for range 5 {
		if status, body := f.ask(t, "POST", eventPath, string(bodyWith(gold)), fields...); status != 200 || body != "" {
			t.Fatalf("%d %s", status, body)
		}
	}
	f.counted(t)
	if got := f.engine.handled.Load(); got != 1 {
		t.Errorf("%d events counted", got)
	}
}

func TestPostsOfOurOwnGatewayAreUnderstood(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	p, err := traffic.NewPublisher(traffic.PublisherOptions{
		Endpoints: []string{"https://" + f.Address().String() + "/endpoints"}, Credentials: "admin:admin",
		Transport: f.client.Transport, QueueSize: 100, Node: "n", Now: f.clock.Now, Log: f.options.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := start(p.Run)
	defer stop()
	for range 3 {
		p.Publish(&gold)
	}
	await(t, "the key to be throttled", func() bool { return f.throttled(t)["a:u"] != nil })
	if got := f.status(); got.Gateways != 1 || got.Events.Received != 3 {
		t.Errorf("%+v", got)
	}
}

func TestResourcesNeedAUser(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker+"[users.gateway]\npassword = 'secret'\n[users.root]\npassword = 'r'\nadmin = true\n"), testPolicies)
	for _, tc := range []struct {
		method, path, user, password string
		want                         int
	}{
		{"GET", "/health", "", "", 200},
		{"GET", "/admin/v1/openapi.yaml", "", "", 200},
		{"POST", eventPath, "", "", 401},
		{"POST", eventPath, "gateway", "wrong", 401},
		{"POST", eventPath, "nobody", "", 401},
		{"POST", eventPath, "admin", "admin", 401},
		{"POST", eventPath, "gateway", "secret", 400}, // no body
		{"GET", eventPath, "gateway", "secret", 405},
		{"GET", dataPath + "/block", "", "", 401},
		{"GET", dataPath + "/block", "gateway", "secret", 200},
		{"GET", dataPath + "/keyTemplates", "gateway", "secret", 200},
		{"GET", dataPath + "/throttled", "", "", 401},
		{"GET", dataPath + "/throttled", "gateway", "secret", 200},
		{"GET", dataPath + "/revokedjwt", "gateway", "secret", 200},
		{"GET", blocksPath, "gateway", "secret", 403},
		{"POST", blocksPath, "gateway", "secret", 403},
		{"DELETE", blocksPath + "/1", "gateway", "secret", 403},
		{"POST", templatesPath, "gateway", "secret", 403},
		{"DELETE", templatesPath, "gateway", "secret", 403},
		{"GET", adminPath + "/status", "gateway", "secret", 403},
		{"GET", adminPath + "/status", "root", "r", 200},
		{"GET", "/", "root", "r", 404},
	} {
		req, err := http.NewRequest(tc.method, "https://"+f.Address().String()+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.user != "" {
			req.SetBasicAuth(tc.user, tc.password)
		}
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s %s as %q: %d, want %d", tc.method, tc.path, tc.user, resp.StatusCode, tc.want)
		}
		if challenged := resp.Header.Get("WWW-Authenticate") != ""; challenged != (tc.want == 401) {
			t.Errorf("%s %s as %q: challenge %v", tc.method, tc.path, tc.user, challenged)
		}
	}
}

func TestWhatWasAcceptedIsCountedAndStoredBeforeTheEnd(t *testing.T) {
	dir := t.TempDir()
	f := run(t, conf(t, dir, noBroker), testPolicies)
	for i := range 50 {
		e := gold
		e.AppKey = string(rune('a' + i))
		f.post(t, repeat(e, 3)...)
	}
	f.stop()
	f = run(t, conf(t, dir, noBroker), testPolicies)
	if got := len(f.throttled(t)); got != 51 { // and the custom key
		t.Errorf("%d keys after the restart", got)
	}
}

func TestCertificateOfTheManagersOwnStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	first := run(t, conf(t, dir, noBroker), "")
	before, err := os.ReadFile(first.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	first.stop()
	second := run(t, conf(t, dir, noBroker), "")
	after, err := os.ReadFile(second.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	second.stop()
	third := run(t, conf(t, dir, noBroker+"listener.certificateNames = ['tm.example.com']\n"), "")
	named, err := os.ReadFile(third.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) || string(after) == string(named) {
		t.Error("the certificate changed without, or did not with, another name")
	}
	key, err := os.Stat(filepath.Join(filepath.Dir(third.CertificateFile()), privateKeyName))
	if err != nil || key.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v %v", key, err)
	}
}

// process is the command in a process of its own.
type process struct {
	*exec.Cmd
	lines []string
}

var serves = regexp.MustCompile(`the traffic manager serves" address=https://(\S+)`)

// startProcess runs the command in a folder until it serves.
func startProcess(t *testing.T, dir string, args ...string) (p *process, address, certificate string) {
	t.Helper()
	p = &process{Cmd: exec.Command(os.Args[0], args...)}
	p.Cmd.Dir, p.Cmd.Env = dir, append(os.Environ(), asProgram+"=1")
	errors, err := p.Cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	lines := bufio.NewScanner(errors)
	for lines.Scan() {
		p.lines = append(p.lines, lines.Text())
		if m := serves.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
		if _, file, ok := strings.Cut(lines.Text(), "certificateFile="); ok {
			return p, address, file
		}
	}
	t.Fatalf("it did not serve:\n%s", strings.Join(p.lines, "\n"))
	return nil, "", ""
}

// asking gives a client of a process.
func asking(t *testing.T, certificate string) func(address, method, path, body string) string {
	t.Helper()
	client := clientFor(t, certificate)
	t.Cleanup(client.CloseIdleConnections)
	return func(address, method, path, body string) string {
		t.Helper()
		req, err := http.NewRequest(method, "https://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", "admin")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
}

func TestEndingTheProcessLosesNoDecision(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "policies.yaml"), []byte(testPolicies), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--set", "listener.port=0", "--set", "broker.enabled=false"}
			p, address, certificate := startProcess(t, dir, args...)
			ask := asking(t, certificate)
			ask(address, "POST", eventPath, string(bodyWith(gold, gold, gold)))
			ask(address, "POST", blocksPath, `{"conditionType":"API","conditionValue":"/blocked"}`)
			if signal == syscall.SIGKILL { // else it stores what it has accepted
				await(t, "the transaction", func() bool {
					return strings.Contains(ask(address, "GET", adminPath+"/status", ""), `"stored":1`)
				})
			}
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); (err == nil) != (signal == syscall.SIGTERM) {
				t.Errorf("it ended with %v", err)
			}
			_, address, _ = startProcess(t, dir, args...)
			if got := ask(address, "GET", dataPath+"/throttled", ""); !strings.Contains(got, `"a:u"`) {
				t.Error(got)
			}
			if got := ask(address, "GET", dataPath+"/block", ""); !strings.Contains(got, `"api":["/blocked"]`) {
				t.Error(got)
			}
		})
	}
}

// pulled is what our gateways make of a snapshot.
type pulled chan *traffic.Snapshot

func (p pulled) Apply(event.Message)         {}
func (p pulled) Replace(s *traffic.Snapshot) { p <- s }

func TestSnapshotIsWhatOurGatewaysPull(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	f.post(t, append(repeat(event.Event{ResourceKey: "r", ResourceTier: "Conditional"}, 5), repeat(gold, 3)...)...)
	f.ask(t, "POST", blocksPath, `{"conditionType":"USER","conditionValue":"bob"}`)
	f.ask(t, "POST", blocksPath, `{"conditionType":"IPRANGE","conditionValue":{"startingIp":"10.0.0.1","endingIp":"10.0.0.9"}}`)
	f.counted(t)
	sink := make(pulled, 10)
	l := traffic.NewListener(traffic.ListenerOptions{
		Base: "https://" + f.Address().String() + dataPath, Username: "admin", Password: "admin",
		Transport: f.client.Transport, Poll: true, Sink: sink, Now: f.clock.Now, Log: f.options.Log,
	})
	defer start(l.Run)()
	s := <-sink
	conditions := map[string]int{}
	for _, d := range s.Decisions {
		conditions[d.Key] = len(d.Conditions)
	}
	if !s.Complete || len(s.Blocks) != 2 || len(s.Templates) != 1 || conditions["r_default"] != 2 {
		t.Errorf("%+v", s)
	}
	if _, ok := conditions["a:u"]; !ok || len(conditions) != 3 { // and the custom key of no user
		t.Errorf("%v", conditions)
	}
}

func TestEventsOfUnknownTiersAreToldOnce(t *testing.T) {
	f := run(t, conf(t, t.TempDir(), noBroker), testPolicies)
	f.post(t, event.Event{AppKey: "k", AppTier: "Bronze", SubscriptionTier: "Unlimited", ResourceTier: "Unlimited"})
	f.counted(t)
	if got := f.status().Events.Unknown; got != 1 {
		t.Errorf("%d unknown tiers", got)
	}
}
