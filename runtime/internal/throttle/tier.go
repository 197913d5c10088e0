package throttle

import (
	"fmt"
	"slices"

	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// The levels, as logs, fields and statistics name them.
const (
	levelIP              = "ip"
	levelApplication     = "application"
	levelAPI             = "api"
	levelResource        = "resource"
	levelSubscription    = "subscription"
	levelUnauthenticated = "unauthenticated"
	levelBurst           = "burst"
	levelCustom          = "custom"
	levelConcurrency     = "concurrency"
	levelPolicy          = "policy" // a tier that is unknown or not permitted
	levelBlocked         = "blocked"
)

var levels = [...]string{
	levelIP, levelApplication, levelAPI, levelResource, levelSubscription,
	levelUnauthenticated, levelBurst, levelCustom, levelConcurrency, levelPolicy,
	levelBlocked,
}

// kind is what there is to say about the counters of a rule.
type kind struct {
	level string
	of    string // the level or policy that a burst or concurrency limit belongs to
	tier  string
	key   keyFunc
	fault *reply.Fault
}

var faults = map[string]*reply.Fault{
	levelIP:              reply.ThrottledIP,
	levelApplication:     reply.ThrottledApplication,
	levelAPI:             reply.ThrottledAPI,
	levelResource:        reply.ThrottledResource,
	levelSubscription:    reply.ThrottledSubscription,
	levelUnauthenticated: reply.ThrottledSubscription,
	levelBurst:           reply.ThrottledBurst,
	levelCustom:          reply.ThrottledCustom,
	levelConcurrency:     reply.ThrottledConcurrency,
}

// rule registers a limit under a name that tells where it stands.
func (t *Throttle) rule(k kind, source limit.Source, l limit.Limit) (*limit.Rule, error) {
	name := k.level + "/" + k.tier
	if k.of != "" {
		name = k.of + "/" + k.tier + "/" + k.level
	}
	r, err := t.table.Rule(name, source, l)
	if err != nil {
		return nil, err
	}
	k.fault = faults[k.level]
	t.kinds[r] = &k
	return r, nil
}

// limitOf turns a policy's quota into what the core counts.
func limitOf(q spec.Quota) (limit.Limit, error) {
	l := limit.Limit{Count: q.Count, Window: int64(q.Window), Bytes: q.Bytes}
	switch q.Algorithm {
	case "", spec.FixedWindow:
		l.Algorithm = limit.FixedWindow
	case spec.SlidingWindow:
		l.Algorithm = limit.SlidingWindow
	case spec.TokenBucket:
		l.Algorithm = limit.TokenBucket
	default:
		return l, fmt.Errorf("algorithm %q is not known", q.Algorithm)
	}
	return l, nil
}

// tier is a spec.Tier at one level; rules that it does not have are nil.
type tier struct {
	quota, burst, concurrent *limit.Rule
	groups                   []group
	permissions              spec.Permissions
	passes                   bool // stopOnQuota = false
}

// tier registers the limits of one tier at one level.
func (t *Throttle) tier(s *spec.Tier, level string, source limit.Source, key keyFunc) (*tier, error) {
	c := &tier{permissions: s.Permissions, passes: s.PassOnQuota}
	var err error
	if !s.Unlimited && s.Name != spec.TierUnlimited {
		if c.quota, err = t.quotaRule(s.Quota, s.PassOnQuota, kind{level: level, tier: s.Name, key: key}, source); err != nil {
			return nil, err
		}
	}
	if s.Burst != nil {
		k := kind{level: levelBurst, of: level, tier: s.Name, key: key}
		if c.burst, err = t.quotaRule(*s.Burst, false, k, source); err != nil {
			return nil, err
		}
	}
	if s.MaxConcurrent > 0 {
		k := kind{level: levelConcurrency, of: level, tier: s.Name, key: key}
		l := limit.Limit{Algorithm: limit.Concurrency, Count: int64(s.MaxConcurrent)}
		if c.concurrent, err = t.rule(k, source, l); err != nil {
			return nil, err
		}
	}
	for i := range s.Conditions {
		g, err := t.group(s, i, level, source, key)
		if err != nil {
			return nil, err
		}
		c.groups = append(c.groups, g)
	}
	return c, nil
}

func (t *Throttle) quotaRule(q spec.Quota, soft bool, k kind, source limit.Source) (*limit.Rule, error) {
	l, err := limitOf(q)
	if err != nil {
		return nil, fmt.Errorf("%s tier %s: %w", k.level, k.tier, err)
	}
	l.Soft = soft
	return t.rule(k, source, l)
}

// permits tells whether a caller of some roles may use the tier.
func (c *tier) permits(roles []string) bool {
	has := func(role string) bool { return slices.Contains(roles, role) }
	p := c.permissions
	return (len(p.Allow) == 0 || slices.ContainsFunc(p.Allow, has)) && !slices.ContainsFunc(p.Deny, has)
}

// bound are the counters of one key under a tier; nil where the tier has no
// such limit.
type bound struct {
	quota, burst, concurrent *limit.Counter
	groups                   []*limit.Counter // of the tier's groups

	rule  *limit.Rule // of quota
	lease Lease       // of quota, where the cluster counts it
}

func (t *Throttle) bind(c *tier, key string) bound {
	b := bound{
		quota:      t.counter(c.quota, key),
		burst:      t.counter(c.burst, key),
		concurrent: t.counter(c.concurrent, key),
		rule:       c.quota,
		lease:      t.lease(c.quota, key, false),
	}
	for _, g := range c.groups {
		b.groups = append(b.groups, t.counter(g.rule, key))
	}
	return b
}

// counter gives the counter of a key, nil without a rule.
func (t *Throttle) counter(r *limit.Rule, key string) *limit.Counter {
	if r == nil {
		return nil
	}
	c := new(limit.Counter)
	t.table.BindString(c, r, key)
	return c
}
