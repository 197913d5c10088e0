package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// route is one operation as routes and build --dry-run show it.
type route struct {
	API        string       `json:"api"`
	Version    string       `json:"version"`
	Method     string       `json:"method"`
	Path       string       `json:"path"`
	Production *backendJSON `json:"production,omitempty"`
	Sandbox    *backendJSON `json:"sandbox,omitempty"`
	APITier    string       `json:"apiTier,omitempty"`
	Tier       string       `json:"tier,omitempty"`
	Policies   []string     `json:"throttlePolicies,omitempty"`
	MaxBackend []string     `json:"maxBackend,omitempty"` // in words
	Secured    bool         `json:"secured"`
	Schemes    []string     `json:"schemes,omitempty"`
	Scopes     []string     `json:"scopes,omitempty"`
	MutualTLS  string       `json:"mutualTLS,omitempty"`
}

type backendJSON struct {
	Type string   `json:"type"`
	URLs []string `json:"urls"`
}

func routes(g *spec.Gateway) []route {
	all := []route{} // not nil: --format json prints a list
	for _, api := range g.APIs {
		for _, op := range api.Operations {
			r := route{
				API: api.Name, Version: api.Version,
				Method: op.Method, Path: api.BasePath + op.Path + op.Query,
				Production: backend(g, op.Production), Sandbox: backend(g, op.Sandbox),
				APITier: api.Tier, Tier: op.Tier,
				Secured: !op.Security.Disabled, Scopes: op.Security.Scopes,
				MutualTLS: api.MutualTLS,
			}
			r.Policies = throttlePolicies(api, op)
			r.MaxBackend = append(maxBackend(api.MaxBackend), maxBackend(op.MaxBackend)...)
			for _, s := range op.Security.Schemes {
				r.Schemes = append(r.Schemes, string(s))
			}
			all = append(all, r)
		}
	}
	return all
}

// throttlePolicies names what is engaged at an operation and at its API.
func throttlePolicies(api spec.API, op spec.Operation) (names []string) {
	for _, name := range []string{api.ThrottlePolicy, op.ThrottlePolicy} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

func backend(g *spec.Gateway, index int) *backendJSON {
	if index < 0 || index >= len(g.Endpoints) {
		return nil
	}
	e := g.Endpoints[index]
	return &backendJSON{Type: string(e.Type), URLs: redacted(e.URLs)}
}

// redacted hides passwords in URLs.
func redacted(urls []string) []string {
	shown := make([]string, len(urls))
	for i, text := range urls {
		if u, err := url.Parse(text); err == nil {
			text = u.Redacted()
		}
		shown[i] = text
	}
	return shown
}

func (b *backendJSON) String() string {
	switch {
	case b == nil:
		return ""
	case len(b.URLs) == 1:
		return b.URLs[0]
	}
	return b.Type + " " + strings.Join(b.URLs, " ")
}

func (r route) backendText() string {
	production, sandbox := r.Production.String(), r.Sandbox.String()
	switch {
	case sandbox == "" || sandbox == production:
		return production
	case production == "":
		return "sandbox: " + sandbox
	}
	return production + ", sandbox: " + sandbox
}

// maxBackend tells what reaches a backend at the most.
func maxBackend(b spec.BackendLimits) (texts []string) {
	for _, l := range []struct {
		kind  string
		limit spec.BackendLimit
	}{{"backend", b.Production}, {"sandbox backend", b.Sandbox}} {
		if l.limit.Count > 0 {
			texts = append(texts, l.kind+" "+limitText(spec.Quota{Count: l.limit.Count, Window: l.limit.Window}))
		}
		if l.limit.MaxConcurrent > 0 {
			texts = append(texts, fmt.Sprintf("%s %d at a time", l.kind, l.limit.MaxConcurrent))
		}
	}
	return texts
}

func (r route) limitText() string {
	var parts []string
	if r.APITier != "" {
		parts = append(parts, r.APITier+" (API)")
	}
	if r.Tier != "" {
		parts = append(parts, r.Tier)
	}
	return strings.Join(slices.Concat(parts, r.Policies, r.MaxBackend), ", ")
}

func (r route) securityText() string {
	var parts []string
	if r.MutualTLS != "" {
		parts = append(parts, "mutual TLS "+r.MutualTLS)
	}
	if !r.Secured {
		return strings.Join(append(parts, "none"), ", ")
	}
	parts = append(parts, r.Schemes...)
	if len(r.Scopes) > 0 {
		parts = append(parts, "scopes "+strings.Join(r.Scopes, " or "))
	}
	return strings.Join(parts, ", ")
}

func (p printer) routes(all []route) error {
	rows := make([][]string, len(all))
	for i, r := range all {
		rows[i] = []string{r.Method, r.Path, r.API + " " + r.Version, r.securityText(), r.limitText(), r.backendText()}
	}
	return p.table([]string{"METHOD", "PATH", "API", "SECURITY", "LIMITS", "BACKEND"}, rows)
}
