package throttle

import (
	"fmt"

	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// operation is what all requests to an operation have in common.
type operation struct {
	fault  *reply.Fault // refused whoever asks: its tier is not known
	tier   *tier        // of the resource, or of the API when it has one; nil is unlimited
	bound  bound
	ip     []*engagement
	custom []*limit.Counter // by custom policy; nil where the operation is not all it takes

	// For the traffic manager.
	event  []byte
	hashes hashes
}

func (t *Throttle) compile() error {
	p := &t.options.Gateway.Policies
	var err error
	if t.application, err = t.tiers(p.Application, levelApplication, t.keyOfApplication); err != nil {
		return err
	}
	if t.subscription, err = t.tiers(p.Subscription, levelSubscription, keyOfSubscription); err != nil {
		return err
	}
	for i := range p.Subscription {
		if s := &p.Subscription[i]; s.Name == spec.TierUnauthenticated {
			if t.unauthenticated, err = t.tier(s, levelUnauthenticated, limit.Address, t.keyOfUnauthenticated); err != nil {
				return err
			}
		}
	}
	if err := t.compileCustom(); err != nil {
		return err
	}
	return t.compileOperations()
}

func (t *Throttle) tiers(list []spec.Tier, level string, key keyFunc) (map[string]*tier, error) {
	tiers := make(map[string]*tier, len(list))
	for i := range list {
		c, err := t.tier(&list[i], level, limit.Verified, key)
		if err != nil {
			return nil, err
		}
		tiers[list[i].Name] = c
	}
	return tiers, nil
}

func (t *Throttle) compileOperations() error {
	g := t.options.Gateway
	apiTiers, err := t.tiers(g.Policies.Resource, levelAPI, keyOfAPI)
	if err != nil {
		return err
	}
	resourceTiers, err := t.tiers(g.Policies.Resource, levelResource, keyOfResource)
	if err != nil {
		return err
	}
	for i := range g.APIs {
		api := &g.APIs[i]
		common := operation{}
		if err := t.engageTier(&common, apiTiers, api.Tier, apiKey(api)); err != nil {
			return fmt.Errorf("API %s %s: %w", api.Name, api.Version, err)
		}
		if err := t.engageIP(&common, api.ThrottlePolicy, apiKey(api)); err != nil {
			return fmt.Errorf("API %s %s: %w", api.Name, api.Version, err)
		}
		for j := range api.Operations {
			op := &api.Operations[j]
			if err := t.compileOperation(common, api, op, resourceTiers); err != nil {
				return fmt.Errorf("%s %s%s: %w", op.Method, api.BasePath, op.Path+op.Query, err)
			}
		}
	}
	return nil
}

// compileOperation adds an operation's own limits to those of its API. A tier
// of the API stands in place of the operation's (contract 3.4).
func (t *Throttle) compileOperation(o operation, api *spec.API, op *spec.Operation, tiers map[string]*tier) error {
	o.ip = o.ip[:len(o.ip):len(o.ip)]
	if api.Tier == "" {
		if err := t.engageTier(&o, tiers, op.Tier, resourceKey(api, op)); err != nil {
			return err
		}
	}
	if err := t.engageIP(&o, op.ThrottlePolicy, resourceKey(api, op)); err != nil {
		return err
	}
	for i := range t.customs {
		o.custom = append(o.custom, t.customs[i].ofOperation(t, api, op))
	}
	t.compileCluster(&o, api, op)
	for len(t.operations) <= op.ID {
		t.operations = append(t.operations, operation{fault: reply.Internal})
	}
	t.operations[op.ID] = o
	return nil
}

// engageTier binds the counters of a tier to a resource or an API.
func (t *Throttle) engageTier(o *operation, tiers map[string]*tier, name, key string) error {
	switch c := tiers[name]; {
	case name == "":
	case name == spec.TierUnlimited && t.options.RefuseUnlimited:
		return fmt.Errorf("the tier %s is switched off (throttlingConfig.enableUnlimitedTier)", name)
	case c != nil:
		o.tier, o.bound = c, t.bind(c, key)
	case name != spec.TierUnlimited && !t.options.TrafficManager:
		o.fault = reply.PolicyEnforcement
	}
	return nil
}
