package jms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broker is a RabbitMQ of the test's own.
type broker struct {
	port int
	dir  string
	cmd  *exec.Cmd
}

// startBroker starts a broker and waits until it listens.
func startBroker(t *testing.T) *broker {
	t.Helper()
	if _, err := exec.LookPath("rabbitmq-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("left out: ", err)
	}
	b := &broker{dir: t.TempDir(), port: freePort(t)}
	b.start(t)
	t.Cleanup(func() { b.stop(t) })
	return b
}

// freePort gives a port whose distribution port, 20000 above, exists too.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		if port+20000 < 65536 {
			return port
		}
	}
	t.Fatal("no port below 45536 is free")
	return 0
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(b.dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b.cmd = exec.Command("../../../.ci/rabbitmq", fmt.Sprint(b.port), filepath.Join(b.dir, "broker"))
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, 90*time.Second, "the broker to listen", func() bool {
		conn, err := net.Dial("tcp", b.address())
		if err != nil {
			return false
		}
		defer conn.Close()
		// A broker that is still starting accepts and closes.
		conn.Write([]byte("AMQP\x00\x00\x09\x01"))
		conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(make([]byte, 1))
		return n == 1 && err == nil
	})
}

// stop kills the broker and everything it started.
func (b *broker) stop(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
	b.cmd.Wait() // killed: its error says nothing
}

func (b *broker) address() string { return fmt.Sprintf("127.0.0.1:%d", b.port) }

func (b *broker) options(t *testing.T) Options {
	t.Helper()
	u, err := ParseProviderURL("amqp://guest:guest@mgw/?brokerlist='tcp://"+b.address()+"'", nil)
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
	b := startBroker(t)
	r, q := newRecorder(), make(queue)
	sub, err := NewSubscriber(b.options(t), "throttleData", r)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := NewPublisher(b.options(t), "throttleData", q)
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

	b.stop(t)
	within(t, "loss", r.lost)
	b.start(t)
	within(t, "second subscription", r.subscribed)
	q <- Outgoing{Text: []byte("after"), Sent: sent}
	if m := within(t, "message after the broker came back", r.messages); string(m.Text) != "after" {
		t.Errorf("got %+v", m)
	}
}

func TestVirtualHostIsFoundWithAndWithoutItsSlash(t *testing.T) {
	b := startBroker(t)
	for _, vhost := range []string{"carbon", "/carbon"} {
		out, err := b.control("add_vhost", vhost)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := b.control("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		o := b.options(t)
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
			out, err := b.control("list_queues", "-p", vhost, "--quiet", "name")
			return err == nil && strings.TrimSpace(strings.TrimPrefix(out, "name")) == ""
		})
		if out, err := b.control("delete_vhost", vhost); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// control runs rabbitmqctl.
func (b *broker) control(args ...string) (string, error) {
	cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"-n", fmt.Sprintf("mgw-%d@localhost", b.port)}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(b.dir, "broker"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
