package jms

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/jms/brokertest"
)

func options(t *testing.T, b *brokertest.Broker) Options {
	t.Helper()
	u, err := ParseProviderURL(b.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Options{URL: u, Log: slog.New(slog.DiscardHandler)}
}

// await polls a condition until it holds or the bound passes.
func await(t *testing.T, bound time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(bound); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", bound, what)
		}
	}
}

// recorder is a Handler that hands everything on.
type recorder struct {
	subscribed chan struct{}
	lost       chan struct{}
	messages   chan Message
}

func newRecorder() *recorder {
	return &recorder{make(chan struct{}, 16), make(chan struct{}, 16), make(chan Message, 10_000)}
}

func (r *recorder) Subscribed(context.Context) { r.subscribed <- struct{}{} }
func (r *recorder) Lost()                      { r.lost <- struct{}{} }
func (r *recorder) Received(m Message, err error) {
	if err != nil {
		m.Text = []byte("error: " + err.Error())
	}
	r.messages <- m
}

// queue is a Source that is fed by a channel.
type queue chan Outgoing

func (q queue) Connected() {}
func (q queue) Next(ctx context.Context) (Outgoing, bool) {
	select {
	case m := <-q:
		return m, true
	case <-ctx.Done():
		return Outgoing{}, false
	}
}

// running runs f until the test ends, and waits for it.
func running(t *testing.T, f func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("still running 10 s after its context ended")
		}
	})
}

func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s in 30 s", what)
		panic("unreachable")
	}
}

func TestMessagesTravelOverARealBrokerThatIsKilledAndComesBack(t *testing.T) {
	b := brokertest.Start(t)
	r, q := newRecorder(), make(queue)
	sub, err := NewSubscriber(options(t, b), "throttleData", r)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := NewPublisher(options(t, b), "throttleData", q)
	if err != nil {
		t.Fatal(err)
	}
	running(t, sub.Run)
	running(t, pub.Run)

	within(t, "subscription", r.subscribed)
	sent := time.UnixMilli(1795293842102)
	fields := map[string]any{"throttleKey": "k", "isThrottled": true, "expiryTimeStamp": int64(7)}
	q <- Outgoing{Map: fields, Sent: sent}
	if m := within(t, "map", r.messages); !reflect.DeepEqual(m.Map, fields) || !m.Sent.Equal(sent) {
		t.Errorf("got %+v", m)
	}
	q <- Outgoing{Text: []byte(`{"event":{}}`), Sent: sent}
	if m := within(t, "text", r.messages); string(m.Text) != `{"event":{}}` {
		t.Errorf("got %+v", m)
	}

	b.Stop(t)
	within(t, "loss", r.lost)
	b.Start(t)
	within(t, "second subscription", r.subscribed)
	q <- Outgoing{Text: []byte("after"), Sent: sent}
	if m := within(t, "message after the broker came back", r.messages); string(m.Text) != "after" {
		t.Errorf("got %+v", m)
	}
}

func TestVirtualHostIsFoundWithAndWithoutItsSlash(t *testing.T) {
	b := brokertest.Start(t)
	for _, vhost := range []string{"carbon", "/carbon"} {
		out, err := b.Control("add_vhost", vhost)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := b.Control("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		o := options(t, b)
		o.URL.VHost = "/carbon"
		r := newRecorder()
		sub, err := NewSubscriber(o, "throttleData", r)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); sub.Run(ctx) }()
		within(t, "subscription on "+vhost, r.subscribed)
		cancel()
		<-done
		await(t, 10*time.Second, "the queue to be gone", func() bool {
			out, err := b.Control("list_queues", "-p", vhost, "--quiet", "name")
			return err == nil && strings.TrimSpace(strings.TrimPrefix(out, "name")) == ""
		})
		if out, err := b.Control("delete_vhost", vhost); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}
