package validate

import (
	"strings"
	"testing"

	"mgw/build/openapi"
	"mgw/build/project"
	"mgw/runtime/spec"
)

// definitionOf is one with an operation whose request body has a schema.
func definitionOf(version, schema, components string) string {
	return `{"openapi": "` + version + `", "info": {"title": "T", "version": "1"}, "servers": [{"url": "https://a.example/v1"}],
"paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": ` + schema + `}}}, "responses": {"200": {"description": ""}}}}},
"components": {"schemas": ` + components + `}}`
}

// read gives the schemas of a definition and what was said of it.
func read(t testing.TB, definition string) (*spec.Schemas, string) {
	t.Helper()
	return readNamed(t, "a.json", definition)
}

func readNamed(t testing.TB, file, definition string) (*spec.Schemas, string) {
	t.Helper()
	doc, problems := project.Parse(file, []byte(definition))
	if doc.Root == nil {
		t.Fatal(problems)
	}
	apis, problems := openapi.Read([]project.Document{doc}, openapi.Options{})
	if len(apis) != 1 || problems.Errors() > 0 {
		t.Fatal(problems)
	}
	out := &spec.Schemas{APIs: []spec.APISchemas{{Schemas: apis[0].Schemas}}}
	for i, op := range apis[0].Operations {
		if op.Messages != nil {
			op.Messages.Operation = i
			out.APIs[0].Operations = append(out.APIs[0].Operations, *op.Messages)
		}
	}
	var said strings.Builder
	for _, p := range problems {
		if !strings.Contains(p.Msg, "validated") {
			continue // of routing
		}
		said.WriteString(p.String() + "\n")
	}
	return out, said.String()
}

// bodySchema compiles the schema of the request body of the first operation.
func bodySchema(t testing.TB, definition string, answers bool) *lazy {
	t.Helper()
	all, said := read(t, definition)
	m := all.APIs[0].Operations[0].Body.Media
	if len(m) == 0 {
		t.Fatalf("no schema: %s", said)
	}
	s := newSchemas(all.APIs[0].Schemas, answers, func(i int, err error) { t.Errorf("schema %d: %v", i, err) })
	return &s.all[m[0].Schema]
}

// judge applies a schema to a text; "" is no objection.
func judge(of *lazy, body string) string {
	var c check
	if err := c.parse([]byte(body)); err != nil {
		return err.Error()
	}
	return c.run(of.get()).errors
}
