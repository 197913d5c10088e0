// Package plan joins the APIs and policies of a project to one spec.Gateway.
//
// What comes in are definitions and tiers, each read on its own. Here they are
// checked against each other: names and base paths that are there twice,
// routes that no request could tell apart, tiers that no list defines,
// operations without a backend. The precedence rules of contract section 2
// are applied, so that what goes out says for every operation exactly what
// holds. The package reads no files, and for the same input it gives the same
// Gateway, to the order of its lists.
package plan

import (
	"fmt"
	"slices"

	"mgw/build/interceptors"
	"mgw/build/openapi"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// Options are what the project's configuration says about a build.
type Options struct {
	// TrafficManager is throttlingConfig.enabledGlobalTMEventPublishing: a tier
	// that no list defines may be known there, so it is only a warning.
	TrafficManager bool
	// RefuseUnlimited is throttlingConfig.enableUnlimitedTier = false: nobody
	// may name the tier.
	RefuseUnlimited bool
	// Each asks for a warning at each operation, not for one that counts them.
	Each bool
	// Alone says that the definitions are looked at without their project:
	// that they name no backend is no mistake, and tiers are defined elsewhere.
	Alone bool
	// Code is the project's Go code; nil when there is none.
	Code *interceptors.Code
}

// Make gives the gateway, and every problem of the project in one list. With
// errors in the list the gateway is not fit for use.
func Make(name string, apis []openapi.API, policies spec.Policies, opts Options) (*spec.Gateway, diag.List) {
	m := maker{
		gateway:   &spec.Gateway{Format: spec.Format, Project: name, Policies: policies},
		options:   opts,
		endpoints: map[string]int{},
		names:     map[string]openapi.Place{},
		checked:   map[openapi.Place]bool{},
	}
	if m.options.Code == nil {
		m.options.Code = &interceptors.Code{}
	}
	webhooks := m.warnEmpty(apis)
	twice := map[int]bool{}
	m.checkNames(apis, twice)
	m.checkBasePaths(apis, twice)
	m.checkRoutes(apis, twice)
	for i := range apis {
		if len(apis[i].Operations) > 0 {
			m.addAPI(&apis[i])
		}
	}
	m.packSchemas()
	if len(apis) > 0 && len(m.gateway.APIs) == 0 && m.problems.Errors() == 0 && !webhooks && !opts.Alone {
		m.problems.Errorf("", 0, 0, "project %s: no definition has an operation to serve", name)
	}
	return m.gateway, m.problems
}

// warnEmpty warns of definitions without operations, and tells whether one of
// them is not so by mistake: it has webhooks, which others serve.
func (m *maker) warnEmpty(apis []openapi.API) (webhooks bool) {
	for i := range apis {
		switch a := &apis[i]; {
		case len(a.Operations) > 0:
		case a.Webhooks:
			webhooks = true
			m.warnf(a.Place, "has webhooks only: nothing to serve")
		default:
			m.warnf(a.Place, "has no operations: nothing to serve")
		}
	}
	return webhooks
}

type maker struct {
	gateway    *spec.Gateway
	options    Options
	problems   diag.List
	endpoints  map[string]int           // by content
	names      map[string]openapi.Place // of endpoints
	operations int
	checked    map[openapi.Place]bool // names of interceptors
	schemas    spec.Schemas
}

func (m *maker) addAPI(in *openapi.API) {
	api := spec.API{
		ID: len(m.gateway.APIs), File: in.File,
		Name: in.Title.Value, Version: in.Version.Value,
		ServiceName: serviceName(in.Title.Value, in.Version.Value),
		Owner:       in.Owner.Value,
		BasePath:    in.BasePath.Value, Context: in.BasePath.Value,
		Tier:           m.tier(in.Tier),
		ThrottlePolicy: m.throttlePolicy(in.ThrottlePolicy),
		Transports:     transports(in),
		AuthHeader:     in.AuthHeader.Value,
		MutualTLS:      in.MutualTLS.Value,
		MaxBackend:     in.MaxBackend,
		CORS:           in.CORS,
		ResponseCache:  in.ResponseCache,
	}
	if api.Context == "" {
		api.Context = "/"
	}
	backends := m.apiBackends(in, api.ServiceName)
	dropped := 0
	for i := range in.Operations {
		op := &in.Operations[i]
		if limited(in.Tier) && op.Tier.Given {
			if dropped++; dropped == 1 || m.options.Each {
				m.warnDropped(in, op)
			}
			op.Tier = openapi.Text{}
		}
		m.addMessages(api.ID, op)
		api.Operations = append(api.Operations, m.operation(in, op, backends))
	}
	m.addSchemas(in)
	backends.report(m, in)
	m.gateway.APIs = append(m.gateway.APIs, api)
}

// limited: an API's tier replaces those of its operations (contract section
// 3.4), unless it says that there is no limit at that level.
func limited(t openapi.Text) bool { return t.Given && t.Value != spec.TierUnlimited }

func (m *maker) warnDropped(in *openapi.API, op *openapi.Operation) {
	n := 0
	for _, o := range in.Operations {
		if o.Tier.Given {
			n++
		}
	}
	m.warnf(op.Tier.Place, "tier %q has no effect: the API has the tier %q%s", op.Tier.Value, in.Tier.Value, m.counted(n))
}

func (m *maker) operation(in *openapi.API, op *openapi.Operation, b *backends) spec.Operation {
	out := spec.Operation{
		ID: m.operations, Method: op.Method, Path: op.Path, Query: op.Query, KeyPath: keyPath(op.Path) + op.Query,
		Tier:           m.tier(op.Tier),
		ThrottlePolicy: m.throttlePolicy(op.ThrottlePolicy),
		Security:       m.security(in, op),
		MaxBackend:     op.MaxBackend,
		Interceptors:   m.interceptors(in, op),
	}
	out.Production, out.Sandbox = m.operationBackends(op, b)
	m.operations++
	return out
}

// transports adds https where a client certificate is asked for.
func transports(in *openapi.API) []string {
	list := in.Transports
	if list == nil {
		return []string{"http", "https"}
	}
	if in.MutualTLS.Value == "mandatory" && !slices.Contains(list, "https") {
		list = append(list, "https")
	}
	return list
}

func (m *maker) errorf(at openapi.Place, hint, format string, args ...any) {
	m.add(at, diag.Error, hint, format, args...)
}

func (m *maker) warnf(at openapi.Place, format string, args ...any) {
	m.add(at, diag.Warning, "", format, args...)
}

func (m *maker) add(at openapi.Place, s diag.Severity, hint, format string, args ...any) {
	m.problems.Add(diag.Problem{
		File: at.File, Line: at.Line, Col: at.Col,
		Severity: s, Msg: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// at gives a place as it stands in the text of another problem.
func at(p openapi.Place) string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// counted ends a warning that stands for those of n operations.
func (m *maker) counted(n int) string {
	if m.options.Each {
		return ""
	}
	return " (" + count(n, "operation", "operations") + ")"
}

// first gives the operations to name of those that deserve one warning.
func (m *maker) first(ops []*openapi.Operation) []*openapi.Operation {
	if m.options.Each {
		return ops
	}
	return ops[:min(len(ops), 1)]
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
