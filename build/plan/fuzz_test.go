package plan

import (
	"testing"

	"mgw/build/openapi"
	"mgw/build/project"
	"mgw/runtime/spec"
)

// FuzzMake holds a plan without errors to what the runtime relies on.
func FuzzMake(f *testing.F) {
	f.Add([]byte(api("A", "x-wso2-basePath: /a", "  /x/{y}: {get: {}, put: {x-auth-type: None}}\n")),
		[]byte(api("B", "x-wso2-sandbox-endpoints: {urls: [https://s.example]}", "  /x/{y}: {get: {}}\n")))
	f.Add([]byte(`{"swagger": "2.0", "host": "a.example", "basePath": "/", "paths": {"a?b": {"get": null}, "/a#b": {"get": {}}}}`), []byte("openapi: 3"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var docs []project.Document
		for name, text := range map[string][]byte{"a.yaml": a, "b.json": b} {
			if doc, _ := project.Parse(name, text); doc.Root != nil {
				docs = append(docs, doc)
			}
		}
		apis, read := openapi.Read(docs, openapi.Options{})
		g, planned := Make("p", apis, policies, Options{})
		if read.Errors()+planned.Errors() > 0 {
			return
		}
		data, err := spec.Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		if g, err = spec.Decode(data); err != nil {
			t.Fatal(err)
		}
		checkServable(t, g)
	})
}

func checkServable(t *testing.T, g *spec.Gateway) {
	next := 0
	routes := map[string]bool{}
	for i, a := range g.APIs {
		if a.ID != i || len(a.Operations) == 0 || len(a.Transports) == 0 || a.Name == "" || a.Version == "" {
			t.Fatalf("API %d: %+v", i, a)
		}
		if base := a.BasePath; base != "" && (base[0] != '/' || base[len(base)-1] == '/') {
			t.Fatalf("base path %q", base)
		}
		for _, op := range a.Operations {
			route := op.Method + shape(a.BasePath) + "\n" + shape(op.Path) + op.Query
			if op.ID != next || op.Path[0] != '/' || routes[route] {
				t.Fatalf("operation %d: %+v", next, op)
			}
			next++
			routes[route] = true
			if op.Production < 0 && op.Sandbox < 0 {
				t.Fatalf("no backend: %+v", op)
			}
			for _, e := range []int{op.Production, op.Sandbox} {
				if e >= len(g.Endpoints) || e >= 0 && len(g.Endpoints[e].URLs) == 0 {
					t.Fatalf("endpoint %d of %+v", e, op)
				}
			}
			if !op.Security.Disabled && len(op.Security.Schemes) == 0 {
				t.Fatalf("neither secured nor open: %+v", op)
			}
		}
	}
}
