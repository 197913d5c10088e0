package trafficmanager

import "mgw/runtime/internal/limit"

// use is how much several events together take of one count.
type use struct {
	charge
	amount int64
}

// tally sums up what batches take of which count, so that a busy key is counted
// once for all of them.
type tally struct {
	uses  []use
	index map[charge]int

	charges []charge
	props   properties
	late    int // charges whose window was over when their events came
	long    int // charges whose key no gateway would take
	unknown int // tiers that the policies do not have
}

// maxThrottleKey is what gateways read of a throttleKey.
const maxThrottleKey = 4096

func newTally() *tally { return &tally{index: map[charge]int{}} }

func (t *tally) reset() {
	clear(t.index)
	t.uses, t.late, t.long, t.unknown = t.uses[:0], 0, 0, 0
}

// add counts a batch that came just before now.
func (t *tally) add(p *plan, b *batch, now int64) {
	for i := range b.events {
		e := &b.events[i]
		t.props.reset(e.Properties)
		unknown := 0
		t.charges, unknown = p.charges(t.charges[:0], e, &t.props)
		t.unknown += unknown
		for _, c := range t.charges {
			t.charge(c, now-b.age, now)
		}
	}
}

func (t *tally) charge(c charge, happened, now int64) {
	amount := int64(1)
	if c.of.limit.Bytes {
		// Only gateways that know bandwidth tiers tell sizes.
		if amount = t.props.size(); amount == 0 {
			return
		}
	}
	switch {
	case len(c.key) > maxThrottleKey:
		t.long++
		return
	case past(&c.of.limit, happened, now):
		t.late++
		return
	}
	i, ok := t.index[c]
	if !ok {
		i = len(t.uses)
		t.index[c] = i
		t.uses = append(t.uses, use{charge: c})
	}
	t.uses[i].amount += amount
}

// past tells whether what happened then says nothing about a limit now.
func past(l *limit.Limit, happened, now int64) bool {
	if l.Algorithm == limit.FixedWindow {
		return happened < now-now%l.Window
	}
	return happened < now-l.Window
}
