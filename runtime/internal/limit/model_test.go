package limit

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// model is what the package promises, as slow and plain as possible: the
// charges of each key, one by one.
type model struct {
	latest int64           // windows never go back
	uses   map[int][]int64 // times at which a key was charged, by key
	flying map[int]int
}

// modelWindow gives the end of the window that a time lies in.
func modelWindow(r *Rule, now int64) int64 { return now/r.Window*r.Window + r.Window }

func (m *model) refuses(key int, r *Rule, now int64) bool {
	switch r.Algorithm {
	case FixedWindow:
		n := int64(0)
		for _, at := range m.uses[key] {
			if modelWindow(r, at) == modelWindow(r, now) {
				n++
			}
		}
		return n >= r.Count
	case SlidingWindow:
		end := modelWindow(r, now)
		current, previous := int64(0), int64(0)
		for _, at := range m.uses[key] {
			switch modelWindow(r, at) {
			case end:
				current++
			case end - r.Window:
				previous++
			}
		}
		return (previous*(end-now)+r.Window-1)/r.Window+current >= r.Count
	case TokenBucket:
		full := int64(0)
		for _, at := range m.uses[key] {
			full = max(full, at) + r.interval
		}
		return full-now > r.tolerance-r.interval
	}
	return int64(m.flying[key]) >= r.Count
}

// TestAgainstTheModel runs random requests over random levels, refunds and
// ends some of them, lets time pass and step back, sweeps, and compares each
// decision with the model's.
func TestAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := New(Budget{})
		now := 1000 * minute
		var counters []*Counter
		for i := range rapid.IntRange(1, 6).Draw(t, "keys") {
			r, err := table.Rule(fmt.Sprint(i), Source(rapid.IntRange(0, 1).Draw(t, "source")), Limit{
				Algorithm: Algorithm(rapid.IntRange(0, 3).Draw(t, "algorithm")),
				Count:     rapid.Int64Range(1, 5).Draw(t, "count"),
				Window:    rapid.SampledFrom([]int64{1000, 1500, 60_000}).Draw(t, "window"),
			})
			if err != nil {
				t.Fatal(err)
			}
			c := new(Counter)
			table.BindString(c, r, "key")
			counters = append(counters, c)
		}
		m := &model{uses: map[int][]int64{}, flying: map[int]int{}}
		type running struct {
			charge *Charge
			keys   []int
			at     int64
		}
		var open []running
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				var keys []int
				var list []*Counter
				want := Passed
				at := max(now, m.latest)
				for i, c := range counters {
					if !rapid.Bool().Draw(t, "level") {
						continue
					}
					if want == Passed && m.refuses(i, c.rule, at) {
						want = len(list)
					}
					keys, list = append(keys, i), append(list, c)
				}
				charge := table.NewCharge()
				d := charge.Take(now, list)
				if d.Refused != want {
					t.Fatalf("refused at %d, want %d", d.Refused, want)
				}
				if want != Passed {
					return
				}
				m.latest = at
				for _, i := range keys {
					m.uses[i] = append(m.uses[i], at)
					m.flying[i]++
				}
				open = append(open, running{charge, keys, at})
			},
			"end": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				open[i].charge.Done(now, 0)
				for _, key := range open[i].keys {
					m.flying[key]--
				}
				open = append(open[:i], open[i+1:]...)
			},
			"refund": func(t *rapid.T) {
				// At once: later refunds are tested by themselves.
				if len(open) == 0 || open[len(open)-1].at != max(now, m.latest) {
					t.Skip()
				}
				last := open[len(open)-1]
				last.charge.Refund(last.at)
				last.charge.Done(last.at, 0)
				for _, key := range last.keys {
					m.uses[key] = m.uses[key][:len(m.uses[key])-1]
					m.flying[key]--
				}
				open = open[:len(open)-1]
			},
			"time passes": func(t *rapid.T) { now = max(now, m.latest) + rapid.Int64Range(0, 2000).Draw(t, "by") },
			"sweep":       func(t *rapid.T) { m.latest = max(now, m.latest); table.Sweep(m.latest) },
		})
	})
}
