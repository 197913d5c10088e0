package throttle

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/spec"
)

// group is a condition group of a tier: requests that fit all of its matches
// have a count of their own (contract 4.8).
type group struct {
	rule        *limit.Rule // nil: not limited
	ip          *spec.IPMatch
	first, last netip.Addr
	values      []valueMatch
}

// valueMatch holds when each of its values is there, not empty, and its
// pattern is found in it; or the other way round.
type valueMatch struct {
	source   valueSource
	patterns []pattern
	invert   bool
}

type valueSource uint8

const (
	fromHeader valueSource = iota
	fromQuery
	fromClaim
)

type pattern struct {
	name string
	re   *regexp.Regexp
}

// group prepares condition group n of a tier.
func (t *Throttle) group(s *spec.Tier, n int, level string, source limit.Source, key keyFunc) (group, error) {
	c := &s.Conditions[n]
	g := group{ip: c.IP}
	var err error
	if c.IP != nil {
		if g.first, g.last, err = addressRange(c.IP.First, c.IP.Last); err != nil {
			return g, fmt.Errorf("tier %s, condition %d: %w", s.Name, n+1, err)
		}
	}
	for source, m := range [...]*spec.ValueMatch{fromHeader: c.Header, fromQuery: c.Query, fromClaim: c.Claim} {
		if m == nil {
			continue
		}
		v, err := newValueMatch(valueSource(source), m.Values, m.Invert)
		if err != nil {
			return g, fmt.Errorf("tier %s, condition %d: %w", s.Name, n+1, err)
		}
		g.values = append(g.values, v)
	}
	if !c.Unlimited {
		// The suffix is what a traffic manager names its groups.
		suffix := suffixCondition + strconv.Itoa(n)
		k := kind{level: level, tier: s.Name + suffix, key: func(x *exchange.Exchange) string { return key(x) + suffix }}
		g.rule, err = t.quotaRule(c.Quota, s.PassOnQuota, k, source)
	}
	return g, err
}

func newValueMatch(source valueSource, values map[string]string, invert bool) (valueMatch, error) {
	v := valueMatch{source: source, invert: invert}
	for name, expr := range values {
		re, err := regexp.Compile(expr)
		if err != nil {
			return valueMatch{}, err
		}
		v.patterns = append(v.patterns, pattern{name, re})
	}
	return v, nil
}

func (g *group) matches(x *exchange.Exchange) bool {
	if g.ip != nil && within(x.Address.Unmap().WithZone(""), g.first, g.last) == g.ip.Invert {
		return false
	}
	for i := range g.values {
		if v := &g.values[i]; v.found(x) == v.invert {
			return false
		}
	}
	return true
}

func (v *valueMatch) found(x *exchange.Exchange) bool {
	for _, p := range v.patterns {
		switch v.source {
		case fromHeader:
			value, _ := x.Request.Lookup(p.name)
			if len(value) == 0 || !p.re.Match(value) {
				return false
			}
		case fromQuery:
			value := queryValue(x.Query, p.name)
			if len(value) == 0 || !p.re.Match(value) {
				return false
			}
		case fromClaim:
			if !claimFits(x.Grant.Principal.Claims[p.name], p.re) {
				return false
			}
		}
	}
	return true
}

// queryValue gives the last value of a query parameter.
func queryValue(query []byte, name string) []byte {
	var found []byte
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		key, value, _ := bytes.Cut(pair, []byte("="))
		if string(unescape(key)) == name {
			found = value
		}
	}
	return unescape(found)
}

// unescape decodes what a form would have encoded; what is not well-formed
// stays as it is.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return b
	}
	if s, err := url.QueryUnescape(string(b)); err == nil {
		return []byte(s)
	}
	return b
}

// claimFits tells whether a pattern is found in a claim, or in any element of
// one that is a list.
func claimFits(claim any, re *regexp.Regexp) bool {
	switch v := claim.(type) {
	case string:
		return v != "" && re.MatchString(v)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return claimFits(e, re) })
	case bool:
		return re.MatchString(strconv.FormatBool(v))
	case float64:
		return re.MatchString(strconv.FormatFloat(v, 'f', -1, 64))
	case fmt.Stringer: // json.Number
		return re.MatchString(v.String())
	}
	return false
}
