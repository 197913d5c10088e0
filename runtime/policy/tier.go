package policy

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// level is a list of tiers in policies.yaml.
type level string

const (
	resource     level = "Resource"
	application  level = "Application"
	subscription level = "Subscription"
)

// yaml reads policies.yaml.
func (r *reader) yaml() {
	root := r.document()
	if root == nil || isNull(root) {
		return
	}
	f := r.fields(root, "policies.yaml")
	if f == nil {
		return
	}
	p := r.policies
	p.Resource = append(p.Resource, r.tiers(f.take("resourcePolicies"), resource)...)
	p.Application = append(p.Application, r.tiers(f.take("applicationPolicies"), application)...)
	p.Subscription = append(p.Subscription, r.tiers(f.take("subscriptionPolicies"), subscription)...)
	r.ipPolicies(f.take("ipPolicies"))
	r.customPolicies(f.take("customPolicies"))
	f.end()
}

// entry is one item of a list of policies.
type entry struct {
	name string
	key  *yaml.Node
	body *yaml.Node // nil when there is none
}

// entries reads a list of maps with one key each. kind is how messages call
// the list.
func (r *reader) entries(list *yaml.Node, kind string) []entry {
	if list == nil {
		return nil
	}
	var all []entry
	seen := map[string]int{}
	for _, item := range r.sequence(list, kind+" policies") {
		e, ok := r.entry(item)
		if !ok {
			continue
		}
		if line, twice := seen[e.name]; twice {
			r.problem(e.key, diag.Error, fmt.Sprintf("%q stands on line %d already", e.name, line),
				kind+" policies contains duplicate names in the policies.yaml file")
			continue
		}
		seen[e.name] = e.key.Line
		all = append(all, e)
	}
	return all
}

func (r *reader) entry(item *yaml.Node) (entry, bool) {
	e := entry{key: item}
	switch {
	case item.Kind == yaml.ScalarNode && !isNull(item):
		e.name = item.Value
	case item.Kind == yaml.MappingNode && len(item.Content) == 2:
		e.key, e.body = r.follow(item.Content[0]), r.follow(item.Content[1])
		if e.key.Kind != yaml.ScalarNode {
			r.errorf(e.key, "a policy needs a name")
			return e, false
		}
		e.name = e.key.Value
		if isNull(e.body) {
			e.body = nil
		}
	case item.Kind == yaml.MappingNode && len(item.Content) > 2:
		r.problem(item.Content[2], diag.Error, "indent what belongs to a policy below its name; start each policy with a dash",
			"an item must have one key, the name of a policy")
		return e, false
	default:
		r.errorf(item, "an item must be a map with one key, the name of a policy, not %s", kindOf(item))
		return e, false
	}
	if msg := nameProblem(e.name); msg != "" {
		r.errorf(e.key, "%s", msg)
		return e, false
	}
	return e, true
}

func (r *reader) tiers(list *yaml.Node, at level) []spec.Tier {
	entries := r.entries(list, string(at))
	tiers := make([]spec.Tier, 0, len(entries))
	for _, e := range entries {
		tiers = append(tiers, r.tier(e, at))
	}
	return tiers
}

// tier reads one tier. Unlimited needs no body.
func (r *reader) tier(e entry, at level) spec.Tier {
	t := spec.Tier{Name: e.name}
	unlimited := e.name == spec.TierUnlimited
	if e.body == nil {
		t.Unlimited = true
		if !unlimited {
			r.problem(e.key, diag.Error, "", fmt.Sprintf("the policy %s has no count", quoteIfOdd(e.name)))
		}
		return t
	}
	f := r.fields(e.body, "the policy "+quoteIfOdd(e.name))
	if f == nil {
		return t
	}
	var amount bool
	t.Quota, amount = f.quota()
	t.PassOnQuota = !f.flag("stopOnQuota", true)
	r.tierExtras(f, &t, at)
	f.end()
	switch {
	case unlimited && amount:
		r.warnf(e.key, "Unlimited is never limited: its count is ignored")
		t.Quota = spec.Quota{Unlimited: true}
	case !unlimited && !amount && t.Burst == nil && t.MaxConcurrent == 0 && len(t.Conditions) == 0:
		r.errorf(e.body, "%s has no count", f.what)
	}
	return t
}

// tierExtras reads what only one level has.
func (r *reader) tierExtras(f *fields, t *spec.Tier, at level) {
	switch at {
	case resource:
		t.MaxConcurrent = f.concurrency("maxConcurrent")
		t.Conditions = r.conditions(f.take("conditions"))
	case subscription:
		t.Burst = r.burst(f.take("rateLimit"))
		t.Permissions = r.permissions(f.take("permissions"))
	}
	for key, home := range map[string]level{
		"maxConcurrent": resource, "conditions": resource, "rateLimit": subscription, "permissions": subscription,
	} {
		if v, given := f.values[key]; given && home != at {
			f.asked = append(f.asked, key)
			r.errorf(v.key, "%s belongs to %s policies only", key, map[level]string{resource: "resource", subscription: "subscription"}[home])
		}
	}
}

func (r *reader) burst(n *yaml.Node) *spec.Quota {
	if n == nil {
		return nil
	}
	f := r.fields(n, "rateLimit")
	if f == nil {
		return nil
	}
	q, given := f.quota()
	if !given {
		r.errorf(n, "rateLimit has no count")
	}
	f.end()
	return &q
}

func (r *reader) permissions(n *yaml.Node) spec.Permissions {
	if n == nil {
		return spec.Permissions{}
	}
	f := r.fields(n, "permissions")
	if f == nil {
		return spec.Permissions{}
	}
	p := spec.Permissions{Allow: f.texts("allow"), Deny: f.texts("deny")}
	f.end()
	for _, role := range p.Allow {
		if slices.Contains(p.Deny, role) {
			r.errorf(n, "the role %s is both allowed and denied", quoteIfOdd(role))
		}
	}
	return p
}
