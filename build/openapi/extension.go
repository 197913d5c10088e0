package openapi

import (
	"slices"
	"strings"

	"mgw/runtime/diag"
)

// level says where an extension means something.
type level int

const (
	apiLevel level = 1 << iota
	operationLevel
	bothLevels = apiLevel | operationLevel
)

type extension struct{ levels level }

// extensions of contract section 2.2, and the project's own (x-mgw-).
var extensions = map[string]extension{
	"x-wso2-basePath":              {levels: apiLevel},
	"x-wso2-production-endpoints":  {levels: bothLevels},
	"x-wso2-sandbox-endpoints":     {levels: bothLevels},
	"x-wso2-endpoints":             {levels: apiLevel},
	"x-wso2-throttling-tier":       {levels: bothLevels},
	"x-throttling-tier":            {levels: bothLevels},
	"x-wso2-disable-security":      {levels: bothLevels},
	"x-auth-type":                  {levels: operationLevel},
	"x-scope":                      {levels: operationLevel},
	"x-wso2-application-security":  {levels: bothLevels},
	"x-wso2-mutual-ssl":            {levels: apiLevel},
	"x-wso2-transports":            {levels: apiLevel},
	"x-wso2-auth-header":           {levels: apiLevel},
	"x-wso2-cors":                  {levels: apiLevel},
	"x-wso2-owner":                 {levels: apiLevel},
	requestExtension:               {levels: bothLevels},
	responseExtension:              {levels: bothLevels},
	classifyExtension:              {levels: bothLevels},
	"x-wso2-response-cache":        {levels: apiLevel},
	"x-mgw-throttle-policy":        {levels: bothLevels},
	"x-mgw-max-backend-throughput": {levels: bothLevels},
	"x-mgw-max-concurrent-backend": {levels: bothLevels},
}

// extensionNames are in the order in which a hint looks for the nearest.
var extensionNames = sortedKeys(extensions)

// checkExtensions reports those that are mistyped or stand where they mean
// nothing. Of others' extensions it says nothing.
func (r *reader) checkExtensions(v value, where string, at level) {
	for _, p := range v.pairs() {
		if !strings.HasPrefix(p.name, "x-") && !strings.HasPrefix(p.name, "X-") {
			continue
		}
		known, ok := extensions[p.name]
		switch {
		case !ok && isOurs(p.name):
			r.warnf(p.key, "unknown extension %s: it has no effect", clip(p.name)).hint(diag.DidYouMean(clip(p.name), extensionNames))
		case !ok:
		case known.levels&at == 0:
			r.warnf(p.key, "%s has no effect at %s: it belongs to %s", p.name, where, known.levels)
		}
	}
}

func isOurs(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-wso2-") || strings.HasPrefix(name, "x-mgw-")
}

func (l level) String() string {
	switch l {
	case apiLevel:
		return "the top of the definition"
	case operationLevel:
		return "an operation"
	}
	return "the top of the definition or an operation"
}

// readSettings takes the extensions that can stand at both levels. Servers and
// security are read from what kin-openapi made of them.
func (r *reader) readSettings(v value, at level) Settings {
	return Settings{
		Production:      r.readEndpoints(v, "x-wso2-production-endpoints"),
		Sandbox:         r.readEndpoints(v, "x-wso2-sandbox-endpoints"),
		Tier:            r.readTier(v, at),
		ThrottlePolicy:  r.textField(v.get("x-mgw-throttle-policy"), "x-mgw-throttle-policy"),
		MaxBackend:      r.readBackendLimits(v),
		DisableSecurity: r.flagField(v.get("x-wso2-disable-security"), "x-wso2-disable-security"),
		AppSecurity:     r.readAppSecurity(v),
		Interceptors:    r.readInterceptors(v),
	}
}

// readTier follows contract section 2.2: at an operation API Manager's own
// extension wins, at an API the other.
func (r *reader) readTier(v value, at level) Text {
	wso2 := r.textField(v.get("x-wso2-throttling-tier"), "x-wso2-throttling-tier")
	manager := r.textField(v.get("x-throttling-tier"), "x-throttling-tier")
	if at == operationLevel {
		wso2, manager = manager, wso2
	}
	if wso2.Given {
		return wso2
	}
	return manager
}

// readAPIExtensions takes those that stand at the top only.
func (r *reader) readAPIExtensions(api *API) {
	api.Owner = r.textField(r.root.get("x-wso2-owner"), "x-wso2-owner")
	api.AuthHeader = r.readAuthHeader(r.root.get("x-wso2-auth-header"))
	api.MutualTLS = r.readMutualTLS(r.root.get("x-wso2-mutual-ssl"))
	api.Transports = r.readTransports(r.root.get("x-wso2-transports"))
	api.CORS = r.readCORS(r.root.get("x-wso2-cors"))
	api.ResponseCache = r.readResponseCache(r.root.get("x-wso2-response-cache"))
}

func (r *reader) readAuthHeader(v value) Text {
	h := r.textField(v, "x-wso2-auth-header")
	if h.Given && !isToken(h.Value) {
		r.errorf(v, "x-wso2-auth-header: %s is not the name of a header", v.describe())
		return Text{}
	}
	return h
}

// isToken holds for what RFC 9110 section 5.6.2 calls a token.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func (r *reader) readMutualTLS(v value) Text {
	t := r.textField(v, "x-wso2-mutual-ssl")
	t.Value = strings.ToLower(t.Value)
	if t.Given && t.Value != "optional" && t.Value != "mandatory" {
		r.want(v, "x-wso2-mutual-ssl", "optional or mandatory").hint(nearest(t.Value, []string{"optional", "mandatory"}))
		return Text{}
	}
	return t
}

func (r *reader) readTransports(v value) []string {
	if !v.exists() {
		return nil
	}
	known := []string{"http", "https"}
	var list []string
	for _, item := range v.items() {
		t, _ := item.scalar()
		if !slices.Contains(known, t) {
			r.want(item, "an item of x-wso2-transports", "http or https").hint(nearest(t, known))
		} else if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	if !v.isList() || len(v.items()) == 0 {
		r.want(v, "x-wso2-transports", "a list of http and https")
	}
	return list
}
