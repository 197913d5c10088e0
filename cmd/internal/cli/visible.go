package cli

import (
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// subscribable tells tiers that a subscription may have from those that stand
// for having none.
func subscribable(t spec.Tier) bool {
	return t.Name != spec.TierUnauthenticated && t.Name != spec.TierDefault
}

// visible tells whether a subscriber with these roles may choose a tier: a
// denied role outweighs an allowed one.
func visible(p spec.Permissions, roles []string) bool {
	has := func(role string) bool { return slices.Contains(roles, role) }
	return !slices.ContainsFunc(p.Deny, has) &&
		(len(p.Allow) == 0 || slices.ContainsFunc(p.Allow, has))
}

// permissionsText says who may choose a tier.
func permissionsText(p spec.Permissions) string {
	var parts []string
	if len(p.Allow) > 0 {
		parts = append(parts, "only "+strings.Join(p.Allow, ", "))
	}
	if len(p.Deny) > 0 {
		parts = append(parts, "not "+strings.Join(p.Deny, ", "))
	}
	if parts == nil {
		return "everyone"
	}
	return strings.Join(parts, "; ")
}
