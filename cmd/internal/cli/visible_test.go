package cli

import (
	"testing"

	"mgw/runtime/spec"
)

func TestRolesDecideWhichTiersASubscriberSees(t *testing.T) {
	allow := func(roles ...string) spec.Permissions { return spec.Permissions{Allow: roles} }
	deny := func(roles ...string) spec.Permissions { return spec.Permissions{Deny: roles} }
	for _, tc := range []struct {
		permissions spec.Permissions
		roles       []string
		want        bool
	}{
		{spec.Permissions{}, nil, true},
		{spec.Permissions{}, []string{"a"}, true},
		{allow("a", "b"), nil, false},
		{allow("a", "b"), []string{"c"}, false},
		{allow("a", "b"), []string{"c", "b"}, true},
		{deny("a"), nil, true},
		{deny("a"), []string{"b"}, true},
		{deny("a"), []string{"b", "a"}, false},
		{spec.Permissions{Allow: []string{"a"}, Deny: []string{"b"}}, []string{"a", "b"}, false},
		{allow("a"), []string{"A"}, false},
	} {
		if got := visible(tc.permissions, tc.roles); got != tc.want {
			t.Errorf("%+v with %v: %v", tc.permissions, tc.roles, got)
		}
	}
}

func TestPermissionsText(t *testing.T) {
	for want, p := range map[string]spec.Permissions{
		"everyone":      {},
		"only a, b":     {Allow: []string{"a", "b"}},
		"not c":         {Deny: []string{"c"}},
		"only a; not c": {Allow: []string{"a"}, Deny: []string{"c"}},
	} {
		if got := permissionsText(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
