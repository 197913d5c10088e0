package plan

import (
	"mgw/build/openapi"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// tier checks that a resource policy exists. API and operation level share the
// one list (contract section 3.2).
func (m *maker) tier(t openapi.Text) string {
	if !t.Given || t.Value == spec.TierUnlimited {
		if t.Given && m.options.RefuseUnlimited {
			m.errorf(t.Place, "", "tier %q is switched off by throttlingConfig.enableUnlimitedTier in conf/micro-gw.conf", t.Value)
		}
		return t.Value
	}
	names := []string{spec.TierUnlimited}
	for _, p := range m.gateway.Policies.Resource {
		if p.Name == t.Value {
			return t.Value
		}
		names = append(names, p.Name)
	}
	if m.options.Alone {
		return t.Value
	}
	hint := diag.DidYouMean(t.Value, names)
	if hint == "" && m.otherList(t.Value) != "" {
		hint = m.otherList(t.Value) + " has one; an API's tier comes from resourcePolicies"
	}
	severity, suffix := diag.Error, ""
	if m.options.TrafficManager {
		severity, suffix = diag.Warning, ": it has to be known to the traffic manager"
	}
	m.add(t.Place, severity, hint, "tier %q is not in resourcePolicies of policies.yaml%s", t.Value, suffix)
	return t.Value
}

// otherList names the list that has a tier of this name.
func (m *maker) otherList(name string) string {
	for _, p := range m.gateway.Policies.Subscription {
		if p.Name == name {
			return "subscriptionPolicies"
		}
	}
	for _, p := range m.gateway.Policies.Application {
		if p.Name == name {
			return "applicationPolicies"
		}
	}
	return ""
}

// throttlePolicy checks that an IP policy exists.
func (m *maker) throttlePolicy(t openapi.Text) string {
	if !t.Given || m.options.Alone {
		return t.Value
	}
	var names []string
	for _, p := range m.gateway.Policies.IP {
		if p.Name == t.Value {
			return t.Value
		}
		names = append(names, p.Name)
	}
	m.errorf(t.Place, diag.DidYouMean(t.Value, names),
		"throttle policy %q is neither in ipPolicies of policies.yaml nor policies/%s.xml", t.Value, t.Value)
	return t.Value
}
