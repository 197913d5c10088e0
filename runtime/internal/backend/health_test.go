package backend

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestATargetThatFailedIsHeldLongerEachTime(t *testing.T) {
	var h health
	now := int64(time.Hour)
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		try, ok := h.claim(now, true)
		if !ok || try != (i > 0) {
			t.Fatalf("failure %d: claimed %v, as a try %v", i, ok, try)
		}
		h.failed(now, try, false)
		end := now + int64(want*time.Second)
		if h.open(end-1, true) || !h.open(end, true) {
			t.Errorf("failure %d does not hold for %d s", i, want)
		}
		now = end
	}
	if !h.answered() || h.trouble.Load() || h.answered() {
		t.Error("an answer ends it, and is news once")
	}
}

func TestOfManyFailuresAtATimeOneCounts(t *testing.T) {
	var h health
	now := int64(time.Hour)
	for i := range 50 {
		if news := h.failed(now+int64(i), false, true); news != (i == 0) {
			t.Errorf("failure %d: news %v", i, news)
		}
	}
	if !h.open(now+int64(firstHold), true) {
		t.Error("requests that failed together hold it for longer than one")
	}
}

func TestWhoTriesATargetThatFellSilent(t *testing.T) {
	var h health
	h.failed(0, false, true)
	due := int64(firstHold)
	if h.open(due, false) || h.open(due+int64(mostHold)-1, false) {
		t.Error("a request that cannot be sent again dares it")
	}
	if !h.open(due, true) || !h.open(due+int64(mostHold), false) {
		t.Error("nobody may find out whether it lives")
	}
	if try, ok := h.claim(due, true); !try || !ok || h.open(due, true) {
		t.Error("not one at a time")
	}
	if h.spared(); !h.open(due, true) {
		t.Error("a try that told nothing blocks the next")
	}
}

func TestChecksTurnATarget(t *testing.T) {
	var h health
	const up, down = "up", "down"
	for i, step := range []struct {
		well bool
		want string
	}{
		{false, up}, {true, up}, {false, up}, {false, up}, {false, down}, {false, down},
		{true, down}, {false, down}, {true, down}, {true, up}, {true, up},
	} {
		before := h.word()
		if news := h.checked(step.well, 2, 3); news != (before != step.want) || h.word() != step.want || h.open(0, true) != (step.want == up) {
			t.Fatalf("check %d: %s, news %v", i, h.word(), news)
		}
	}
	if h.trouble.Load() {
		t.Error("it is not as good as new")
	}
}

// Whatever happens: one try at a time, none before its time, and an answer is
// the end of all doubt.
func TestHealthKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h health
		var now, held int64
		trying, down := false, false
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) { now += int64(rapid.IntRange(0, 90_000).Draw(t, "ms")) * int64(time.Millisecond) },
			"claim": func(t *rapid.T) {
				repeatable := rapid.Bool().Draw(t, "repeatable")
				open := h.open(now, repeatable)
				try, ok := h.claim(now, repeatable)
				switch {
				case open != ok:
					t.Fatal("open and claim differ")
				case ok && (now < held || down || try && trying):
					t.Fatalf("claimed at %d, held until %d, down %v, tried %v", now, held, down, trying)
				case !ok && repeatable && now >= held && !trying && !down:
					t.Fatal("nobody may try")
				}
				trying = trying || try
			},
			"fail": func(t *rapid.T) {
				before := held
				mute := rapid.Bool().Draw(t, "mute")
				failures := h.failures
				h.failed(now, trying, mute)
				if trying || failures == 0 {
					held = now + int64(holds(failures+1))
				}
				if held-now > int64(mostHold) && held != before {
					t.Fatal("held for too long")
				}
				trying = false
			},
			"answer": func(*rapid.T) { h.answered(); held, trying = 0, false },
			"spare":  func(*rapid.T) { h.spared(); trying = false },
			"check": func(t *rapid.T) {
				well := rapid.Bool().Draw(t, "well")
				if h.checked(well, 2, 2) {
					down = !well
					if well {
						held, trying = 0, false
					}
				}
			},
			"": func(t *rapid.T) {
				if held == 0 && !down && h.word() != "up" {
					t.Fatal("good health is not seen")
				}
			},
		})
	})
}
