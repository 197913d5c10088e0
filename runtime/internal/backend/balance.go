package backend

import (
	"math/bits"

	"mgw/runtime/spec"
)

// set is the targets of an endpoint at one time. It is never changed.
type set struct {
	targets []*target
	groups  []group // the one whose targets are asked first comes first
}

// group is targets of one rank.
type group struct {
	members uint64 // a bit for each
	// turns is whose turn it is, one after the other: indexes of targets, each
	// as often as its weight.
	turns []uint8
}

// maxTargets is what a word has bits for.
const maxTargets = 63

// mostTurns bounds a set's turns; weights that add up to more are scaled down.
const mostTurns = 1000

// newSet takes targets in the order of their ranks.
func newSet(targets []*target) *set {
	s := &set{targets: targets}
	for from, to := 0, 0; from < len(targets); from = to {
		for to = from; to < len(targets) && targets[to].rank == targets[from].rank; {
			to++
		}
		g := group{members: 1<<to - 1<<from, turns: turns(targets[from:to])}
		for i := range g.turns {
			g.turns[i] += uint8(from)
		}
		s.groups = append(s.groups, g)
	}
	return s
}

// turns mixes the targets well: each time all gain their weight, and the one
// that has most gives the sum away.
func turns(targets []*target) []uint8 {
	weights, sum := make([]int, len(targets)), 0
	divisor := 0
	for i, t := range targets {
		weights[i] = max(t.weight, 1)
		divisor = gcd(weights[i], divisor)
		sum += weights[i]
	}
	divisor = max(divisor, (sum+mostTurns-1)/mostTurns, 1)
	sum = 0
	for i := range weights {
		weights[i] = max(weights[i]/divisor, 1)
		sum += weights[i]
	}
	order := make([]uint8, 0, sum)
	credit := make([]int, len(targets))
	for range sum {
		best := 0
		for i := range credit {
			credit[i] += weights[i]
			if credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= sum
		order = append(order, uint8(best))
	}
	return order
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// all has a bit for each target.
func (s *set) all() uint64 { return 1<<len(s.targets) - 1 }

// open gives those of the targets that may be sent a request now.
func (s *set) open(of uint64, now int64, repeatable bool) (open uint64) {
	for rest := of; rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(rest); s.targets[i].health.open(now, repeatable) {
			open |= 1 << i
		}
	}
	return open
}

// next gives the target to ask, of those that were not tried, and whether the
// request finds out how it is. Where none is thought to live one is asked all
// the same. It gives -1 when all were tried.
func (c *course) next(e *endpoint, now int64, repeatable bool) (i int, try bool) {
	s := c.set
	left := s.all() &^ c.tried
	if left == 0 {
		return -1, false
	}
	if len(s.targets) == 1 {
		return 0, false
	}
	// A request takes one turn, however often it is sent.
	if c.attempts == 0 {
		c.turn = e.turn.Add(1)
	}
	turn := c.turn + c.attempts
	c.attempts++
	for open := s.open(left, now, repeatable); open != 0; {
		i = e.choose(s, open, turn)
		try, ok := s.targets[i].health.claim(now, repeatable)
		if ok {
			return i, try
		}
		open &^= 1 << i
	}
	return e.choose(s, left, turn), false
}

// choose gives one of some targets.
func (e *endpoint) choose(s *set, of uint64, turn uint32) int {
	g := &s.groups[0]
	for i := 1; of&g.members == 0; i++ {
		g = &s.groups[i]
	}
	of &= g.members
	n := uint32(len(g.turns))
	best := -1
	for k := range n {
		i := int(g.turns[(turn+k)%n])
		if of&(1<<i) == 0 {
			continue
		}
		if e.algorithm != spec.LeastRequests {
			return i
		}
		if best < 0 || s.targets[i].idler(s.targets[best]) {
			best = i
		}
		if of &^= 1 << i; of == 0 {
			break
		}
	}
	return best
}

// idler tells whether a target has fewer requests for its weight.
func (t *target) idler(than *target) bool {
	return t.flights.Load()*int64(max(than.weight, 1)) < than.flights.Load()*int64(max(t.weight, 1))
}
