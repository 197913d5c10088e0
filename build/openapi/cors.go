package openapi

import (
	"net/url"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

var corsFields = []string{
	"accessControlAllowOrigins", "accessControlAllowHeaders", "accessControlAllowMethods",
	"accessControlExposeHeaders", "accessControlAllowCredentials", "accessControlMaxAge", "corsConfigurationEnabled",
}

// readCORS reads x-wso2-cors, whose names may be written in camelCase,
// snake_case and kebab-case. That it is there switches CORS on.
func (r *reader) readCORS(v value) *spec.CORS {
	if !v.exists() {
		return nil
	}
	if !v.isMap() {
		r.want(v, "x-wso2-cors", "a mapping")
		return nil
	}
	cors, errors := &spec.CORS{}, r.problems.Errors()
	for _, p := range v.pairs() {
		name := corsField(p.name)
		switch name {
		case "accessControlAllowOrigins":
			cors.AllowOrigins = r.textList(p.value, p.name)
			r.checkOrigins(p.value)
		case "accessControlAllowHeaders":
			cors.AllowHeaders = r.tokenList(p.value, p.name)
		case "accessControlAllowMethods":
			cors.AllowMethods = r.tokenList(p.value, p.name)
		case "accessControlExposeHeaders":
			cors.ExposeHeaders = r.tokenList(p.value, p.name)
		case "accessControlAllowCredentials":
			cors.AllowCredentials = r.flagField(p.value, p.name).Value
		case "accessControlMaxAge": // not the original's
			cors.MaxAge = int(r.intField(p.value, p.name, 0, 0))
		case "corsConfigurationEnabled": // ignored: contract section 2.2
		default:
			r.errorf(p.key, "x-wso2-cors has no field %q", clip(p.name)).hint(nearest(p.name, corsFields))
		}
	}
	switch any := slices.Contains(cors.AllowOrigins, "*"); {
	case any && cors.AllowCredentials:
		r.warnf(v, "x-wso2-cors lets every web site act with its visitors' credentials").
			hint("name the origins in accessControlAllowOrigins in place of *")
	case len(cors.AllowOrigins) == 0 && r.problems.Errors() == errors:
		r.warnf(v, "x-wso2-cors allows no origin").hint("name them in accessControlAllowOrigins: scheme://host[:port], or *")
	}
	return cors
}

// checkOrigins warns of what no browser sends as an Origin (RFC 6454 section
// 7).
func (r *reader) checkOrigins(list value) {
	for _, item := range list.items() {
		origin, ok := item.scalar()
		if !ok || origin == "*" || origin == "null" {
			continue
		}
		if u, err := url.Parse(origin); err != nil || u.Host == "" || origin != strings.ToLower(u.Scheme+"://"+u.Host) || strings.Contains(origin, "*") {
			r.warnf(item, "no browser sends the origin %s", item.describe()).hint("an origin is scheme://host[:port] in lower case, with nothing behind it")
		}
	}
}

// tokenList reads names of fields or methods.
func (r *reader) tokenList(v value, name string) []string {
	for _, item := range v.items() {
		if t, ok := item.scalar(); ok && t != "" && !isToken(t) {
			r.errorf(item, "%s: %s is not a name", name, item.describe())
		}
	}
	return r.textList(v, name)
}

// corsField gives the camelCase form of a known name, or "".
func corsField(name string) string {
	bare := strings.NewReplacer("_", "", "-", "").Replace(name)
	if bare != name { // snake or kebab: case carries nothing
		for _, f := range corsFields {
			if strings.EqualFold(f, bare) {
				return f
			}
		}
		return ""
	}
	if slices.Contains(corsFields, name) {
		return name
	}
	return ""
}
