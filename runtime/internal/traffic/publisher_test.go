package traffic

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a traffic manager that records what it gets, and answers as it
// is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // message IDs
	posts  []http.Header
	answer func(n int, w http.ResponseWriter) // before the post is recorded; nil is 200
	count  atomic.Int64
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// refusal is what an answer function panics with when the post is not to be
// recorded.
type refusal struct{}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil || req.URL.Path != "/endpoints/throttleEventReceiver" {
		w.WriteHeader(404)
		return
	}
	events, err := event.ParseEvents(body)
	if err != nil {
		w.WriteHeader(400)
		return
	}
	if r.answer != nil {
		defer func() {
			if v := recover(); v != nil && v != (refusal{}) {
				panic(v)
			}
		}()
		r.answer(int(r.count.Add(1)), w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts = append(r.posts, req.Header)
	for _, e := range events {
		r.got = append(r.got, e.MessageID)
	}
}

func (r *receiver) received() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

// publisher runs until the test ends.
func publisher(t *testing.T, change func(*PublisherOptions)) *Publisher {
	t.Helper()
	transport := &http.Transport{}
	o := PublisherOptions{
		Credentials: "admin:secret",
		Transport:   transport,
		QueueSize:   100_000,
		Node:        NewNode(),
		Now:         func() int64 { return time.Now().UnixNano() },
		Log:         slog.New(slog.DiscardHandler),
	}
	change(&o)
	p, err := NewPublisher(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the publisher does not end")
		}
		transport.CloseIdleConnections()
	})
	return p
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

func id(s string) *event.Event { return &event.Event{MessageID: s} }

func TestEveryEventArrivesOnceInBatches(t *testing.T) {
	r := newReceiver(t, nil)
	p := publisher(t, func(o *PublisherOptions) { o.Endpoints = []string{r.URL + "/endpoints/"} })
	const events = 5000
	for range events {
		p.Publish(id("x"))
	}
	await(t, "all events", func() bool { return p.Stats().Sent == events })
	if n := len(r.received()); n != events {
		t.Errorf("%d of %d arrived", n, events)
	}
	if len(r.posts) > events/10 {
		t.Errorf("%d posts for %d events", len(r.posts), events)
	}
	h := r.posts[0]
	if h.Get("Authorization") != "Basic YWRtaW46c2VjcmV0" || h.Get("Content-Type") != "application/json" || h.Get(NodeField) == "" || h.Get(BatchField) != "1" || h.Get(SentField) == "" {
		t.Errorf("fields %v", h)
	}
	if s := p.Stats(); !s.Connected || s.Queued != 0 || s.Dropped != 0 || s.Unknown != 0 {
		t.Errorf("%+v", s)
	}
}

func TestEventsOfOneRequestEachForReceiversWithoutArrays(t *testing.T) {
	r := newReceiver(t, nil)
	p := publisher(t, func(o *PublisherOptions) { o.Endpoints, o.Single = []string{r.URL + "/endpoints"}, true })
	for _, s := range []string{"a", "b", "c"} {
		p.Publish(id(s))
	}
	await(t, "three events", func() bool { return p.Stats().Sent == 3 })
	if got := strings.Join(r.received(), ""); got != "abc" || len(r.posts) != 3 {
		t.Errorf("%s in %d posts", got, len(r.posts))
	}
}

func TestOverloadIsWaitedOut(t *testing.T) {
	r := newReceiver(t, func(n int, w http.ResponseWriter) {
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			panic(refusal{})
		}
	})
	p := publisher(t, func(o *PublisherOptions) { o.Endpoints = []string{r.URL + "/endpoints"} })
	p.Publish(id("a"))
	await(t, "the event", func() bool { return p.Stats().Sent == 1 })
	if got := r.received(); len(got) != 1 {
		t.Errorf("arrived %d times", len(got))
	}
}

func TestTheNextReceiverTakesOverWhenOneIsAway(t *testing.T) {
	r := newReceiver(t, nil)
	p := publisher(t, func(o *PublisherOptions) {
		o.Endpoints = []string{"http://127.0.0.1:1/endpoints", r.URL + "/endpoints"}
	})
	p.Publish(id("a"))
	await(t, "the event", func() bool { return len(r.received()) == 1 })
}

func TestEveryReceiverGetsEveryEventWhenAllAreAsked(t *testing.T) {
	a, b := newReceiver(t, nil), newReceiver(t, nil)
	p := publisher(t, func(o *PublisherOptions) {
		o.Endpoints, o.All = []string{a.URL + "/endpoints", b.URL + "/endpoints"}, true
	})
	p.Publish(id("a"))
	await(t, "both", func() bool { return len(a.received()) == 1 && len(b.received()) == 1 })
}

// cut ends the connection without an answer, after the event was taken.
func cut(r *receiver, w http.ResponseWriter) {
	r.mu.Lock()
	r.got = append(r.got, "cut")
	r.mu.Unlock()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
	panic(refusal{})
}

