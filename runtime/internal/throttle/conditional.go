package throttle

import (
	"maps"
	"strings"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// conditional is what a manager has decided about the condition groups of one
// API or resource (contract 4.6 and 4.8). It is never changed, only replaced.
type conditional struct {
	named    []decidedGroup // condition_N, in the order they came
	fallback uint64         // hash of KEY_default; 0: there is none
	exempt   []group        // the default group spares requests that fit one of these
	expires  int64          // when the last of all this does, in milliseconds
}

// decidedGroup is one group with the hash of its key.
type decidedGroup struct {
	name   string
	hash   uint64
	groups []group
}

const (
	suffixDefault   = "_default"
	suffixCondition = "_condition_"
)

// splitKey cuts the group's name off a manager's key: the part after the last
// suffix that is one.
func splitKey(key string) (base, name string, ok bool) {
	if base, ok = strings.CutSuffix(key, suffixDefault); ok {
		return base, suffixDefault, true
	}
	n := strings.LastIndex(key, suffixCondition)
	if n < 0 {
		return key, "", false
	}
	for _, c := range key[n+len(suffixCondition):] {
		if c < '0' || c > '9' {
			return key, "", false
		}
	}
	return key[:n], key[n:], true
}

// index notes the condition groups of a decision. A group whose pattern cannot
// be read fits no request.
func (d *Decisions) index(m *event.Decision) {
	base, name, ok := splitKey(m.Key)
	if !ok {
		return
	}
	hash := d.hashString(m.Key)
	var groups []group
	for _, g := range m.Conditions {
		if compiled, ok := d.compile(g); ok {
			groups = append(groups, compiled)
		}
	}
	at := d.hashString(base)
	s := d.shard(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := new(conditional)
	if old := s.groups[at]; old != nil {
		*next = *old
		next.named = append([]decidedGroup(nil), old.named...)
	}
	next.expires = max(next.expires, m.Expiry)
	if name == suffixDefault {
		next.fallback, next.exempt = hash, groups
	} else {
		next.set(decidedGroup{name, hash, groups})
	}
	s.groups[at] = next
}

func (c *conditional) set(g decidedGroup) {
	for i := range c.named {
		if c.named[i].name == g.name {
			c.named[i] = g
			return
		}
	}
	c.named = append(c.named, g)
}

func (d *Decisions) sweepGroups(now int64) {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		maps.DeleteFunc(s.groups, func(_ uint64, c *conditional) bool { return c.expires < now })
		s.mu.Unlock()
	}
}

// throttledResource tells whether a request to an API or resource is refused:
// by the first named group that it fits, else by the default group unless it
// fits one that this spares.
func (d *Decisions) throttledResource(hash uint64, x *exchange.Exchange) (int64, bool) {
	s := d.shard(hash)
	s.mu.RLock()
	c := s.groups[hash]
	s.mu.RUnlock()
	if c == nil {
		return 0, false
	}
	for i := range c.named {
		for j := range c.named[i].groups {
			if c.named[i].groups[j].matches(x) {
				return d.throttled(c.named[i].hash)
			}
		}
	}
	if c.fallback == 0 {
		return 0, false
	}
	for i := range c.exempt {
		if c.exempt[i].matches(x) {
			return 0, false
		}
	}
	return d.throttled(c.fallback)
}

// compile turns a group as it travels into one that requests are compared
// with. Kinds of conditions that are switched off count as fitting. Patterns
// are Java's; those that RE2 does not know cannot be honoured.
func (d *Decisions) compile(g event.Group) (group, bool) {
	out := group{}
	if s := g.IP; s != nil {
		out.ip = &spec.IPMatch{Invert: s.Invert}
		out.first, out.last = s.First, s.Last
		if s.Exclusive {
			out.first, out.last = s.First.Next(), s.Last.Prev()
		}
	}
	for source, p := range [...]*event.Patterns{fromHeader: g.Headers, fromQuery: g.Queries, fromClaim: g.Claims} {
		if p == nil || !d.options.looksAt(valueSource(source)) {
			continue
		}
		v, err := newValueMatch(valueSource(source), p.Values, p.Invert)
		if err != nil {
			return group{}, false
		}
		out.values = append(out.values, v)
	}
	return out, true
}
