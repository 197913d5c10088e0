package gateway

import (
	"fmt"
	"slices"

	"mgw/runtime/config"
	"mgw/runtime/spec"
)

// override puts configured URLs and user names into the endpoints of their name
// (contract 1.8). An endpoint that serves production and sandbox alike becomes
// two where only one of them is overridden. Passwords stay out of the Gateway;
// they are given by endpoint index.
func override(g *spec.Gateway, overrides []*config.EndpointOverride) (passwords map[int]config.Secret, err error) {
	passwords = map[int]config.Secret{}
	for _, o := range overrides {
		changed := map[int]int{} // endpoint index before and after
		for _, used := range uses(g, o.Sandbox) {
			if *used == spec.NoEndpoint || g.Endpoints[*used].Name != o.Name {
				continue
			}
			to, done := changed[*used]
			if !done {
				e, err := apply(g.Endpoints[*used], o)
				if err != nil {
					return nil, err
				}
				// In its place, unless the other kind goes on with it as it was.
				if to = *used; refers(g, !o.Sandbox, to) {
					to = len(g.Endpoints)
					g.Endpoints = append(g.Endpoints, e)
				}
				g.Endpoints[to] = e
				changed[*used] = to
				passwords[to] = o.Account.Password
			}
			*used = to
		}
		if len(changed) == 0 {
			return nil, fmt.Errorf("there is no %s endpoint %q to override; the endpoints are %q", kind(o.Sandbox), o.Name, names(g))
		}
	}
	return passwords, nil
}

// uses gives every reference to an endpoint of a kind.
func uses(g *spec.Gateway, sandbox bool) (all []*int) {
	for i := range g.APIs {
		for j := range g.APIs[i].Operations {
			op := &g.APIs[i].Operations[j]
			if sandbox {
				all = append(all, &op.Sandbox)
			} else {
				all = append(all, &op.Production)
			}
		}
	}
	return all
}

func refers(g *spec.Gateway, sandbox bool, endpoint int) bool {
	return slices.ContainsFunc(uses(g, sandbox), func(used *int) bool { return *used == endpoint })
}

func apply(e spec.Endpoint, o *config.EndpointOverride) (spec.Endpoint, error) {
	e.URLs = slices.Clone(e.URLs)
	for i, url := range o.URLs {
		if i >= len(e.URLs) {
			return e, fmt.Errorf("%s endpoint %q has %d URLs, none of index %d", kind(o.Sandbox), o.Name, len(e.URLs), i)
		}
		e.URLs[i] = url
	}
	if o.Account.Username != "" {
		e.Security = &spec.EndpointSecurity{Type: "basic", Username: o.Account.Username}
	}
	return e, nil
}

func kind(sandbox bool) string {
	if sandbox {
		return "sandbox"
	}
	return "production"
}

func names(g *spec.Gateway) []string {
	var all []string
	for _, e := range g.Endpoints {
		if e.Name != "" { // an operation's own has none
			all = append(all, e.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
