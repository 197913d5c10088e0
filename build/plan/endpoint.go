package plan

import (
	"encoding/json"
	"fmt"
	"strings"

	"mgw/build/openapi"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// backends are what an API's operations use unless they say otherwise, and the
// operations that have none.
type backends struct {
	production, sandbox int
	extension           bool // production comes from x-wso2-production-endpoints
	missing             []*openapi.Operation
	overruled           []*openapi.Operation // whose servers an API's extension overrules
}

// apiBackends: an extension overrides servers (contract section 2.2); a
// sandbox is never derived from servers.
func (m *maker) apiBackends(in *openapi.API, name string) *backends {
	b := &backends{production: spec.NoEndpoint, sandbox: spec.NoEndpoint}
	switch {
	case in.Production != nil:
		b.extension = true
		b.production = m.endpoint("production", name, in.Production)
	case in.Servers != nil && len(in.Servers.URLs) > 0:
		m.warnShared(in.Servers)
		b.production = m.endpoint("production", name, fromServers(in.Servers))
	}
	if in.Sandbox != nil {
		b.sandbox = m.endpoint("sandbox", name, in.Sandbox)
	}
	return b
}

// operationBackends: what stands at the operation wins over the API's
// extension, that over servers of the operation, those over the API's.
func (m *maker) operationBackends(op *openapi.Operation, b *backends) (production, sandbox int) {
	production, sandbox = b.production, b.sandbox
	switch {
	case op.Production != nil:
		production = m.endpoint("production", "", op.Production)
	case op.Servers == nil || len(op.Servers.URLs) == 0:
	case b.extension:
		b.overruled = append(b.overruled, op)
	default:
		production = m.endpoint("production", "", fromServers(op.Servers))
	}
	if op.Sandbox != nil {
		sandbox = m.endpoint("sandbox", "", op.Sandbox)
	}
	if production == spec.NoEndpoint && sandbox == spec.NoEndpoint {
		b.missing = append(b.missing, op)
	}
	return production, sandbox
}

// report says once what holds for several operations.
func (b *backends) report(m *maker, in *openapi.API) {
	for _, op := range m.first(b.overruled) {
		m.warnf(op.Servers.Place, "servers have no effect: the API has x-wso2-production-endpoints%s", m.counted(len(b.overruled)))
	}
	switch {
	case len(b.missing) == 0 || m.options.Alone:
	case len(b.missing) == len(in.Operations):
		place, why := in.Place, "the definition names no server"
		if in.Servers != nil {
			place, why = in.Servers.Place, fmt.Sprintf("the definition names no http or https address (%s)", strings.Join(in.Servers.Relative, ", "))
		}
		m.errorf(place, backendHint(in), "no backend: %s", why)
	default:
		for _, op := range b.missing {
			m.errorf(op.Place, backendHint(in), "%s %s has no backend, and the API has none", op.Method, op.Path)
		}
	}
}

// backendHint is what to write, with the path that the definition knows.
func backendHint(in *openapi.API) string {
	path := in.BasePath.Value
	if in.Servers != nil && strings.HasPrefix(in.Servers.First, "/") {
		path = strings.TrimRight(in.Servers.First, "/")
	}
	return "x-wso2-production-endpoints: {urls: [https://HOST" + path + "]}"
}

// warnShared: several servers are often several stages, not copies.
func (m *maker) warnShared(s *openapi.Servers) {
	if len(s.URLs) > 1 {
		m.add(s.Place, diag.Warning, "x-wso2-production-endpoints chooses", "requests are shared among %d servers: %s",
			len(s.URLs), strings.Join(s.URLs, ", "))
	}
}

func fromServers(s *openapi.Servers) *openapi.Endpoint {
	e := &openapi.Endpoint{Place: s.Place}
	e.URLs, e.Type = s.URLs, spec.HTTP
	if len(s.URLs) > 1 {
		e.Type = spec.LoadBalance
	}
	return e
}

// endpoint gives the index of an endpoint. Equal ones are one, so that they
// share connections; production and sandbox are kept apart, as each has its own
// name to override it by (contract section 1.8).
func (m *maker) endpoint(kind, name string, e *openapi.Endpoint) int {
	out := e.Endpoint
	if out.Name == "" {
		out.Name = name
	}
	content, _ := json.Marshal(out) // plain data without NaN: cannot fail
	key := kind + string(content)
	if i, ok := m.endpoints[key]; ok {
		return i
	}
	m.checkEndpointName(kind, out.Name, e.Place)
	i := len(m.gateway.Endpoints)
	m.gateway.Endpoints = append(m.gateway.Endpoints, out)
	m.endpoints[key] = i
	return i
}

// checkEndpointName warns where an override at start (contract section 1.8)
// would reach more than one endpoint.
func (m *maker) checkEndpointName(kind, name string, place openapi.Place) {
	if name == "" {
		return
	}
	if before, twice := m.names[kind+name]; twice {
		m.warnf(place, "endpoint name %q stands for another endpoint at %s: overriding it at start changes both", name, at(before))
		return
	}
	m.names[kind+name] = place
}
