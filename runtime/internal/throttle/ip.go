package throttle

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// engagement is an IP policy at one API or operation, whose callers it counts
// apart from those of any other.
type engagement struct {
	scope      string // key of the API or resource
	rules      []ipRule
	concurrent *limit.Counter
}

// ipRule is a rule of an engagement. Callers that a rule names share its
// counter; of others each has its own.
type ipRule struct {
	spec.IPRule
	first, last netip.Addr
	rule        *limit.Rule    // nil: not limited
	counter     *limit.Counter // of a rule that names its callers
}

var deniedByIP = &kind{level: levelIP, fault: reply.ThrottledIP}

// engageIP binds the IP policy of a name to an API or operation.
func (t *Throttle) engageIP(o *operation, name, scope string) error {
	if name == "" {
		return nil
	}
	policies := t.options.Gateway.Policies.IP
	n := slices.IndexFunc(policies, func(p spec.IPPolicy) bool { return p.Name == name })
	if n < 0 {
		return fmt.Errorf("the IP policy %s is not defined", name)
	}
	e := &engagement{scope: scope}
	for i := range policies[n].Rules {
		r, err := t.ipRule(&policies[n], i, scope)
		if err != nil {
			return fmt.Errorf("IP policy %s, rule %d: %w", name, i+1, err)
		}
		e.rules = append(e.rules, r)
	}
	// Those that name their callers come first.
	slices.SortStableFunc(e.rules, func(a, b ipRule) int {
		switch {
		case a.Other == b.Other:
			return 0
		case b.Other:
			return -1
		}
		return 1
	})
	if most := policies[n].MaxConcurrent; most > 0 {
		k := kind{level: levelConcurrency, of: levelIP, tier: name, key: func(*exchange.Exchange) string { return scope }}
		r, err := t.rule(k, limit.Verified, limit.Limit{Algorithm: limit.Concurrency, Count: int64(most)})
		if err != nil {
			return err
		}
		e.concurrent = t.counter(r, scope)
	}
	o.ip = append(o.ip, e)
	return nil
}

// ipRule prepares a rule of a policy for an engagement.
func (t *Throttle) ipRule(p *spec.IPPolicy, n int, scope string) (ipRule, error) {
	r := ipRule{IPRule: p.Rules[n]}
	if r.Kind == spec.RuleIP && !r.Other {
		var err error
		if r.first, r.last, err = addressRange(r.First, r.Last); err != nil {
			return r, err
		}
	}
	if r.Allow || r.Deny || r.Unlimited {
		return r, nil
	}
	l, err := limitOf(r.Quota)
	if err != nil {
		return r, err
	}
	l.Prohibit = int64(r.Prohibit)
	k := kind{level: levelIP, tier: fmt.Sprintf("%s/%d", p.Name, n+1)}
	if r.Other {
		k.key = func(x *exchange.Exchange) string { return string(t.appendOther(nil, x, &r, scope)) }
		r.rule, err = t.rule(k, limit.Address, l)
		return r, err
	}
	key := scope + ":" + r.name()
	k.key = func(*exchange.Exchange) string { return key }
	if r.rule, err = t.rule(k, limit.Verified, l); err == nil {
		r.counter = t.counter(r.rule, key)
	}
	return r, err
}

// name tells whom a rule names.
func (r *ipRule) name() string {
	switch {
	case r.Kind != spec.RuleIP:
		return string(r.Kind) + " " + r.Value
	case r.First == r.Last || r.Last == "":
		return r.First
	}
	return r.First + "-" + r.Last
}

func addressRange(first, last string) (a, b netip.Addr, err error) {
	if a, err = netip.ParseAddr(first); err != nil {
		return a, b, err
	}
	if last == "" {
		last = first
	}
	if b, err = netip.ParseAddr(last); err != nil {
		return a, b, err
	}
	return a.Unmap(), b.Unmap(), nil
}

// within tells whether an address lies in a range of its own family.
func within(a, first, last netip.Addr) bool {
	return a.BitLen() == first.BitLen() && first.Compare(a) <= 0 && a.Compare(last) <= 0
}

// collectIP adds the counter of the first rule that fits the caller. It gives
// true when that rule denies.
func (t *Throttle) collectIP(c *charge, x *exchange.Exchange, e *engagement) bool {
	for i := range e.rules {
		r := &e.rules[i]
		if !r.fits(x) {
			continue
		}
		if r.Other && r.rule != nil {
			c.key = t.appendOther(c.key[:0], x, r, e.scope)
			c.add(c.bind(t, r.rule))
		} else {
			c.add(r.counter)
		}
		return r.Deny
	}
	return false
}

func (r *ipRule) fits(x *exchange.Exchange) bool {
	if r.Other {
		return true
	}
	p := x.Grant.Principal
	switch r.Kind {
	case spec.RuleRole:
		return slices.Contains(p.Roles, r.Value)
	case spec.RuleDomain:
		return domainFits(r.Value, p.Tenant)
	}
	return within(x.Address.Unmap().WithZone(""), r.first, r.last)
}

// domainFits compares the subscriber's domain; "*.example.com" is whatever
// lies below.
func domainFits(pattern, domain string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return len(domain) > len(suffix) && strings.EqualFold(domain[len(domain)-len(suffix):], suffix)
	}
	return domain != "" && strings.EqualFold(pattern, domain)
}

// appendOther writes the key of a caller that no rule names: the user where
// roles or domains are asked for and one is known, else the address.
func (t *Throttle) appendOther(b []byte, x *exchange.Exchange, r *ipRule, scope string) []byte {
	b = append(b, scope...)
	b = append(b, ':')
	if p := x.Grant.Principal; r.Kind != spec.RuleIP && p.Kind != exchange.Anonymous {
		b = append(b, p.Application.ID...)
		b = append(b, ':')
		return append(b, p.Subject...)
	}
	return t.appendAddress(b, x.Address)
}
