package trafficmanager

import (
	"fmt"
	"testing"

	"mgw/runtime/internal/event"
)

func decision(t testing.TB, key string, expiry int64) *held {
	t.Helper()
	d, err := newHeld(&event.Decision{Key: key, Throttled: true, Expiry: expiry, Sent: expiry - 1000})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLedgerTakesWhatIsNewsAndForgetsWhatIsOver(t *testing.T) {
	l := newLedger(2)
	for i, step := range []struct {
		key    string
		expiry int64
		want   bool
	}{
		{"a", 100, true}, {"a", 100, false}, {"a", 90, false}, {"a", 200, true},
		{"b", 100, true}, {"c", 100, false}, {"b", 150, true}, // full, but not for known keys
	} {
		if got := l.add(decision(t, step.key, step.expiry)); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if held, refused := l.size(); held != 2 || refused != 1 {
		t.Errorf("%d held, %d refused", held, refused)
	}
	l.expire(150) // b holds at 150, and a was decided anew
	if held, _ := l.size(); held != 2 {
		t.Errorf("%d held at 150", held)
	}
	l.expire(151)
	if !l.throttles("a", 200) || l.throttles("b", 1) || l.throttles("a", 201) {
		t.Error("wrong keys at 151")
	}
	l.expire(201)
	if held, _ := l.size(); held != 0 || len(l.byExpiry) != 0 {
		t.Errorf("%d held, %v left over", held, l.byExpiry)
	}
}

func TestLedgerForgetsManyInSteps(t *testing.T) {
	l := newLedger(10_000)
	for i := range 3*expireStep + 1 {
		l.add(decision(t, fmt.Sprint(i), 100))
	}
	l.expire(101)
	if held, _ := l.size(); held != 0 {
		t.Errorf("%d held", held)
	}
}

func TestDecisionsReadBackAsTheyWere(t *testing.T) {
	for _, d := range []*event.Decision{
		{Key: "a:u", Throttled: true, Expiry: 7, Sent: 5},
		{Key: "r_default", Throttled: true, Expiry: 7, Sent: 5, Conditional: true},
		{Key: `q"\`, Throttled: true, Expiry: 7, Sent: 5, Conditional: true, Conditions: []event.Group{
			{Headers: &event.Patterns{Values: map[string]string{"a": "b"}, Invert: true}},
		}},
	} {
		h, err := newHeld(d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseHeld(h.json)
		if err != nil {
			t.Fatal(err)
		}
		if string(again.json) != string(h.json) || again.Sent != d.Sent || again.Conditional != d.Conditional {
			t.Errorf("%s became %s", h.json, again.json)
		}
	}
	for _, text := range []string{"", "{", `{"blockingCondition":"API","conditionValue":"/p","state":"true"}`, `{"throttleKey":"k"}`} {
		if _, err := parseHeld([]byte(text)); err == nil {
			t.Errorf("%s passed", text)
		}
	}
}
