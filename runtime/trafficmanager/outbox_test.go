package trafficmanager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/event"
)

// out is an outbox whose time and whose standing messages a test sets.
type out struct {
	*outbox
	at       time.Time
	standing []event.Message
	held     []*held
}

func newOut() *out {
	o := &out{at: time.UnixMilli(1_000_000)}
	o.outbox = &outbox{
		filled: make(chan struct{}, 1), now: func() time.Time { return o.at },
		decisions: func() []*held { return o.held }, standing: func() []event.Message { return o.standing },
	}
	return o
}

// drain gives what waits, as a broker would get it.
func (o *out) drain(t *testing.T) string {
	t.Helper()
	var all []string
	for !o.drained() {
		m, ok := o.Next(t.Context())
		if !ok {
			t.Fatal("the outbox ended")
		}
		for _, name := range []string{"throttleKey", "keyTemplateValue", "conditionValue"} {
			if v := m.Map[name]; v != nil {
				state := m.Map["keyTemplateState"]
				if state == nil {
					state = m.Map["state"]
				}
				all = append(all, strings.TrimSpace(fmt.Sprint(v, " ", state)))
			}
		}
	}
	return strings.ReplaceAll(strings.Join(all, ", "), " <nil>", "")
}

func TestOutboxGivesEachMessageOnce(t *testing.T) {
	o := newOut()
	o.Connected()
	o.decide([]*held{decision(t, "k1", 2_000_000), decision(t, "over", 1), decision(t, "k2", 2_000_000)})
	o.change(&event.KeyTemplate{Template: "$a"}, false)
	if got, want := o.drain(t), "$a add, k1, k2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	o.confirm()
	if got := o.published.Load(); got != 2 {
		t.Errorf("%d published", got)
	}
}

func TestOutboxGivesEverythingAnewWhenTheBrokerIsBack(t *testing.T) {
	o := newOut()
	o.Connected()
	block := &event.Block{Kind: event.BlockAPI, Value: "/p", ID: 1}
	o.change(block, true)
	o.drain(t) // published, and maybe lost
	o.change(&event.KeyTemplate{Template: "$gone", Remove: true}, true)
	o.change(&event.KeyTemplate{Template: "$new"}, false)
	o.decide([]*held{decision(t, "waits", 2_000_000)})
	o.standing = []event.Message{&event.KeyTemplate{Template: "$new"}}
	o.held = []*held{decision(t, "waits", 2_000_000), decision(t, "older", 2_000_000)}
	o.Connected()
	if got, want := o.drain(t), "/p false, $gone remove, $new add, waits, older"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	o.at = o.at.Add(2 * repeatFor)
	o.Connected()
	if got, want := o.drain(t), "$new add, waits, older"; got != want {
		t.Errorf("long afterwards %s, want %s", got, want)
	}
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOut()
	for range 2 * maxChanges {
		o.change(&event.KeyTemplate{Template: "$a"}, true)
	}
	if len(o.changes) > maxChanges {
		t.Errorf("%d changes wait", len(o.changes))
	}
	many := slices.Repeat([]*held{decision(t, "k", 2_000_000)}, maxOutbox)
	o.decide(many)
	if len(o.queue) > 0 {
		t.Errorf("%d decisions wait for a broker that is away", len(o.queue))
	}
	o.held = many[:5]
	o.Connected()
	o.decide(many)
	o.decide([]*held{decision(t, "missed", 2_000_000)})
	if len(o.queue) > maxOutbox+5 {
		t.Errorf("%d decisions wait for a broker that is slow", len(o.queue))
	}
	o.held = []*held{decision(t, "missed", 2_000_000)}
	last := ""
	for !o.drained() {
		m, _ := o.Next(t.Context())
		last, _ = m.Map["throttleKey"].(string)
	}
	if last != "missed" {
		t.Error("what found no room is not given later")
	}
}

func TestOutboxKnowsWhetherTheBrokerIsThere(t *testing.T) {
	o := newOut()
	if o.connected() {
		t.Error("connected before it was")
	}
	first, lost := context.WithCancel(t.Context())
	o.Connected()
	o.decide([]*held{decision(t, "k", 2_000_000)})
	o.Next(first)
	if !o.connected() {
		t.Error("not connected")
	}
	lost()
	await(t, "the loss to be known", func() bool { return !o.connected() })
	second, lost := context.WithCancel(t.Context())
	defer lost()
	o.Connected()
	o.decide([]*held{decision(t, "k", 2_000_000)})
	o.Next(second)
	if !o.connected() {
		t.Error("not connected again")
	}
}

func TestOutboxWritesTextWhereThatIsAskedFor(t *testing.T) {
	o := newOut()
	o.text = true
	d := decision(t, "k", 2_000_000)
	o.Connected()
	o.decide([]*held{d})
	m, _ := o.Next(t.Context())
	back, err := event.ParseText(m.Text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := back.(*event.Decision); !ok || got.Key != "k" || got.Expiry != d.Expiry || m.Map != nil || m.Sent.UnixMilli() != d.Sent {
		t.Errorf("%+v", m)
	}
}
