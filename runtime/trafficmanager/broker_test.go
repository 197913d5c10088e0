package trafficmanager

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/jms"
	"mgw/runtime/internal/jms/brokertest"
)

// common is the broker of all tests that leave theirs alone; they run one after
// the other. TestMain ends it.
var (
	common       *brokertest.Broker
	commonFolder string
)

func commonBroker(t testing.TB) *brokertest.Broker {
	t.Helper()
	if common == nil {
		dir, err := os.MkdirTemp("", "trafficmanager-broker-")
		if err != nil {
			t.Fatal(err)
		}
		commonFolder = dir
		common = brokertest.StartIn(t, dir)
	}
	return common
}

// endCommonBroker gives back what commonBroker started.
func endCommonBroker() {
	if common == nil {
		return
	}
	if err := common.Kill(); err != nil {
		fmt.Fprintln(os.Stderr, "ending the broker:", err)
	}
	os.RemoveAll(commonFolder)
}

// conf is the configuration of a manager that publishes there.
// brokerConf is the configuration of a manager with a broker.
func brokerConf(b *brokertest.Broker) string { return "broker.providerUrl = \"" + b.URL() + "\"\n" }

// listener is a gateway's end of the topic: what arrived and when.
type listener struct {
	mu         sync.Mutex
	messages   []event.Message
	text       int
	arrived    map[string]time.Time // throttleKey -> when
	subscribed chan struct{}
	errors     []error
}

func (l *listener) Subscribed(context.Context) { l.subscribed <- struct{}{} }
func (l *listener) Lost()                      {}
func (l *listener) Received(m jms.Message, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parsed event.Message
	switch {
	case err != nil:
	case m.Map != nil:
		parsed, err = event.ParseMap(m.Map, m.Sent.UnixMilli())
	default:
		l.text++
		parsed, err = event.ParseText(m.Text, m.Sent.UnixMilli())
	}
	if err != nil {
		l.errors = append(l.errors, err)
		return
	}
	if d, ok := parsed.(*event.Decision); ok {
		l.arrived[d.Key] = time.Now()
	}
	l.messages = append(l.messages, parsed)
}

// listen subscribes until the test ends.
func listenTo(t testing.TB, b *brokertest.Broker) *listener {
	t.Helper()
	u, err := jms.ParseProviderURL(b.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{arrived: map[string]time.Time{}, subscribed: make(chan struct{}, 100)}
	s, err := jms.NewSubscriber(jms.Options{URL: u, Log: slog.New(slog.DiscardHandler)}, topic, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(start(s.Run))
	l.wait(t)
	return l
}

func (l *listener) wait(t testing.TB) {
	t.Helper()
	select {
	case <-l.subscribed:
	case <-time.After(30 * time.Second):
		t.Fatal("no subscription in 30 s")
	}
}

// keys gives the keys of decisions that arrived, in their order.
func (l *listener) keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []string
	for _, m := range l.messages {
		if d, ok := m.(*event.Decision); ok {
			keys = append(keys, d.Key)
		}
	}
	return keys
}

func (l *listener) has(key string) bool { return slices.Contains(l.keys(), key) }

func (l *listener) find(match func(event.Message) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.messages, match)
}

func blockOf(id int64, active bool) func(event.Message) bool {
	return func(m event.Message) bool {
		b, ok := m.(*event.Block)
		return ok && b.ID == id && b.Active == active
	}
}

func templateOf(text string, remove bool) func(event.Message) bool {
	return func(m event.Message) bool {
		k, ok := m.(*event.KeyTemplate)
		return ok && k.Template == text && k.Remove == remove
	}
}

func connect(t testing.TB, f *fixture) *fixture {
	t.Helper()
	await(t, "the manager to reach the broker", f.outbox.connected)
	return f
}

func TestDecisionsReachGatewaysOnceAndSoon(t *testing.T) {
	b := commonBroker(t)
	for _, format := range []string{"map", "text"} {
		t.Run(format, func(t *testing.T) {
			l := listenTo(t, b)
			f := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)+"broker.messageFormat = '"+format+"'\n"), testPolicies))
			e := event.Event{AppKey: "k", AppTier: "Gold", ResourceKey: "r", ResourceTier: "Plain"}
			f.post(t, repeat(e, 9)...)
			f.post(t, repeat(e, 9)...)
			f.counted(t)
			await(t, "the decisions", func() bool { return l.has("k") && l.has("r_default") })
			if status, _ := f.ask(t, "POST", templatesPath, `{"keyTemplate":"last"}`); status != 201 {
				t.Fatal(status)
			}
			await(t, "the last message", func() bool { return l.find(templateOf("last", false)) })
			keys := l.keys()
			slices.Sort(keys)
			if want := []string{"::", "k", "r_default"}; !slices.Equal(keys, want) || len(l.errors) > 0 {
				t.Errorf("%v, want %v; %v", keys, want, l.errors)
			}
			if (l.text > 0) != (format == "text") {
				t.Errorf("%d text messages", l.text)
			}
			held := f.ledger.some([]string{"r_default"})[0]
			if !l.find(func(m event.Message) bool {
				d, ok := m.(*event.Decision)
				return ok && d.Key == "r_default" && d.Throttled && d.Conditional && d.Expiry == held.Expiry && d.Sent == held.Sent
			}) {
				t.Error("the decision on a resource is not what the manager holds")
			}
		})
	}
}

