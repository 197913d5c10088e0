// Package router finds the operation that a request asks for.
//
// In: the APIs of a gateway, once; then method, scheme and raw path of each
// request. Out: API, operation and path parameters in the exchange, or an
// answer: 400 for a path that two readers could understand differently, 404,
// 405 with Allow, and 200 for an OPTIONS that no operation handles.
//
// The API with the longest base path owns a path; within it a literal segment
// comes before a template, a template before a wildcard, and the most specific
// path that matches decides, whatever its methods. Among its operations of one
// method, conditions on the query choose. Nothing is decoded, cleaned
// or redirected: parameters are lent as they stand in the path, which is what
// the backend receives.
package router

import (
	"fmt"
	"slices"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Router is immutable and safe for concurrent use.
type Router struct {
	http, https *base
}

// Outcome is what a look-up found.
type Outcome int

const (
	Found       Outcome = iota
	NotFound            // no path matches
	WrongMethod         // a path matches, its methods do not
	Options             // OPTIONS, answered by the router
	BadPath             // refused before anything was matched
	BadQuery            // the query, on which the operation depends, can be read in two ways
)

func (o Outcome) String() string {
	return [...]string{"found", "not found", "method not allowed", "options", "bad path", "ambiguous query"}[o]
}

// New compiles the routes of all APIs. It fails when two operations would
// answer the same requests.
func New(apis []spec.API) (*Router, error) {
	http, err := newBase(apis, "http")
	if err != nil {
		return nil, err
	}
	// Most gateways serve the same on both: one tree then, half the memory and
	// half the time to start.
	if !slices.ContainsFunc(apis, func(a spec.API) bool { return served(&a, "http") != served(&a, "https") }) {
		return &Router{http: http, https: http}, nil
	}
	https, err := newBase(apis, "https")
	if err != nil {
		return nil, err
	}
	return &Router{http: http, https: https}, nil
}

// served tells whether an API is bound to a scheme.
func served(api *spec.API, scheme string) bool {
	return len(api.Transports) == 0 || slices.Contains(api.Transports, scheme)
}

func newBase(apis []spec.API, scheme string) (*base, error) {
	root := new(base)
	for i := range apis {
		api := &apis[i]
		if !served(api, scheme) {
			continue
		}
		if err := root.add(api); err != nil {
			return nil, fmt.Errorf("routing %s %s: %w", api.Name, api.Version, err)
		}
	}
	if err := root.finish(); err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	return root, nil
}

// Route is the stage: it sets API, Operation and Params, or answers. What it
// answers has no operation, but the API that owns the path.
func (r *Router) Route(x *exchange.Exchange) bool {
	if !validQuery(x.Query) {
		reply.BadRequest.Send(x)
		return false
	}
	root := r.https
	if x.Scheme == "http" {
		root = r.http
	}
	s := search{path: x.Path, query: x.Query, params: x.Params[:0]}
	to, end, outcome := root.lookup(&s, x.Method)
	x.Params = s.params
	switch outcome {
	case Found:
		x.API, x.Operation = s.table.apis[to.api], to.op
		names := s.table.names[to.names]
		for i := range x.Params {
			x.Params[i].Name = names[i]
		}
		return true
	case BadPath, BadQuery:
		reply.BadRequest.Send(x)
		return false
	case NotFound:
		reply.NotFound.Send(x)
	case WrongMethod:
		x.Response.Set("Allow", s.table.allowed[end.allowed].wrong)
		reply.MethodNotAllowed.Send(x)
	case Options:
		x.Response.Set("Allow", s.table.allowed[end.allowed].options)
		x.Status = 200
	}
	s.params = s.params[:0]
	x.API = root.owner(&s)
	return false
}

// Find tells what a request over https, or over http when nothing is there,
// would lead to. API and operation are nil unless it is Found.
func (r *Router) Find(method string, path, query []byte) (*spec.API, *spec.Operation, Outcome) {
	outcome := NotFound
	for _, root := range []*base{r.https, r.http} {
		var to *target
		s := search{path: path, query: query}
		if to, _, outcome = root.lookup(&s, method); outcome == Found {
			return s.table.apis[to.api], to.op, Found
		}
		if outcome != NotFound {
			break
		}
	}
	return nil, nil, outcome
}
