package openapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"mgw/runtime/spec"
)

// scheme is an entry of securitySchemes as far as a gateway can check it.
type scheme struct {
	kind          spec.Scheme // "" is nothing that can be checked
	header, query string      // of an API key
	cookie        bool
}

// readSchemes maps the schemes as contract section 2.5 does. Bearer tokens and
// OpenID Connect are the tokens that oauth2 means.
func (r *reader) readSchemes(doc *document) map[string]scheme {
	schemes := map[string]scheme{}
	if doc.Components == nil {
		return schemes
	}
	for name, ref := range doc.Components.SecuritySchemes {
		if ref != nil && ref.Value != nil {
			schemes[name] = schemeOf(ref.Value)
		}
	}
	return schemes
}

func schemeOf(s *openapi3.SecurityScheme) scheme {
	switch s.Type {
	case "oauth2", "openIdConnect":
		return scheme{kind: spec.OAuth2}
	case "http":
		if strings.EqualFold(s.Scheme, "basic") {
			return scheme{kind: spec.Basic}
		}
		return scheme{kind: spec.OAuth2}
	case "apiKey":
		switch s.In {
		case "header":
			return scheme{kind: spec.APIKey, header: s.Name}
		case "query":
			return scheme{kind: spec.APIKey, query: s.Name}
		case "cookie":
			return scheme{cookie: true}
		}
	}
	return scheme{}
}

// readRequirements gives what `security` asks for: any of its schemes, any of
// its scopes.
func (r *reader) readRequirements(list *openapi3.SecurityRequirements, at value) *Requirements {
	if list == nil || !at.exists() {
		return nil
	}
	q := &Requirements{Place: at.place()}
	for _, requirement := range *list {
		if len(requirement) > 1 {
			r.warnOnce("all of", at, "security asks for several schemes at once: a gateway is content with any one of them")
		}
		for _, name := range slices.Sorted(maps.Keys(requirement)) {
			r.require(q, name, requirement[name], at)
		}
	}
	if asksForNothing(at) {
		r.warnOnce("open", at, "security: a caller without credentials is refused all the same").
			hint("x-wso2-disable-security: true opens an operation")
	}
	return q
}

// asksForNothing holds for `security: []` and for a requirement {}, which in
// OpenAPI let anybody in.
func asksForNothing(v value) bool {
	for _, item := range v.items() {
		if item.isMap() && len(item.pairs()) == 0 {
			return true
		}
	}
	return v.isList() && len(v.items()) == 0
}

func (r *reader) require(q *Requirements, name string, scopes []string, at value) {
	s, ok := r.schemes[name]
	switch {
	case !ok:
		r.warnOnce("scheme "+name, at, "security scheme %q is not defined: taken as oauth2", clip(name)).
			hint(nearest(name, sortedKeys(r.schemes)))
		s.kind = spec.OAuth2
	case s.cookie:
		r.warnOnce("cookie", at, "security scheme %q: API keys in cookies are not supported", clip(name))
		return
	case s.kind == "":
		return
	}
	if !slices.Contains(q.Schemes, s.kind) {
		q.Schemes = append(q.Schemes, s.kind)
	}
	if s.kind == spec.OAuth2 {
		for _, scope := range scopes {
			if !slices.Contains(q.Scopes, scope) {
				q.Scopes = append(q.Scopes, scope)
			}
		}
	}
	r.requireKey(q, s, name, at)
}

func (r *reader) requireKey(q *Requirements, s scheme, name string, at value) {
	if s.header != "" && q.KeyHeader != "" && q.KeyHeader != s.header || s.query != "" && q.KeyQuery != "" && q.KeyQuery != s.query {
		r.warnOnce("keys", at, "security scheme %q: only one API key of a kind is looked for, the first", clip(name))
		return
	}
	if s.header != "" {
		q.KeyHeader = s.header
	}
	if s.query != "" {
		q.KeyQuery = s.query
	}
}

var securityTypes = map[string]spec.Scheme{"oauth2": spec.OAuth2, "basic_auth": spec.Basic, "api_key": spec.APIKey}

// readAppSecurity reads x-wso2-application-security.
func (r *reader) readAppSecurity(v value) *AppSecurity {
	const name = "x-wso2-application-security"
	at := v.get(name)
	if !at.exists() || !r.fields(at, name, []string{"security-types", "optional"}) {
		return nil
	}
	a := &AppSecurity{Place: at.place(), Optional: r.flagField(at.get("optional"), "optional")}
	types := at.get("security-types")
	if types.exists() && !types.isList() {
		r.want(types, "security-types", "a list of oauth2, basic_auth, api_key")
	}
	for _, item := range types.items() {
		text, _ := item.scalar()
		kind, ok := securityTypes[text]
		if !ok {
			r.want(item, "an item of security-types", "one of oauth2, basic_auth, api_key").
				hint(nearest(text, sortedKeys(securityTypes)))
		} else if !slices.Contains(a.Types, kind) {
			a.Types = append(a.Types, kind)
		}
	}
	return a
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
