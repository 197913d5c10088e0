package plan

import (
	"strings"

	"mgw/build/openapi"
)

// checkBasePaths reports base paths that are there twice. Several APIs may
// live at the root as long as their routes differ.
func (m *maker) checkBasePaths(apis []openapi.API, reported map[int]bool) {
	first := map[string]openapi.Place{}
	for i := range apis {
		base := apis[i].BasePath
		if base.Value == "" {
			continue
		}
		if before, twice := first[shape(base.Value)]; twice {
			m.errorf(base.Place, "x-wso2-basePath gives an API a base path of its own",
				"base path %q is already at %s", base.Value, at(before))
			reported[i] = true
			continue
		}
		first[shape(base.Value)] = base.Place
	}
}

// owner is the operation that a route leads to.
type owner struct {
	api *openapi.API
	op  *openapi.Operation
}

// checkRoutes reports operations that no request could tell from another, and
// those that a longer base path hides. An API whose name or base path is
// another's is compared with itself only: its routes are not more mistakes.
func (m *maker) checkRoutes(apis []openapi.API, reported map[int]bool) {
	owners := map[string]owner{}
	m.checkQueries(apis)
	for i := range apis {
		m.checkHidden(&apis[i], apis)
		if reported[i] {
			m.dropRepeated(&apis[i], map[string]owner{})
		} else {
			m.dropRepeated(&apis[i], owners)
		}
	}
}

// claim makes each operation the owner of its route, unless the route has one.
// One whose path had a fragment comes last. It gives the routes.
func claim(api *openapi.API, owners map[string]owner) []string {
	routes := make([]string, len(api.Operations))
	for _, cut := range []bool{false, true} {
		for i := range api.Operations {
			op := &api.Operations[i]
			if op.Cut != cut {
				continue
			}
			// Of two base paths the longer owns a request: there is nothing to tell apart.
			routes[i] = op.Method + " " + shape(api.BasePath.Value) + "\n" + shape(op.Path) + op.Query
			if owners[routes[i]].op == nil {
				owners[routes[i]] = owner{api, op}
			}
		}
	}
	return routes
}

// dropRepeated keeps one operation of a route. Where a fragment made the
// difference that is no mistake of the user's.
func (m *maker) dropRepeated(api *openapi.API, owners map[string]owner) {
	routes := claim(api, owners)
	kept := make([]openapi.Operation, 0, len(api.Operations))
	var cut []*openapi.Operation
	others := map[*openapi.API][]int{} // operations that belong to other APIs
	for i := range api.Operations {
		op := &api.Operations[i]
		switch o := owners[routes[i]]; {
		case o.op == op:
			kept = append(kept, *op)
		case o.api != api:
			others[o.api] = append(others[o.api], i)
		case op.Cut:
			cut = append(cut, op)
		default:
			m.errorf(op.Place, "", "%s %s cannot be told from %s %s at %s",
				op.Method, op.Path+op.Query, o.op.Method, o.op.Path+o.op.Query, at(o.op.Place))
		}
	}
	for _, op := range m.first(cut) {
		m.warnf(op.Place, "differs only in its fragment, which requests do not carry, from another operation, which serves its requests%s",
			m.counted(len(cut)))
	}
	for _, indexes := range others {
		op, o := &api.Operations[indexes[0]], owners[routes[indexes[0]]]
		m.errorf(op.Place, "x-wso2-basePath gives an API a base path of its own",
			"%s %s is already served by API %q at %s (%s of both)", op.Method, op.Path+op.Query, o.api.Title.Value, at(o.op.Place),
			count(len(indexes), "operation", "operations"))
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

// maxQueryNames is what the router can tell apart on one path.
const maxQueryNames = 64

// checkQueries bounds the parameters that the operations of a path ask for.
func (m *maker) checkQueries(apis []openapi.API) {
	names := map[string]map[string]bool{}
	for i := range apis {
		for j := range apis[i].Operations {
			op := &apis[i].Operations[j]
			if op.Query == "" {
				continue
			}
			path := shape(apis[i].BasePath.Value + op.Path)
			if names[path] == nil {
				names[path] = map[string]bool{}
			}
			for part := range strings.SplitSeq(op.Query[1:], "&") {
				name, _, _ := strings.Cut(part, "=")
				names[path][name] = true
			}
			if len(names[path]) > maxQueryNames {
				m.errorf(op.Place, "", "%s %s: the operations of a path can ask for at most %d parameters of the query", op.Method, op.Path, maxQueryNames)
				return
			}
		}
	}
}
