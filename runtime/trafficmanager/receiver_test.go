package trafficmanager

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/traffic"
)

// receive hands a body to a receiver with room for 100 events.
func receive(body string, fields ...string) (*receiver, *httptest.ResponseRecorder) {
	c := newReceiver(newQueue(100), newNodes(), func() int64 { return 1e18 })
	return c, c.receive(body, fields...)
}

func (c *receiver) receive(body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, eventPath, strings.NewReader(body))
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func TestReceiverTakesEventsAndRefusesOtherShapesWithTheReason(t *testing.T) {
	const one = `{"event":{"payloadData":{"appKey":"a"}}}`
	for _, tc := range []struct {
		name, body, reason string
		fields             []string
		status, events     int
	}{
		{"one", one, "", nil, 200, 1},
		{"array", "[" + one + "," + one + "]", "", nil, 200, 2},
		{"empty array", "[]", "", nil, 200, 0},
		{"with our fields", one, "", stamped("n", 1, time.Now()), 200, 1},
		{"nothing", "", "not a throttle event", nil, 400, 0},
		{"no JSON", "appKey=a", "not a throttle event", nil, 400, 0},
		{"cut short", one[:20], "not a throttle event", nil, 400, 0},
		{"without payload", `[` + one + `,{"event":{}}]`, "element 1 has no event.payloadData", nil, 400, 0},
		{"attribute that is no text", `{"event":{"payloadData":{"appKey":1}}}`, "not a throttle event", nil, 400, 0},
		{"a number", "1", "not a throttle event", nil, 400, 0},
		{"null", "null", "no event.payloadData", nil, 400, 0},
		{"nested deeply", strings.Repeat("[", 100_000), "not a throttle event", nil, 400, 0},
		{"too much", strings.Repeat(" ", maxEventBody+1), "more than 2097152 bytes", nil, 413, 0},
		{"node alone", one, "belong together", []string{traffic.NodeField, "n"}, 400, 0},
		{"number that is none", one, "belong together", []string{traffic.NodeField, "n", traffic.BatchField, "x", traffic.SentField, "1"}, 400, 0},
		{"negative time", one, "belong together", []string{traffic.NodeField, "n", traffic.BatchField, "1", traffic.SentField, "-1"}, 400, 0},
		{"long name", one, "belong together", stamped(strings.Repeat("n", maxNodeName+1), 1, time.Now()), 400, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, w := receive(tc.body, tc.fields...)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.reason) || tc.status == 200 && w.Body.Len() > 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Header().Get(traffic.ManagerField) == "" {
				t.Error("the answer does not tell that repeats are recognised")
			}
			if got := c.queue.events.Load(); got != int64(tc.events) {
				t.Errorf("%d events queued", got)
			}
			if counted := c.malformed.Load() == 1; counted != (tc.status != 200) {
				t.Error("wrongly counted as malformed")
			}
		})
	}
}

func TestReceiverDropsRepeats(t *testing.T) {
	fields := stamped("n", 7, time.UnixMilli(1e12))
	body := string(bodyWith(event.Event{AppKey: "a"}))
	c, first := receive(body, fields...)
	second := c.receive(body, fields...)
	other := c.receive(body, stamped("n", 8, time.UnixMilli(1e12))...)
	if first.Code != 200 || second.Code != 200 || other.Code != 200 {
		t.Errorf("%d %d %d", first.Code, second.Code, other.Code)
	}
	if c.queue.events.Load() != 2 || c.repeated.Load() != 1 {
		t.Errorf("%d queued, %d repeated", c.queue.events.Load(), c.repeated.Load())
	}
}

func TestReceiverRefusesWhatItHasNoRoomFor(t *testing.T) {
	many := string(bodyWith(repeat(event.Event{AppKey: "a"}, 60)...))
	fields := stamped("n", 2, time.UnixMilli(1e12))
	c, first := receive(many)
	second := c.receive(many, fields...)
	if first.Code != 200 || second.Code != 503 || second.Header().Get("Retry-After") == "" || c.refused.Load() != 1 {
		t.Errorf("%d, then %d %v", first.Code, second.Code, second.Header())
	}
	c.queue.take(nil, nil)
	if again := c.receive(many, fields...); again.Code != 200 || c.repeated.Load() != 0 {
		t.Errorf("what had no room: %d when it came again", again.Code)
	}
	if larger := c.receive(string(bodyWith(repeat(event.Event{}, 200)...))); larger.Code != 503 {
		t.Errorf("more than the queue holds, behind others: %d", larger.Code)
	}
	c.queue.take(nil, nil)
	if larger := c.receive(string(bodyWith(repeat(event.Event{}, 200)...))); larger.Code != 200 {
		t.Errorf("more than the queue holds, alone: %d", larger.Code)
	}
}

func FuzzReceiver(f *testing.F) {
	p := testPlan(f, testPolicies)
	e := event.Event{AppKey: "a", AppTier: "Gold", ResourceKey: "r", ResourceTier: "Conditional", Properties: `{"ip":167772161,"ipv6":"0"}`}
	f.Add(bodyWith(e), "n", "1", "1000")
	f.Add([]byte(`{"event":{"payloadData":{"properties":"{\"ip\":-1}","resourceTier":"Conditional","resourceKey":"r"}}}`), "", "", "")
	f.Add([]byte(`[{"event":{"payloadData":{"properties":"[]","userId":"u"}}}]`), "n", "-1", "99999999999999999999")
	f.Fuzz(func(t *testing.T, body []byte, node, batch, sent string) {
		c := newReceiver(newQueue(100), newNodes(), func() int64 { return 1e18 })
		r := httptest.NewRequest(http.MethodPost, eventPath, bytes.NewReader(body))
		r.Header = http.Header{traffic.NodeField: {node}, traffic.BatchField: {batch}, traffic.SentField: {sent}}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 503 {
			t.Fatalf("%d", w.Code)
		}
		for c.queue.events.Load() > 0 {
			tally := newTally()
			for _, b := range c.queue.take(nil, nil) {
				tally.add(p, b, 1e18)
			}
			for _, u := range tally.uses {
				if u.amount < 1 || len(u.key) > maxThrottleKey {
					t.Fatalf("%+v", u)
				}
			}
		}
	})
}
