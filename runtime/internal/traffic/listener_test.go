package traffic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/event"
)

// sink records what it is told.
type sink struct {
	mu   sync.Mutex
	told []string
}

func (s *sink) Apply(m event.Message) { s.note(fmt.Sprintf("apply %s", m.(*event.Decision).Key)) }
func (s *sink) Replace(snapshot *Snapshot) {
	s.note(fmt.Sprintf("replace %d", len(snapshot.Decisions)))
}

func (s *sink) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, text)
}

func (s *sink) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.told, ", ")
}

// service is a manager's internal data service.
type service struct {
	*httptest.Server
	mu        sync.Mutex
	resources map[string]string // path -> body; none: 404
	before    func()            // called before each answer of /throttled
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{resources: map[string]string{"/block": `{}`, "/keyTemplates": `[]`, "/throttled": `[]`}, before: func() {}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "admin" || password != "secret" {
			w.WriteHeader(401)
			return
		}
		if r.URL.Path == "/throttled" {
			s.before()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		body, ok := s.resources[r.URL.Path]
		if !ok {
			w.WriteHeader(404)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) set(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resources[path] = body
}

func listener(t *testing.T, s *service, to Sink) *Listener {
	t.Helper()
	transport := &http.Transport{}
	l := NewListener(ListenerOptions{
		Base: s.URL + "/", Username: "admin", Password: "secret", Transport: transport, Sink: to,
		Now: func() int64 { return time.Now().UnixNano() }, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; transport.CloseIdleConnections() })
	return l
}

func TestASnapshotIsAppliedBeforeTheMessagesThatArriveMeanwhile(t *testing.T) {
	s, to := newService(t), new(sink)
	s.set("/throttled", `[{"throttleKey":"a","isThrottled":true,"expiryTimeStamp":1,"decidedAt":5}]`)
	inPull, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.before = func() { once.Do(func() { close(inPull); <-release }) }
	l := listener(t, s, to)
	<-inPull
	l.Subscribed()
	l.Received(&event.Decision{Key: "b"}, nil)
	l.Received(&event.Decision{Key: "c"}, nil)
	if told := to.all(); told != "" {
		t.Errorf("before the snapshot: %s", told)
	}
	close(release)
	await(t, "the pull after the subscription", func() bool {
		return strings.HasSuffix(to.all(), "replace 1") && strings.Count(to.all(), "replace") == 2
	})
	if told := to.all(); told != "replace 1, apply b, apply c, replace 1" {
		t.Error(told)
	}
	await(t, "messages to go through", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.pulling
	})
	l.Received(&event.Decision{Key: "d"}, nil)
	if told := to.all(); !strings.HasSuffix(told, "apply d") {
		t.Error(told)
	}
	if st := l.Stats(); !st.Subscribed || !st.Current || st.Messages != 3 || st.Age < 0 {
		t.Errorf("%+v", st)
	}
}

func TestMessagesGoThroughWhenNoSnapshotCanBePulled(t *testing.T) {
	s, to := newService(t), new(sink)
	s.set("/block", `nonsense`)
	l := listener(t, s, to)
	l.Subscribed()
	l.Received(&event.Decision{Key: "a"}, nil)
	await(t, "the message", func() bool { return to.all() == "apply a" })
	if l.Stats().Current {
		t.Error("current without a snapshot")
	}
}

func TestABrokenMessageCausesAPull(t *testing.T) {
	s, to := newService(t), new(sink)
	l := listener(t, s, to)
	await(t, "the first pull", func() bool { return to.all() == "replace 0" })
	l.Subscribed()
	await(t, "the second", func() bool { return strings.Count(to.all(), "replace") == 2 })
	l.Received(nil, errors.New("nonsense"))
	await(t, "the third", func() bool { return strings.Count(to.all(), "replace") == 3 })
	if n := l.Stats().Broken; n != 1 {
		t.Errorf("%d broken", n)
	}
	for range 1000 {
		l.Received(nil, errors.New("nonsense"))
		time.Sleep(100 * time.Microsecond) // long enough for many pulls
	}
	if n := strings.Count(to.all(), "replace"); n > 5 {
		t.Errorf("%d pulls for messages that came all at once", n)
	}
}

func TestWithoutATopicSnapshotsArePolled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds")
	}
	s, to := newService(t), new(sink)
	listener(t, s, to)
	await(t, "a second pull", func() bool { return strings.Count(to.all(), "replace") >= 2 })
}

func TestSnapshotsOfBothKindsOfManagersAreRead(t *testing.T) {
	s := newService(t)
	s.set("/keyTemplates", `["$userId:$apiContext"]`)
	s.set("/block", `{"api":["/p/1"],"user":["kim"],"custom":[],"ip":[{"id":3,"tenantDomain":"t","type":"IP","fixedIp":"10.0.0.5","invert":true},{"id":4,"type":"IPRANGE","startingIp":"10.0.0.1","endingIp":"10.0.0.9"}]}`)
	s.set("/throttled", `[{"throttleKey":"k","isThrottled":true,"expiryTimeStamp":7,"evaluatedConditions":"W10=","decidedAt":5}]`)
	r := retriever{base: s.URL, username: "admin", password: "secret", client: s.Client()}
	got, err := r.snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &Snapshot{
		Templates: []string{"$userId:$apiContext"},
		Decisions: []event.Decision{{Key: "k", Throttled: true, Expiry: 7, Conditional: true, Sent: 5}},
		Complete:  true,
	}
	blocks := map[string]event.Block{}
	for _, b := range got.Blocks {
		blocks[string(b.Kind)] = b
	}
	got.Blocks = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for kind, want := range map[string]event.Block{
		"API":     {Kind: "API", Value: "/p/1", Active: true},
		"USER":    {Kind: "USER", Value: "kim", Active: true},
		"IP":      {Kind: "IP", Range: event.IPRange{Fixed: "10.0.0.5", Invert: true}, Active: true, ID: 3, Tenant: "t"},
		"IPRANGE": {Kind: "IPRANGE", Range: event.IPRange{Starting: "10.0.0.1", Ending: "10.0.0.9"}, Active: true, ID: 4},
	} {
		if blocks[kind] != want {
			t.Errorf("%s: %+v", kind, blocks[kind])
		}
	}
	delete(s.resources, "/throttled") // WSO2's
	if got, err = r.snapshot(t.Context()); err != nil || got.Complete {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBrokenSnapshotsAreErrors(t *testing.T) {
	for path, body := range map[string]string{
		"/block":        `{"ip":["x"]}`,
		"/keyTemplates": `{"a":1}`,
		"/throttled":    `[{"blockingCondition":"API","conditionValue":"/p","state":"true"}]`,
	} {
		s := newService(t)
		s.set(path, body)
		r := retriever{base: s.URL, username: "admin", password: "secret", client: s.Client()}
		if got, err := r.snapshot(t.Context()); err == nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
	s := newService(t)
	r := retriever{base: s.URL, username: "admin", password: "wrong", client: s.Client()}
	if _, err := r.snapshot(t.Context()); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v", err)
	}
}

func TestRevokedTokensOfBothFormsAreRead(t *testing.T) {
	s := newService(t)
	s.set("/revokedjwt", `[{"jwt_signature":"abc","expiry_time":1700000000000},{"jwtSignature":"def","expiryTime":"1700000000001"},{"jwt_signature":"ghi"}]`)
	r := retriever{base: s.URL, username: "admin", password: "secret", client: s.Client()}
	got, err := r.revoked(t.Context())
	want := []revoked{{"abc", 1700000000000}, {"def", 1700000000001}, {"ghi", 0}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
