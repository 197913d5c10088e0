package plan

import (
	"strings"

	"mgw/build/openapi"
	"mgw/runtime/spec"
)

// checkBasePaths reports base paths that are there twice. Several APIs may
// live at the root as long as their routes differ.
func (m *maker) checkBasePaths(apis []openapi.API) {
	first := map[string]openapi.Place{}
	for i := range apis {
		base := apis[i].BasePath
		if base.Value == "" {
			continue
		}
		if before, twice := first[base.Value]; twice {
			m.errorf(base.Place, "x-wso2-basePath gives an API a base path of its own",
				"base path %q is already at %s", base.Value, at(before))
			continue
		}
		first[base.Value] = base.Place
	}
}

// checkRoutes reports operations that no request could tell from another, and
// those that a longer base path hides.
func (m *maker) checkRoutes(apis []openapi.API) {
	for i := range apis {
		m.checkHidden(&apis[i], apis)
	}
	first := map[string]*openapi.Operation{}
	for i := range apis {
		api := &apis[i]
		kept := api.Operations[:0]
		for j := range api.Operations {
			op := &api.Operations[j]
			key := op.Method + " " + api.BasePath.Value + shape(op.Path)
			before := first[key]
			if before == nil {
				kept = append(kept, *op)
				first[key] = &kept[len(kept)-1]
				continue
			}
			m.errorf(op.Place, "", "%s %s cannot be told from %s %s at %s",
				op.Method, op.Path, before.Method, before.Path, at(before.Place))
		}
		api.Operations = kept
	}
}

// shape is a template without the names of its parameters.
func shape(template string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("{}")
		_, template, _ = strings.Cut(rest, "}")
	}
}

func (m *maker) checkHidden(api *openapi.API, apis []openapi.API) {
	for i := range apis {
		other := &apis[i]
		inner, below := strings.CutPrefix(other.BasePath.Value, api.BasePath.Value+"/")
		if !below || other == api {
			continue
		}
		for j := range api.Operations {
			op := &api.Operations[j]
			if op.Path == "/"+inner || strings.HasPrefix(op.Path, "/"+inner+"/") {
				m.warnf(op.Place, "%s %s is never reached: such requests belong to the base path %q at %s",
					op.Method, op.Path, other.BasePath.Value, at(other.BasePath.Place))
			}
		}
	}
}

// Route is an operation as a list shows it.
type Route struct {
	Method, Path string // the path with its base path
	API          string // name and version
	APITier      string
	Tier         string
	Secured      bool
	Production   []string
	Sandbox      []string
}

// Routes lists what a gateway serves, in the order of the definitions.
func Routes(g *spec.Gateway) []Route {
	var routes []Route
	for i := range g.APIs {
		api := &g.APIs[i]
		for j := range api.Operations {
			op := &api.Operations[j]
			routes = append(routes, Route{
				Method: op.Method, Path: api.BasePath + op.Path,
				API: api.Name + " " + api.Version, APITier: api.Tier, Tier: op.Tier,
				Secured:    !op.Security.Disabled,
				Production: urls(g, op.Production), Sandbox: urls(g, op.Sandbox),
			})
		}
	}
	return routes
}

func urls(g *spec.Gateway, endpoint int) []string {
	if endpoint == spec.NoEndpoint {
		return nil
	}
	return g.Endpoints[endpoint].URLs
}
