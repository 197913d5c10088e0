package trafficmanager

import (
	"fmt"
	"strconv"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/limit"
	"mgw/runtime/spec"
)

// limited is one limit of the policies: what events are counted under.
type limited struct {
	name  string // unique among the policies, the same on every manager
	limit limit.Limit
	rule  *limit.Rule
	// Resource and API limits tell gateways which condition groups were looked
	// at; the others come without.
	conditional bool
	conditions  []event.Group
}

// evaluated gives the conditions as they travel, "" for none.
func (l *limited) evaluated() string {
	fields := event.Fields(&event.Decision{Conditional: l.conditional, Conditions: l.conditions})
	text, _ := fields["evaluatedConditions"].(string)
	return text
}

// plan is the policies as the manager counts them. A tier that limits nothing
// is there, with nil.
type plan struct {
	application, subscription map[string]*limited
	resource                  map[string]*resourceTier
	custom                    []customPolicy
}

// resourceTier has a count for each condition group and one for the requests
// that fit none (contract 3b). A count that is nil is not limited.
type resourceTier struct {
	rest   *limited
	groups []group
}

type group struct {
	condition
	count  *limited
	suffix string
}

type customPolicy struct {
	key   template
	count *limited
}

// Suffixes of the keys of resource tiers.
const (
	restSuffix  = "_default"
	groupSuffix = "_condition_"
)

// compile registers the limits of the policies with a table.
func compile(p spec.Policies, table *limit.Table) (*plan, error) {
	c := compiler{table}
	out := &plan{resource: map[string]*resourceTier{spec.TierUnlimited: {}}}
	var err error
	if out.application, err = c.tiers("application", p.Application); err != nil {
		return nil, err
	}
	if out.subscription, err = c.tiers("subscription", p.Subscription); err != nil {
		return nil, err
	}
	for i := range p.Resource {
		t := &p.Resource[i]
		if out.resource[t.Name], err = c.resource(t); err != nil {
			return nil, fmt.Errorf("resource tier %s: %w", t.Name, err)
		}
	}
	for _, cp := range p.Custom {
		policy, err := c.custom(cp)
		if err != nil {
			return nil, fmt.Errorf("custom policy %s: %w", cp.Name, err)
		}
		if policy.count != nil {
			out.custom = append(out.custom, policy)
		}
	}
	return out, nil
}

type compiler struct{ table *limit.Table }

func (c compiler) tiers(level string, tiers []spec.Tier) (map[string]*limited, error) {
	all := map[string]*limited{spec.TierUnlimited: nil}
	for _, t := range tiers {
		if t.Name == spec.TierUnlimited || t.Unlimited {
			all[t.Name] = nil
			continue
		}
		l, err := c.limited(level+"/"+t.Name, t.Quota)
		if err != nil {
			return nil, fmt.Errorf("%s tier %s: %w", level, t.Name, err)
		}
		all[t.Name] = l
	}
	return all, nil
}

func (c compiler) resource(t *spec.Tier) (*resourceTier, error) {
	out := &resourceTier{}
	var groups []event.Group
	for i := range t.Conditions {
		g, told, err := c.group(t, i)
		if err != nil {
			return nil, err
		}
		out.groups = append(out.groups, g)
		groups = append(groups, told)
	}
	if t.Unlimited || t.Name == spec.TierUnlimited {
		return out, nil
	}
	var err error
	if out.rest, err = c.limited("resource/"+t.Name+restSuffix, t.Quota); err != nil {
		return nil, err
	}
	out.rest.conditional, out.rest.conditions = true, groups
	return out, nil
}

// group prepares a condition group, and gives it as gateways are told of it.
func (c compiler) group(t *spec.Tier, n int) (group, event.Group, error) {
	s := &t.Conditions[n]
	g := group{suffix: groupSuffix + strconv.Itoa(n)}
	var told event.Group
	var err error
	if g.condition, told, err = newCondition(s); err != nil {
		return g, told, fmt.Errorf("condition %d: %w", n, err)
	}
	if s.Unlimited {
		return g, told, nil
	}
	if g.count, err = c.limited("resource/"+t.Name+g.suffix, s.Quota); err != nil {
		return g, told, fmt.Errorf("condition %d: %w", n, err)
	}
	g.count.conditional, g.count.conditions = true, []event.Group{told}
	return g, told, nil
}

func (c compiler) custom(p spec.CustomPolicy) (customPolicy, error) {
	key, err := parseTemplate(p.KeyTemplate)
	if err != nil || p.Unlimited {
		return customPolicy{}, err
	}
	l, err := c.limited("custom/"+p.Name, p.Quota)
	return customPolicy{key, l}, err
}

var algorithms = map[spec.Algorithm]limit.Algorithm{
	"": limit.FixedWindow, spec.FixedWindow: limit.FixedWindow,
	spec.SlidingWindow: limit.SlidingWindow, spec.TokenBucket: limit.TokenBucket,
}

func (c compiler) limited(name string, q spec.Quota) (*limited, error) {
	algorithm, ok := algorithms[q.Algorithm]
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not known", q.Algorithm)
	}
	l := &limited{name: name, limit: limit.Limit{
		Algorithm: algorithm, Count: q.Count, Window: int64(q.Window), Bytes: q.Bytes,
	}}
	var err error
	l.rule, err = c.table.Rule(name, limit.Verified, l.limit)
	return l, err
}

// charge is one event's part in one count.
type charge struct {
	of  *limited
	key string // throttleKey
}

// charges appends what an event is counted under, and tells how many of its
// tiers are not among the policies.
func (p *plan) charges(to []charge, e *event.Event, props *properties) (all []charge, unknown int) {
	for _, level := range [...]struct {
		tiers     map[string]*limited
		tier, key string
	}{{p.application, e.AppTier, e.AppKey}, {p.subscription, e.SubscriptionTier, e.SubscriptionKey}} {
		switch l, known := level.tiers[level.tier]; {
		case l != nil && level.key != "":
			to = append(to, charge{l, level.key})
		case !known && level.tier != "":
			unknown++
		}
	}
	switch t := p.resource[e.ResourceTier]; {
	case t != nil && e.ResourceKey != "":
		to = t.charges(to, e, props)
	case t == nil && e.ResourceTier != "":
		unknown++
	}
	for _, c := range p.custom {
		to = append(to, charge{c.count, c.key.fill(e, props)})
	}
	return to, unknown
}

// charges counts an event in each group that it fits; in the tier's own count
// only when there is none.
func (t *resourceTier) charges(to []charge, e *event.Event, props *properties) []charge {
	fits := false
	for i := range t.groups {
		g := &t.groups[i]
		if !g.matches(props) {
			continue
		}
		fits = true
		if g.count != nil {
			to = append(to, charge{g.count, e.ResourceKey + g.suffix})
		}
	}
	if !fits && t.rest != nil {
		to = append(to, charge{t.rest, e.ResourceKey + restSuffix})
	}
	return to
}
