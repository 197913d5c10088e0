package lease

import "math"

// model is lease.lua in Go, for schedules without a server. A test holds the
// two against each other.
type model struct {
	nodes map[string]int64 // name -> expiry
	mark  int64
	state map[string]*modelState

	// onGrant and onReturn see what the script does.
	onGrant  func(key, node string, window, n int64)
	onReturn func(key, node string, window, n int64)
}

type modelState struct {
	id, window, base, gross, ret, used, from, tat, sum, ren, prev, pruned, lost, until, era int64
	entries                                                                                 map[string]*modelEntry
}

type modelEntry struct{ share, renounced, nonce, seen int64 }

func newModel() *model {
	return &model{nodes: map[string]int64{}, state: map[string]*modelState{}}
}

// empty is a restart without data.
func (m *model) empty() {
	m.nodes, m.state, m.mark = map[string]int64{}, map[string]*modelState{}, 0
}

func (m *model) announce(node string, now, live int64) presence {
	delete(m.nodes, node)
	if live > 0 {
		m.nodes[node] = now + live
	}
	for n, until := range m.nodes {
		if until < now || live > 0 && until > now+10*live {
			delete(m.nodes, n)
		}
	}
	if m.mark == 0 {
		m.mark = now
	}
	return presence{time: now * 1000, nodes: int64(len(m.nodes)), since: m.mark}
}

func (s *modelState) missing(now int64) int64 {
	if now >= s.until {
		return 0
	}
	return max(0, s.lost-s.sum)
}

func (s *modelState) holder(renounced int64, smooth bool) *int64 {
	switch {
	case renounced == s.window:
		return &s.ren
	case smooth && renounced == s.window-1:
		return &s.prev
	}
	return nil
}

func (s *modelState) change(renounced, by int64, smooth bool) {
	s.sum += by
	if sum := s.holder(renounced, smooth); sum != nil {
		*sum += by
	}
}

func (m *model) open(key string, now, period, ahead int64, smooth bool) *modelState {
	s := m.state[key]
	if s != nil {
		return s
	}
	if m.mark == 0 || m.mark > now {
		m.mark = now
	}
	s = &modelState{id: now, window: now / period, pruned: now, entries: map[string]*modelEntry{}}
	switch {
	case smooth:
		if now < m.mark+1e6 {
			s.tat = now + ahead
		}
	case period <= 1e6:
		s.from = (m.mark/period + 1) * period
	default:
		s.from = m.mark + 1e6
	}
	m.state[key] = s
	return s
}

// run is one run of the script at the server's time now, in microseconds.
func (m *model) run(node string, now int64, c *call, sp *Spec) answer {
	limit, period, span, burst := sp.Count, sp.period()/1000, int64(sp.Window)/1000, sp.burst()
	hold, smooth := int64(sp.hold())/1000, sp.Smooth
	window := now / period
	ahead := int64(0)
	if smooth {
		ahead = int64(math.Ceil(float64(burst*span) / float64(limit)))
	}
	s := m.open(sp.Key, now, period, ahead, smooth)
	if window > s.window {
		prev := int64(0)
		if smooth && window == s.window+1 {
			prev = s.ren
		}
		s.window, s.base, s.gross, s.ret, s.used, s.ren, s.prev = window, 0, 0, 0, 0, 0, prev
	} else if window < s.window-1 {
		s.window, s.base, s.gross, s.ret, s.used, s.ren, s.prev, s.from = window, limit, 0, 0, 0, 0, 0, 0
		s.era++
		for _, e := range s.entries {
			e.renounced = -9
		}
	}
	current := window == s.window
	if current && c.seen == window && !smooth {
		if c.id == s.id {
			s.gross = max(s.gross, c.gross)
		} else if c.id != 0 {
			s.base = max(s.base, c.most)
		}
		if c.back > 0 && c.id == s.id {
			n := min(c.back, s.base+s.gross-s.ret)
			s.ret += n
			if m.onReturn != nil {
				m.onReturn(sp.Key, node, window, n)
			}
		}
		s.used += c.used
	}
	count := max(1, int64(len(m.nodes)))
	share, late := c.share, false
	if share >= 0 && c.id != 0 && c.id != s.id && c.shares > s.lost {
		s.lost, s.until = c.shares, now+hold
	}
	if share >= 0 {
		share, late = m.shares(s, node, now, window, count, current, c, limit, span, smooth)
		m.prune(s, now, hold, smooth)
	}
	held := max(0, s.sum-s.ren-s.prev) + s.missing(now)
	a := answer{time: now * 1000, window: window, id: s.id, nodes: count, held: held, share: share}
	may := current && !late && now >= s.from && c.asked == window
	if smooth {
		m.smooth(s, c, &a, limit-held, span, ahead, now, may, period)
	} else {
		a.left = max(0, limit-(s.base+s.gross-s.ret)-held)
		if may && a.left > 0 {
			a.granted = min(a.left, max(c.need, min(c.want, max(1, a.left/(2*count)))))
			s.gross += a.granted
			a.left -= a.granted
		}
		if !current || now < s.from {
			a.left = 0
		}
		a.wait = ((window+1)*period - now) * 1000
	}
	if a.granted > 0 && m.onGrant != nil {
		m.onGrant(sp.Key, node, window, a.granted)
	}
	a.gross, a.most, a.account = s.gross, s.base+s.gross-s.ret, s.tat
	a.out = a.most - s.used
	a.open = current && now >= s.from
	a.shares = s.sum
	return a
}

