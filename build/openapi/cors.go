package openapi

import (
	"slices"
	"strings"

	"mgw/runtime/spec"
)

var corsFields = []string{
	"accessControlAllowOrigins", "accessControlAllowHeaders", "accessControlAllowMethods",
	"accessControlExposeHeaders", "accessControlAllowCredentials", "corsConfigurationEnabled",
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
	cors := &spec.CORS{}
	for _, p := range v.pairs() {
		name := corsField(p.name)
		switch name {
		case "accessControlAllowOrigins":
			cors.AllowOrigins = r.textList(p.value, p.name)
		case "accessControlAllowHeaders":
			cors.AllowHeaders = r.textList(p.value, p.name)
		case "accessControlAllowMethods":
			cors.AllowMethods = r.textList(p.value, p.name)
		case "accessControlExposeHeaders":
			cors.ExposeHeaders = r.textList(p.value, p.name)
		case "accessControlAllowCredentials":
			cors.AllowCredentials = r.flagField(p.value, p.name).Value
		case "corsConfigurationEnabled": // ignored: contract section 2.2
		default:
			r.errorf(p.key, "x-wso2-cors has no field %q", clip(p.name)).hint(nearest(p.name, corsFields))
		}
	}
	return cors
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
