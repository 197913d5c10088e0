package trafficmanager

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"mgw/runtime/internal/event"
	"mgw/runtime/spec"
)

// condition is a condition group: an event fits when all of its matches hold.
type condition struct {
	address *event.IPSpan
	values  []valueMatch
}

// valueMatch holds when each value is there, not empty, and its pattern is
// found in it; inverted, when not.
type valueMatch struct {
	patterns map[string]*regexp.Regexp
	folded   bool // names of header fields know no case
	invert   bool
}

// newCondition prepares a condition group, and gives it as gateways are told of
// it.
func newCondition(s *spec.Condition) (condition, event.Group, error) {
	var c condition
	var told event.Group
	if s.IP != nil {
		first, err := netip.ParseAddr(s.IP.First)
		if err != nil {
			return c, told, err
		}
		last, err := netip.ParseAddr(s.IP.Last)
		if err != nil {
			return c, told, err
		}
		c.address = &event.IPSpan{First: first, Last: last, Invert: s.IP.Invert}
		told.IP = c.address
	}
	for _, m := range []struct {
		from   *spec.ValueMatch
		to     **event.Patterns
		folded bool
	}{{s.Header, &told.Headers, true}, {s.Query, &told.Queries, false}, {s.Claim, &told.Claims, false}} {
		if m.from == nil {
			continue
		}
		v, err := newValueMatch(m.from)
		if err != nil {
			return c, told, err
		}
		v.folded = m.folded
		c.values = append(c.values, v)
		*m.to = &event.Patterns{Values: m.from.Values, Invert: m.from.Invert}
	}
	return c, told, nil
}

func newValueMatch(m *spec.ValueMatch) (valueMatch, error) {
	v := valueMatch{patterns: map[string]*regexp.Regexp{}, invert: m.Invert}
	for name, expr := range m.Values {
		re, err := regexp.Compile(expr)
		if err != nil {
			return v, fmt.Errorf("the pattern for %s: %w", name, err)
		}
		v.patterns[name] = re
	}
	return v, nil
}

func (c *condition) matches(p *properties) bool {
	if s := c.address; s != nil {
		a := p.address()
		within := a.IsValid() && a.BitLen() == s.First.BitLen() && s.First.Compare(a) <= 0 && a.Compare(s.Last) <= 0
		if within == s.Invert {
			return false
		}
	}
	for i := range c.values {
		if v := &c.values[i]; v.found(p) == v.invert {
			return false
		}
	}
	return true
}

func (v *valueMatch) found(p *properties) bool {
	for name, re := range v.patterns {
		if !fits(p.value(name, v.folded), re) {
			return false
		}
	}
	return true
}

// fits tells whether a pattern is found in a value, or in an element of one
// that is a list.
func fits(value any, re *regexp.Regexp) bool {
	switch v := value.(type) {
	case string:
		return v != "" && re.MatchString(v)
	case json.Number:
		return re.MatchString(v.String())
	case bool:
		return re.MatchString(strconv.FormatBool(v))
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return fits(e, re) })
	}
	return false
}