func (m *model) smooth(s *modelState, c *call, a *answer, part, span, ahead, now int64, may bool, period int64) {
	if c.seen <= now+ahead+span {
		s.tat = max(s.tat, c.seen)
	}
	if s.tat > now+ahead+span {
		s.tat = now + ahead
	}
	s.tat = max(s.tat, now)
	if part <= 0 {
		a.wait = period * 1000
		return
	}
	cost := float64(span) / float64(part)
	top := max(ahead, int64(math.Ceil(cost)))
	a.left = max(0, int64(math.Floor(float64(top-(s.tat-now))/cost)))
	if may && a.left > 0 {
		a.granted = min(a.left, max(c.need, min(c.want, max(1, a.left/a.nodes))))
		s.tat += int64(math.Ceil(float64(a.granted) * cost))
		a.left -= a.granted
	}
	a.wait = max(0, int64(math.Ceil(float64(s.tat)+cost-float64(top)-float64(now)))) * 1000
}

func (m *model) shares(s *modelState, node string, now, window, count int64, current bool, c *call, limit, span int64, smooth bool) (share int64, late bool) {
	e := s.entries[node]
	if e == nil {
		e = &modelEntry{renounced: -9}
	} else if int64(c.nonce) <= e.nonce {
		return c.share, true
	}
	by := min(c.share, e.share+max(0, limit-s.sum)) - e.share
	s.change(e.renounced, by, smooth)
	e.share += by
	if by < 0 {
		s.lost = max(0, s.lost+by)
	}
	if s.sum >= s.lost {
		s.lost = 0
	}
	if c.asked == window && current && e.renounced != window {
		if sum := s.holder(e.renounced, smooth); sum != nil {
			*sum -= e.share
		}
		s.ren += e.share
		e.renounced = window
	}
	target := limit / count
	if _, there := m.nodes[node]; c.leaving {
		target = 0
	} else if !there {
		target = min(target, e.share)
	}
	if target > e.share && e.renounced == window && current && now >= s.from {
		by = min(target-e.share, max(0, limit-s.sum-s.missing(now)))
		s.change(e.renounced, by, smooth)
		e.share += by
	}
	e.nonce, e.seen = int64(c.nonce), now
	s.entries[node] = e
	if c.leaving {
		if s.holder(e.renounced, smooth) == nil {
			if smooth {
				s.tat = max(s.tat, now) + int64(math.Ceil(float64(e.share*span)/float64(limit)))
			} else {
				s.base += e.share
			}
		}
		s.change(e.renounced, -e.share, smooth)
		s.lost = max(0, s.lost-e.share)
		delete(s.entries, node)
	}
	return min(e.share, target), false
}

func (m *model) prune(s *modelState, now, hold int64, smooth bool) {
	if now-s.pruned <= hold/4 && now >= s.pruned {
		return
	}
	s.pruned = now
	for name, e := range s.entries {
		if e.seen < now-hold {
			s.change(e.renounced, -e.share, smooth)
			delete(s.entries, name)
		}
	}
}