func TestWhatMayHaveBeenCountedIsNotSentAgain(t *testing.T) {
	var r *receiver
	r = newReceiver(t, func(_ int, w http.ResponseWriter) { cut(r, w) })
	p := publisher(t, func(o *PublisherOptions) { o.Endpoints = []string{r.URL + "/endpoints"} })
	p.Publish(id("a"))
	await(t, "the doubt to be counted", func() bool { return p.Stats().Unknown == 1 })
	if got := r.received(); len(got) != 1 || p.Stats().Connected {
		t.Errorf("arrived %d times, %+v", len(got), p.Stats())
	}
}

func TestAManagerThatKnowsRepeatsIsSentThem(t *testing.T) {
	var r *receiver
	r = newReceiver(t, func(n int, w http.ResponseWriter) {
		w.Header().Set(ManagerField, "1")
		if n == 2 {
			cut(r, w)
		}
	})
	p := publisher(t, func(o *PublisherOptions) { o.Endpoints = []string{r.URL + "/endpoints"} })
	p.Publish(id("a"))
	await(t, "the first", func() bool { return p.Stats().Sent == 1 })
	p.Publish(id("b"))
	await(t, "the second", func() bool { return p.Stats().Sent == 2 })
	if got := strings.Join(r.received(), " "); got != "a cut b" {
		t.Errorf("arrived: %s", got)
	}
}

func TestRefusedCredentialsAreAFailureAndNotRepeated(t *testing.T) {
	for name, answer := range map[string]func(int, http.ResponseWriter){
		"401":                nil,
		"200 of old servers": nil,
	} {
		t.Run(name, func(t *testing.T) {
			answer = func(_ int, w http.ResponseWriter) {
				if name == "401" {
					w.WriteHeader(http.StatusUnauthorized)
				} else {
					io.WriteString(w, "_AUTH_FAILURE_")
				}
				panic(refusal{})
			}
			r := newReceiver(t, answer)
			p := publisher(t, func(o *PublisherOptions) { o.Endpoints = []string{r.URL + "/endpoints"} })
			p.Publish(id("a"))
			await(t, "the failure", func() bool { return p.Stats().Dropped == 1 })
			if n := r.count.Load(); n != 1 || p.Stats().Connected {
				t.Errorf("%d posts", n)
			}
		})
	}
}

func TestAManagerThatHangsCostsOldEventsAndNoTime(t *testing.T) {
	release := make(chan struct{})
	r := newReceiver(t, func(int, http.ResponseWriter) { <-release })
	p := publisher(t, func(o *PublisherOptions) {
		o.Endpoints, o.QueueSize = []string{r.URL + "/endpoints"}, 1000
	})
	began := time.Now()
	for range 20_000 {
		p.Publish(id("x"))
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("publishing took %v", d)
	}
	s := p.Stats()
	if s.Dropped == 0 || s.Queued > 1000+(maxPosts+1)*batchEvents {
		t.Errorf("%+v", s)
	}
	close(release)
}

func TestEventsOfAPastMinuteAreDropped(t *testing.T) {
	var minutes atomic.Int64
	start := time.Now().Truncate(time.Minute).UnixNano()
	r := newReceiver(t, func(_ int, w http.ResponseWriter) {
		minutes.Store(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		panic(refusal{})
	})
	p := publisher(t, func(o *PublisherOptions) {
		o.Endpoints = []string{r.URL + "/endpoints"}
		o.Now = func() int64 { return start + minutes.Load()*int64(time.Minute) }
	})
	p.Publish(id("a"))
	await(t, "the event to be dropped", func() bool { return p.Stats().Dropped == 1 })
}

func BenchmarkPublish(b *testing.B) {
	b.ReportAllocs()
	s := newSender(&PublisherOptions{QueueSize: 10_000, Now: func() int64 { return 0 }}, []string{""})
	p := &Publisher{senders: []*sender{s}}
	e := &event.Event{
		MessageID: "0b1f4c1e-8f1a-4f0e-9d53-5a1d9a0e2f3c", AppKey: "2:admin", AppTier: "Gold", APIKey: "/pizzashack/1.0.0:1.0.0",
		SubscriptionKey: "2:/pizzashack/1.0.0:1.0.0", SubscriptionTier: "Gold", ResourceKey: "/pizzashack/1.0.0/1.0.0/menu:GET",
		ResourceTier: "Unlimited", UserID: "admin", APIContext: "/pizzashack/1.0.0", APIVersion: "1.0.0",
		AppTenant: "carbon.super", APITenant: "carbon.super", AppID: "2", APIName: "PizzaShackAPI__1_0_0", Properties: `{"ip":3232235777,"ipv6":0}`,
	}
	for b.Loop() {
		p.Publish(e)
	}
}
