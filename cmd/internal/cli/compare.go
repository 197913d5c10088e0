package cli

import (
	"encoding/json"
	"regexp"
	"strings"

	"mgw/runtime/spec"
)

// The values of change.Change.
const (
	removed = "removed"
	added   = "added"
	changed = "changed"
)

// difference is what diff prints with --format json; fields are only ever added.
type difference struct {
	APIs   []change `json:"apis"`
	Routes []change `json:"routes"`
	Tiers  []change `json:"tiers"`
}

func (d difference) some() bool { return len(d.APIs)+len(d.Routes)+len(d.Tiers) > 0 }

// change is of an operation, which has a method and a path, or of an API, tier
// or policy, which has a kind and a name.
type change struct {
	Change string  `json:"change"`
	Method string  `json:"method,omitempty"`
	Path   string  `json:"path,omitempty"`
	Kind   string  `json:"kind,omitempty"`
	Name   string  `json:"name,omitempty"`
	Fields []field `json:"fields,omitempty"` // of what changed
}

// field is something that callers notice: api, security, limits, backend ...
type field struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// item is an API, an operation or a tier.
type item struct {
	key   string // the same on both sides
	shown change
	facts []fact
}

type fact struct{ name, value string }

// compare gives what changed from one gateway to another. Definitions alone
// know no tiers.
func compare(from, to *spec.Gateway, alone bool) difference {
	d := difference{
		APIs:   changes(apiItems(from), apiItems(to)),
		Routes: changes(operationItems(from), operationItems(to)),
		Tiers:  []change{},
	}
	if !alone {
		d.Tiers = changes(policyItems(from.Policies), policyItems(to.Policies))
	}
	return d
}

// changes are in the order of the old items; the new ones follow.
func changes(from, to []item) []change {
	all := []change{} // not nil: --format json prints a list
	left := map[string]item{}
	for _, i := range to {
		left[i.key] = i
	}
	for _, old := range from {
		c := old.shown
		now, found := left[old.key]
		delete(left, old.key)
		if c.Change = removed; found {
			c = now.shown
			if c.Change, c.Fields = changed, differing(old.facts, now.facts); len(c.Fields) == 0 {
				continue
			}
		}
		all = append(all, c)
	}
	for _, i := range to {
		if _, found := left[i.key]; found {
			i.shown.Change = added
			all = append(all, i.shown)
		}
	}
	return all
}

// differing compares facts of one kind of item. What one side does not know, a
// definition its backend, is no difference.
func differing(from, to []fact) []field {
	var fields []field
	for i, old := range from {
		now := to[i]
		unknown := old.name == "backend" && (old.value == "" || now.value == "")
		if old.value != now.value && !unknown {
			fields = append(fields, field{old.name, old.value, now.value})
		}
	}
	return fields
}

var parameterName = regexp.MustCompile(`\{[^}+]*`)

// apiItems knows an API by its base path, or by its name where several are at
// the root.
func apiItems(g *spec.Gateway) []item {
	atRoot := 0
	for _, api := range g.APIs {
		if api.BasePath == "" {
			atRoot++
		}
	}
	var items []item
	for _, api := range g.APIs {
		key := api.BasePath
		if key == "" && atRoot > 1 {
			key = api.Name
		}
		items = append(items, item{key: key, shown: change{Kind: "API", Name: api.Name}, facts: []fact{
			{"name", api.Name},
			{"version", api.Version},
			{"scheme", strings.Join(api.Transports, ", ")},
			{"cors", asJSON(api.CORS)},
		}})
	}
	return items
}

func operationItems(g *spec.Gateway) []item {
	all := routes(g)
	items := make([]item, 0, len(all))
	for _, api := range g.APIs {
		for _, op := range api.Operations {
			r := all[len(items)]
			items = append(items, item{
				key:   r.Method + " " + parameterName.ReplaceAllString(r.Path, "{"),
				shown: change{Method: r.Method, Path: r.Path},
				facts: []fact{
					{"security", r.securityText() + credentialPlaces(api, op)},
					{"limits", r.limitText()},
					{"backend", r.backendText()},
				},
			})
		}
	}
	return items
}

// credentialPlaces says where a credential is looked for, if not in the usual place.
func credentialPlaces(api spec.API, op spec.Operation) string {
	text := ""
	for _, place := range []struct{ name, value string }{
		{"token in", api.AuthHeader}, {"key in", op.Security.KeyHeader}, {"key in query", op.Security.KeyQuery},
	} {
		if place.value != "" && !op.Security.Disabled {
			text += ", " + place.name + " " + place.value
		}
	}
	return text
}

func policyItems(p spec.Policies) []item {
	var items []item
	for _, list := range []struct {
		kind  string
		tiers []spec.Tier
	}{{"resource tier", p.Resource}, {"application tier", p.Application}, {"subscription tier", p.Subscription}} {
		for _, t := range list.tiers {
			items = append(items, policyItem(list.kind, t.Name,
				fact{"limit", tierText(t)}, fact{"for", permissionsText(t.Permissions)}, fact{"cases", asJSON(t.Conditions)}))
		}
	}
	for _, p := range p.IP {
		p.File = ""
		items = append(items, policyItem("throttle policy", p.Name, fact{"rules", asJSON(p)}))
	}
	for _, p := range p.Custom {
		items = append(items, policyItem("custom policy", p.Name, fact{"rule", asJSON(p)}))
	}
	return items
}

func policyItem(kind, name string, facts ...fact) item {
	return item{key: kind + " " + name, shown: change{Kind: kind, Name: name}, facts: facts}
}

// asJSON is for what has no shorter text; "" for nothing.
func asJSON(v any) string {
	text, _ := json.Marshal(v) // plain data: cannot fail
	if string(text) == "null" {
		return ""
	}
	return string(text)
}
