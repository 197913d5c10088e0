package plan

import (
	"go/token"
	"maps"
	"slices"
	"strings"

	"mgw/build/interceptors"
	"mgw/build/openapi"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// interceptors lists the functions of an operation as they run: on requests
// those of the API before the operation's, on answers the other way round, and
// each once (contract section 2.2).
func (m *maker) interceptors(in *openapi.API, op *openapi.Operation) spec.Interceptors {
	api, own := in.Interceptors, op.Interceptors
	return spec.Interceptors{
		Classify: m.functions(interceptors.Request, "classifier", api.Classify, own.Classify),
		Request:  m.functions(interceptors.Request, "request interceptor", api.Request, own.Request),
		Response: m.functions(interceptors.Response, "response interceptor", own.Response, api.Response),
	}
}

func (m *maker) functions(kind interceptors.Kind, use string, names ...openapi.Text) []string {
	var list []string
	for _, name := range names {
		if name.Given && !slices.Contains(list, name.Value) {
			m.checkFunction(kind, use, name)
			list = append(list, name.Value)
		}
	}
	return list
}

// checkFunction reports once for each place what a name lacks to be of use.
func (m *maker) checkFunction(kind interceptors.Kind, use string, name openapi.Text) {
	code := m.options.Code
	f, there := code.Functions[name.Value]
	switch {
	case m.options.Alone || m.checked[name.Place]:
	case !there && code.Broken:
	case !there && code.First == "":
		m.errorf(name.Place, "write "+kind.Signature(name.Value), "there is no function %s: %s/ has no Go file", name.Value, interceptors.Dir)
	case !there:
		m.errorf(name.Place, m.nearFunction(kind, name.Value), "there is no function %s in %s/*.go", name.Value, interceptors.Dir)
	case f.Why != "":
		m.errorf(name.Place, "", "%s at %s cannot be a %s: %s", name.Value, placeOf(f), use, f.Why)
	case f.Kind != kind:
		m.errorf(openapi.Place{File: f.File, Line: f.Line, Col: f.Col}, "declare it as "+kind.Signature(name.Value),
			"%s cannot be a %s, as which %s names it", name.Value, use, at(name.Place))
	}
	m.checked[name.Place] = true
}

func placeOf(f interceptors.Function) string {
	return at(openapi.Place{File: f.File, Line: f.Line, Col: f.Col})
}

// nearFunction is a hint: the name that was meant, or how the function would be
// declared.
func (m *maker) nearFunction(kind interceptors.Kind, name string) string {
	for n, f := range m.options.Code.Functions {
		if !token.IsExported(n) && strings.EqualFold(n, name) {
			return n + " at " + placeOf(f) + " is not exported: its name must start with a capital letter"
		}
	}
	var known []string
	for _, n := range slices.Sorted(maps.Keys(m.options.Code.Functions)) {
		if f := m.options.Code.Functions[n]; f.Kind == kind && token.IsExported(n) {
			known = append(known, n)
		}
	}
	if hint := diag.DidYouMean(name, known); hint != "" {
		return hint
	}
	return "write " + kind.Signature(name)
}
