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
		if before, twice := first[shape(base.Value)]; twice {
			m.errorf(base.Place, "x-wso2-basePath gives an API a base path of its own",
				"base path %q is already at %s", base.Value, at(before))
			continue
		}
		first[shape(base.Value)] = base.Place
	}
}

// checkRoutes reports operations that no request could tell from another, and
// those that a longer base path hides.
func (m *maker) checkRoutes(apis []openapi.API) {
	first := map[string]*openapi.Operation{}
	for i := range apis {
		m.checkHidden(&apis[i], apis)
		m.dropRepeated(&apis[i], first)
	}
}

// dropRepeated keeps one of several. Where a query or fragment made the
// difference that is no mistake of the user's; one without either wins.
func (m *maker) dropRepeated(api *openapi.API, owners map[string]*openapi.Operation) {
	keys := make([]string, len(api.Operations))
	for _, cut := range []bool{false, true} {
		for i := range api.Operations {
			op := &api.Operations[i]
			if op.Cut != cut {
				continue
			}
			keys[i] = op.Method + " " + shape(api.BasePath.Value+op.Path)
			if owners[keys[i]] == nil {
				owners[keys[i]] = op
			}
		}
	}
	kept := make([]openapi.Operation, 0, len(api.Operations))
	var cut []*openapi.Operation
	for i := range api.Operations {
		op := &api.Operations[i]
		switch owner := owners[keys[i]]; {
		case owner == op:
			kept = append(kept, *op)
		case op.Cut:
			cut = append(cut, op)
		default:
			m.errorf(op.Place, "", "%s %s cannot be told from %s %s at %s",
				op.Method, op.Path, owner.Method, owner.Path, at(owner.Place))
		}
	}
	if len(cut) > 0 {
		m.warnf(cut[0].Place, "differs only in query or fragment from another operation, which serves its requests (%s)",
			count(len(cut), "operation", "operations"))
	}
	api.Operations = kept
}

// checkHidden warns of operations whose requests the API with a longer base
// path gets.
func (m *maker) checkHidden(api *openapi.API, apis []openapi.API) {
	for i := range apis {
		other := &apis[i]
		inner, below := strings.CutPrefix(shape(other.BasePath.Value), shape(api.BasePath.Value))
		if !below || !strings.HasPrefix(inner, "/") {
			continue
		}
		for j := range api.Operations {
			op := &api.Operations[j]
			if path := shape(op.Path); path == inner || strings.HasPrefix(path, inner+"/") {
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
