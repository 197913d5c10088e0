package limit

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// modelKey is what the package promises of one key, as slow and plain as
// possible: every charge, one by one.
type modelKey struct {
	rule   *Rule
	uses   []int64 // times that it was charged at
	flying int64
	seen   int64 // the latest time that it was looked at; time does not go back for it
	known  bool  // it has a slot
}

// window gives the end of the window that a time lies in.
func (k *modelKey) window(at int64) int64 { return at/k.rule.Window*k.rule.Window + k.rule.Window }

// within counts the uses in the window that ends at end.
func (k *modelKey) within(end int64) int64 {
	n := int64(0)
	for _, at := range k.uses {
		if k.window(at) == end {
			n++
		}
	}
	return n
}

// filled gives when the bucket is full.
func (k *modelKey) filled() int64 {
	full := int64(0)
	for _, at := range k.uses {
		full = max(full, at) + k.rule.interval
	}
	return full
}

// spent gives the uses that count against the limit now.
func (k *modelKey) spent() int64 {
	r, end := k.rule, k.window(k.seen)
	switch r.Algorithm {
	case FixedWindow:
		return k.within(end)
	case SlidingWindow:
		return (k.within(end-r.Window)*(end-k.seen)+r.Window-1)/r.Window + k.within(end)
	case TokenBucket:
		return (max(k.filled()-k.seen, 0) + r.interval - 1) / r.interval
	}
	return k.flying
}

// forget is what a sweep does to a key that says nothing any more.
func (k *modelKey) forget(now int64) {
	idle := now >= k.window(k.seen)
	switch k.rule.Algorithm {
	case SlidingWindow:
		idle = idle && (k.within(k.window(k.seen)) == 0 || now >= k.window(k.seen)+k.rule.Window)
	case TokenBucket:
		idle = now >= max(k.filled(), k.seen)
	case Concurrency:
		idle = k.flying == 0
	}
	k.known = k.known && !idle
}

// machine runs the table and the model beside each other.
type machine struct {
	table    *Table
	now      int64
	floor    int64 // of the last sweep
	keys     []*modelKey
	counters []*Counter
	open     []request
	idle     *Counter // given up by each sweep
}

// request is one that passed and has not ended.
type request struct {
	charge *Charge
	keys   []*modelKey
}

func newMachine(t *rapid.T) *machine {
	m := &machine{table: New(Budget{}), now: 1000 * minute}
	for i := range rapid.IntRange(1, 5).Draw(t, "keys") {
		r, err := m.table.Rule(fmt.Sprint(i), Source(rapid.IntRange(0, 1).Draw(t, "source")), Limit{
			Algorithm: Algorithm(rapid.IntRange(0, 3).Draw(t, "algorithm")),
			Count:     rapid.Int64Range(1, 5).Draw(t, "count"),
			Window:    rapid.SampledFrom([]int64{1000, 1500, 60_000}).Draw(t, "window"),
		})
		if err != nil {
			t.Fatal(err)
		}
		c := new(Counter)
		m.table.BindString(c, r, "key")
		m.keys, m.counters = append(m.keys, &modelKey{rule: r}), append(m.counters, c)
	}
	r, _ := m.table.Rule("idle", Verified, Limit{Algorithm: Concurrency, Count: 1})
	m.idle = new(Counter)
	m.table.BindString(m.idle, r, "key")
	return m
}

// look brings a key to the present, or to the latest time it knows of.
func (m *machine) look(k *modelKey) {
	if !k.known {
		k.known, k.seen = true, max(m.floor, k.seen)
	}
	k.seen = max(k.seen, m.now)
}

func (m *machine) take(t *rapid.T) {
	var list []*Counter
	want := Passed
	r := request{charge: m.table.NewCharge()}
	for i, k := range m.keys {
		if !rapid.Bool().Draw(t, "level") {
			continue
		}
		if want == Passed {
			m.look(k)
			if k.spent() >= k.rule.Count {
				want = len(list)
			}
		}
		r.keys, list = append(r.keys, k), append(list, m.counters[i])
	}
	d := r.charge.Take(m.now, list)
	if d.Refused != want {
		t.Fatalf("refused at %d, want %d", d.Refused, want)
	}
	if want != Passed {
		m.waited(t, r.keys[want], d.Wait)
		return
	}
	for _, k := range r.keys {
		k.uses, k.flying = append(k.uses, k.seen), k.flying+1
	}
	for i, s := range r.charge.States(nil) {
		if got := s.Count - s.Remaining; got != r.keys[i].spent() {
			t.Fatalf("level %d says %d are spent, want %d", i, got, r.keys[i].spent())
		}
	}
	m.open = append(m.open, r)
}

// waited holds the time a refusal names against the model: then a use passes,
// a little earlier it does not.
func (m *machine) waited(t *rapid.T, k *modelKey, wait int64) {
	if k.rule.Algorithm == Concurrency {
		return
	}
	then := *k
	if then.seen = max(k.seen, m.now+wait); then.spent() >= k.rule.Count {
		t.Fatalf("after the time to wait %d are spent of %d", then.spent(), k.rule.Count)
	}
	if then.seen = max(k.seen, m.now+wait-1); then.spent() < k.rule.Count {
		t.Fatalf("less time to wait is enough")
	}
}

// end completes a request, which gave its charge back if refund says so.
func (m *machine) end(t *rapid.T, refund bool) {
	if len(m.open) == 0 {
		t.Skip("nothing is open")
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(t, "which")
	if refund {
		// A later refund is another matter: what it may give back depends on
		// what happened meanwhile.
		if i = len(m.open) - 1; m.open[i].charge.now != m.now || m.changed(m.open[i]) {
			t.Skip("too late")
		}
		m.open[i].charge.Refund(m.now)
		for _, k := range m.open[i].keys {
			k.uses = k.uses[:len(k.uses)-1]
		}
	}
	m.open[i].charge.Done(m.now, 0)
	for _, k := range m.open[i].keys {
		k.flying--
	}
	m.open = slices.Delete(m.open, i, i+1)
}

// changed tells whether a key has moved on since a request was charged.
func (m *machine) changed(r request) bool {
	return slices.ContainsFunc(r.keys, func(k *modelKey) bool {
		return k.seen != m.now || len(k.uses) == 0 || k.uses[len(k.uses)-1] != m.now || !k.known
	})
}

func (m *machine) sweep(*rapid.T) {
	// Something is given up at every sweep, so that the time of it counts.
	c := m.table.NewCharge()
	c.Take(m.now, []*Counter{m.idle})
	c.Done(m.now, 0)
	m.table.Sweep(m.now)
	m.floor = max(m.floor, m.now)
	for _, k := range m.keys {
		k.forget(m.now)
	}
}

// Random requests over random levels, some refunded, while time passes and
// steps back and the table is swept: each decision is the model's.
func TestEachDecisionIsTheModels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"take":        m.take,
			"end":         func(t *rapid.T) { m.end(t, false) },
			"refund":      func(t *rapid.T) { m.end(t, true) },
			"sweep":       m.sweep,
			"time passes": func(t *rapid.T) { m.now += rapid.Int64Range(0, 2000).Draw(t, "by") },
			"time steps":  func(t *rapid.T) { m.now += rapid.Int64Range(-70_000, 70_000).Draw(t, "by") },
		})
	})
}
