package lease

import (
	"math"
	"sync/atomic"
)

// never is a time that does not come.
const never = math.MaxInt64

// Token is the right to one call of the backend. It holds until the end of its
// window.
type Token struct {
	Window int64 // index of the server's window, counted from the epoch; 0: taken without a lease
	slot   int8  // 1-based; 0: nothing to give back
	turn   uint32
}

// mode is how tokens are had.
type mode int32

const (
	leased mode = iota // from the slots
	paced              // by the local account: shape smooth, on the share or without Redis
	open               // always
)

// hot is what requests touch: words changed by compare-and-swap, never a lock.
// Its owner, the machine, fills and empties it.
type hot struct {
	slots [2]slot
	mode  atomic.Int32
	pace  pace
	// dry is until when no token is to be expected: refuse, do not wait.
	dry atomic.Int64
	// low is the number of tokens at which the owner wants to look; it does
	// not before quiet.
	low   atomic.Int64
	quiet atomic.Int64

	taken, missed atomic.Int64
}

// slot holds tokens that expire together. word is turn<<32 | tokens; until and
// window are set while it has none, between two turns, so that whoever takes
// from a turn has seen what belongs to it.
type slot struct {
	word   atomic.Uint64
	until  atomic.Int64
	window atomic.Int64
}

const tokenMask = 1<<32 - 1

// take gives a token, if there is one.
func (h *hot) take(now int64) (Token, bool) {
	t, ok := h.try(now)
	if ok {
		h.taken.Add(1)
	} else {
		h.missed.Add(1)
	}
	return t, ok
}

func (h *hot) try(now int64) (Token, bool) {
	switch mode(h.mode.Load()) {
	case open:
		return Token{}, true
	case paced:
		return Token{}, h.pace.take(now)
	}
	first := 0
	if h.slots[1].until.Load() < h.slots[0].until.Load() {
		first = 1 // the one that expires earlier
	}
	if t, ok := h.slots[first].take(now); ok {
		t.slot = int8(first + 1)
		return t, true
	}
	t, ok := h.slots[1-first].take(now)
	t.slot = int8(2 - first)
	return t, ok
}

func (s *slot) take(now int64) (Token, bool) {
	for {
		word := s.word.Load()
		if word&tokenMask == 0 || now >= s.until.Load() {
			return Token{}, false
		}
		t := Token{Window: s.window.Load(), turn: uint32(word >> 32)}
		if s.word.CompareAndSwap(word, word-1) {
			return t, true
		}
	}
}

// put gives a token back that was not used, unless its turn is over.
func (h *hot) put(t Token, now int64) bool {
	if t.slot == 0 {
		return false
	}
	s := &h.slots[t.slot-1]
	for {
		word := s.word.Load()
		if uint32(word>>32) != t.turn || now >= s.until.Load() {
			return false
		}
		if s.word.CompareAndSwap(word, word+1) {
			h.taken.Add(-1)
			return true
		}
	}
}

// left tells how many tokens can be taken.
func (h *hot) left(now int64) (n int64) {
	for i := range h.slots {
		if s := &h.slots[i]; now < s.until.Load() {
			n += int64(s.word.Load() & tokenMask)
		}
	}
	return n
}

// spare tells whether the owner should look, a request having found (or left)
// few tokens.
func (h *hot) spare(now int64) bool {
	if now < h.quiet.Load() {
		return true
	}
	switch mode(h.mode.Load()) {
	case paced:
		return true
	case open:
		return false
	}
	return h.left(now) > h.low.Load()
}

// fill begins a turn.
func (s *slot) fill(n, until, window int64) {
	s.drain()
	s.until.Store(until)
	s.window.Store(window)
	s.word.Add(1<<32 | uint64(n))
}

// add gives more tokens to the turn that is on.
func (s *slot) add(n int64) { s.word.Add(uint64(n)) }

// drain ends the turn and gives the tokens that were left.
func (s *slot) drain() int64 {
	for {
		word := s.word.Load()
		if s.word.CompareAndSwap(word, (word>>32+1)<<32) {
			return int64(word & tokenMask)
		}
	}
}

// remove takes up to n tokens out, which nobody took.
func (s *slot) remove(n int64) int64 {
	for {
		word := s.word.Load()
		n = min(n, int64(word&tokenMask))
		if s.word.CompareAndSwap(word, word-uint64(n)) {
			return n
		}
	}
}

// pace is an account of the shape smooth on this node: next is when the
// account is even.
type pace struct {
	next atomic.Int64
	cost atomic.Int64 // nanoseconds a token; 0: none at all
	most atomic.Int64 // how far next may run ahead
}

// set begins with an account that allows one token.
func (p *pace) set(now, cost, most int64) {
	p.cost.Store(0)
	p.most.Store(max(cost, most))
	p.next.Store(max(p.next.Load(), now+max(0, most-cost)))
	p.cost.Store(cost)
}

func (p *pace) take(now int64) bool {
	cost := p.cost.Load()
	if cost == 0 {
		return false
	}
	for {
		next := p.next.Load()
		after := max(next, now) + cost
		if after > now+p.most.Load() {
			return false
		}
		if p.next.CompareAndSwap(next, after) {
			return true
		}
	}
}
