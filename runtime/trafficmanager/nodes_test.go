package trafficmanager

import (
	"fmt"
	"testing"
)

func TestBatchesAreTakenOnce(t *testing.T) {
	n := newNodes()
	room := true
	accept := func(node string, number uint64, sent int64) string {
		taken, repeated := n.accept(stamp{node, number, sent}, 1e15, func(int64) bool { return room })
		switch {
		case taken:
			return "taken"
		case repeated:
			return "repeated"
		}
		return "no room"
	}
	for i, step := range []struct {
		node   string
		number uint64
		sent   int64
		room   bool
		want   string
	}{
		{"a", 1, 1000, true, "taken"},
		{"a", 1, 1000, true, "repeated"},
		{"b", 1, 1000, true, "taken"},
		{"a", 3, 1002, true, "taken"},
		{"a", 2, 1001, true, "taken"}, // they may overtake each other
		{"a", 2, 1001, true, "repeated"},
		{"a", 4, 1003, false, "no room"},
		{"a", 4, 1003, true, "taken"}, // what had no room comes again
		{"a", 1, 2000, true, "taken"}, // restarted
		{"a", 1, 2000, true, "repeated"},
		{"a", 1, 1000, true, "repeated"},
		{"a", 1 + nodeSlots, 3000, true, "taken"},
		{"a", 1, 2000, true, "repeated"}, // too old to be known
	} {
		room = step.room
		if got := accept(step.node, step.number, step.sent); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

func TestAgeOfBatchesWithClocksThatDiffer(t *testing.T) {
	const ms = int64(1e6)
	for _, ahead := range []int64{-3_600_000, -7, 0, 7, 3_600_000} { // of the gateway's clock, in milliseconds
		k := node{nearest: 1 << 62, since: 0}
		for i, step := range []struct{ happened, arrived, want int64 }{
			{1000, 1005, 0}, // nothing better is known
			{1010, 1012, 0}, // 2 ms away
			{1020, 1030, 8}, // held up
			{1020, 3020, 1998},
		} {
			if got := k.age(step.happened+ahead+1e9, (step.arrived+1e9)*ms); got != step.want*ms {
				t.Errorf("clock %d ms ahead, batch %d: %d ms, want %d", ahead, i, got/ms, step.want)
			}
		}
	}
}

func TestAgeFollowsClocksThatDrift(t *testing.T) {
	k := node{nearest: 1 << 62}
	const ms = int64(1e6)
	k.age(1_000_000, 1_000_000*ms)
	later := int64(1_000_000) + nearestFor/ms + 1
	if got := k.age(later-50, later*ms); got != 0 {
		t.Errorf("%d ms behind after a long time: age %d", 50, got)
	}
}

func TestGatewaysRememberedAreBounded(t *testing.T) {
	n := newNodes()
	for i := range maxNodes + 10 {
		n.accept(stamp{fmt.Sprint(i), 1, 1}, int64(i), func(int64) bool { return true })
	}
	if got := n.count(); got != maxNodes {
		t.Errorf("%d gateways", got)
	}
	if _, repeated := n.accept(stamp{"20", 1, 1}, 1e9, func(int64) bool { return true }); !repeated {
		t.Error("a gateway that was heard lately was forgotten")
	}
}