func TestAdminChangesReachGatewaysAtOnce(t *testing.T) {
	b := commonBroker(t)
	l := listenTo(t, b)
	f := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)), testPolicies))
	await(t, "the policies' template", func() bool { return l.find(templateOf("$userId:$apiContext:$clientIp", false)) })
	f.ask(t, "POST", blocksPath, `{"conditionType":"IP","conditionValue":{"fixedIp":"10.0.0.1"}}`)
	await(t, "the condition", func() bool { return l.find(blockOf(1, true)) })
	f.ask(t, "POST", templatesPath, `{"keyTemplate":"$appId"}`)
	await(t, "the template", func() bool { return l.find(templateOf("$appId", false)) })
	f.ask(t, "DELETE", blocksPath+"/1", "")
	await(t, "the end of the condition", func() bool { return l.find(blockOf(1, false)) })
	f.ask(t, "DELETE", templatesPath+"?keyTemplate=%24appId", "")
	await(t, "the end of the template", func() bool { return l.find(templateOf("$appId", true)) })
}

// wire is the network between a manager and a broker, which can be cut.
type wire struct {
	address, to string

	mu    sync.Mutex
	ln    net.Listener
	conns []net.Conn
	group sync.WaitGroup
}

func newWire(t testing.TB, to string) *wire {
	t.Helper()
	w := &wire{address: "127.0.0.1:0", to: to}
	w.mend(t)
	t.Cleanup(w.cut)
	return w
}

// mend lets connections through from now on.
func (w *wire) mend(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	w.ln, w.address = ln, ln.Addr().String()
	w.group.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", w.to)
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			w.group.Go(func() { io.Copy(out, in); out.Close() })
			w.group.Go(func() { io.Copy(in, out); in.Close() })
		}
	})
}

// cut ends all connections and lets none through.
func (w *wire) cut() {
	w.ln.Close()
	w.mu.Lock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
	w.mu.Unlock()
	w.group.Wait()
}

func TestBrokerThatWasAwayGetsWhatStillMatters(t *testing.T) {
	b := commonBroker(t)
	l := listenTo(t, b)
	w := newWire(t, b.Address())
	f := connect(t, run(t, conf(t, t.TempDir(), "broker.providerUrl = \"amqp://guest:guest@mgw/?brokerlist='tcp://"+w.address+"'\"\n"),
		testPolicies+"  - soon: {keyTemplate: \"soon:$appId\", count: 1, unitTime: 1, timeUnit: sec}\n"))
	f.ask(t, "POST", blocksPath, `{"conditionType":"API","conditionValue":"/p"}`)
	await(t, "the condition", func() bool { return l.find(blockOf(1, true)) })
	w.cut()
	await(t, "the loss to be known", func() bool { return !f.outbox.connected() })
	e := gold
	e.AppID = "1"
	f.post(t, e, e, e)
	f.ask(t, "POST", blocksPath, `{"conditionType":"API","conditionValue":"/q"}`)
	f.ask(t, "DELETE", blocksPath+"/1", "")
	if _, body := f.ask(t, "GET", "/health?verbose", ""); body != `{"status":"healthy","broker":"away","store":"ok"}`+"\n" {
		t.Error(body)
	}
	f.counted(t)
	await(t, "the decision of a second to be over", func() bool { return f.throttled(t)["soon:1"] == nil })
	w.mend(t)
	await(t, "everything that holds", func() bool {
		return l.has("a:u") && l.find(blockOf(2, true)) && l.find(blockOf(1, false))
	})
	if l.has("soon:1") {
		t.Error("what was over came too")
	}
}

func TestManagerOutlivesItsBroker(t *testing.T) {
	b := brokertest.Start(t)
	f := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)), testPolicies))
	b.Stop(t)
	await(t, "the loss to be known", func() bool { return !f.outbox.connected() })
	f.post(t, gold, gold, gold)
	b.Start(t)
	connect(t, f)
	l := listenTo(t, b)
	f.post(t, repeat(event.Event{AppKey: "later", AppTier: "Gold"}, 3)...)
	await(t, "a decision", func() bool { return l.has("later") })
}

func TestDelayFromTheCrossingEventToTheLastGateway(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: measures")
	}
	b := commonBroker(t)
	gateways := make([]*listener, 10)
	for i := range gateways {
		gateways[i] = listenTo(t, b)
	}
	f := connect(t, run(t, conf(t, t.TempDir(), brokerConf(b)), "applicationPolicies:\n  - One: {count: 1, unitTime: 1, timeUnit: year}\n"))
	var delays []time.Duration
	for i := range 100 {
		key := fmt.Sprint("k", i)
		began := time.Now()
		f.post(t, event.Event{AppKey: key, AppTier: "One"})
		await(t, "all gateways to know", func() bool {
			return !slices.ContainsFunc(gateways, func(l *listener) bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				_, ok := l.arrived[key]
				return !ok
			})
		})
		last := began
		for _, l := range gateways {
			if at := l.arrived[key]; at.After(last) {
				last = at
			}
		}
		delays = append(delays, last.Sub(began))
	}
	slices.Sort(delays)
	t.Logf("event to the last of %d gateways: median %v, 95 of 100 within %v, slowest %v", len(gateways), delays[50], delays[95], delays[99])
	if delays[50] > 20*time.Millisecond {
		t.Errorf("median %v", delays[50])
	}
}
