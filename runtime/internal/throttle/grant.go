package throttle

import (
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// grantLimits is what all requests of one caller to one API have in common; it
// stands in Grant.Limits.
type grantLimits struct {
	owner *Throttle
	// fault refuses each request: a tier that is not known or not permitted.
	fault        *reply.Fault
	application  bound
	subscription bound
	custom       []*limit.Counter // by custom policy; nil where the grant is not all it takes

	// For the traffic manager.
	event  *eventPieces // nil: nobody knows who calls
	hashes hashes
	passes bool // a spent subscription tier lets through
}

// Prepare resolves the limits of a grant before it is shared.
func (t *Throttle) Prepare(g *exchange.Grant) { g.Limits = t.prepare(g) }

func (t *Throttle) prepare(g *exchange.Grant) *grantLimits {
	l := &grantLimits{owner: t}
	p := g.Principal
	var sub *tier
	if p.Kind == exchange.Anonymous {
		if t.unauthenticated == nil && !t.options.TrafficManager {
			l.fault = reply.PolicyEnforcement
		}
	} else {
		app, fault := t.tierOf(t.application, levelApplication, p.Application.Tier)
		var subFault *reply.Fault
		sub, subFault = t.tierOf(t.subscription, levelSubscription, g.SubscriptionTier)
		switch {
		case sub != nil && !sub.permits(p.Roles):
			l.fault = reply.TierNotPermitted
		case fault != nil:
			l.fault = fault
		default:
			l.fault = subFault
		}
		if app != nil {
			l.application = t.bind(app, t.applicationKey(p))
		}
		if sub != nil {
			l.subscription = t.bind(sub, subscriptionKey(p.Application.ID, g.API))
		}
	}
	for i := range t.customs {
		l.custom = append(l.custom, t.customs[i].ofGrant(t, g))
	}
	t.prepareCluster(l, g, sub)
	return l
}

// tierOf gives the tier that a credential names, nil when it limits nothing. A
// tier that the policies do not know is the traffic manager's, if there is
// one; without, nobody enforces it (contract 3.2).
func (t *Throttle) tierOf(tiers map[string]*tier, level, name string) (*tier, *reply.Fault) {
	switch c := tiers[name]; {
	case name == "":
		return nil, nil
	case name == spec.TierUnlimited && t.options.RefuseUnlimited:
		return nil, reply.PolicyEnforcement
	case c != nil || name == spec.TierUnlimited || t.options.TrafficManager:
		return c, nil
	}
	if t.options.Unknown != nil {
		t.options.Unknown(level, name)
	}
	return nil, reply.PolicyEnforcement
}

// grant gives the limits of a request's grant. One that another Throttle
// prepared, before a reload, is resolved again for this request.
func (t *Throttle) grant(x *exchange.Exchange) *grantLimits {
	if x.Grant == nil || x.Operation == nil || x.Operation.ID >= len(t.operations) {
		return nil
	}
	if l, ok := x.Grant.Limits.(*grantLimits); ok && l.owner == t {
		return l
	}
	return t.prepare(x.Grant)
}
