package clock

import (
	"testing"
	"time"
)

// at reads the clock as if elapsed had passed since its start.
func (c *Clock) at(elapsed time.Duration) time.Duration {
	return elapsed + time.Duration(c.line.Load().at(int64(elapsed)))
}

func TestStepsOfTheWallClockAreFollowedSlowlyAndNeverBackwards(t *testing.T) {
	for name, step := range map[string]time.Duration{
		"forwards": time.Minute, "backwards": -time.Minute, "a little": 20 * time.Millisecond, "none": 0,
	} {
		t.Run(name, func(t *testing.T) {
			c := New()
			last := time.Duration(0)
			var elapsed time.Duration
			for ; elapsed < 30*time.Minute; elapsed += followEvery / 4 {
				if elapsed%followEvery == 0 {
					c.correct(int64(elapsed), c.wall+int64(elapsed+step))
				}
				now := c.at(elapsed)
				if now < last {
					t.Fatalf("at %v the clock went back from %v to %v", elapsed, last, now)
				}
				if gain := now - last - followEvery/4; elapsed > 0 && (gain > 15*time.Millisecond || gain < -15*time.Millisecond) {
					t.Fatalf("at %v the clock jumped by %v", elapsed, gain)
				}
				last = now
			}
			if off := c.at(elapsed) - elapsed - step; off > 2*time.Millisecond || off < -2*time.Millisecond {
				t.Errorf("after half an hour still off by %v", off)
			}
		})
	}
}

func TestNowIsTheWallClockAtFirst(t *testing.T) {
	c := New()
	if d := time.Since(c.Time()); d < -time.Second || d > time.Second {
		t.Errorf("off by %v", d)
	}
}

func BenchmarkNow(b *testing.B) {
	b.ReportAllocs()
	c := New()
	for b.Loop() {
		c.Now()
	}
}
