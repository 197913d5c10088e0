package openapi

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"mgw/build/project"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// listed gives the operations as "GET /a".
func listed(a API) string {
	var ops []string
	for _, o := range a.Operations {
		ops = append(ops, o.Method+" "+o.Path)
	}
	return strings.Join(ops, ", ")
}

func TestSwagger2IsReadLikeOpenAPI3(t *testing.T) {
	api := readOne(t, `{
		"swagger": "2.0",
		"info": {"title": "Pets", "version": "1.0"},
		"host": "pets.example:8443",
		"basePath": "/v2",
		"schemes": ["http", "https", "wss"],
		"securityDefinitions": {
			"auth": {"type": "oauth2", "flow": "nonsense", "scopes": null},
			"key": {"type": "apiKey", "in": "header", "name": "X-Key"},
			"login": {"type": "basic"}
		},
		"security": [{"auth": ["read", "write"]}, {"login": null}],
		"paths": {
			"/pet/{id}": {
				"get": {"security": [{"key": []}], "responses": {"200": null}, "parameters": [null]},
				"put": {"responses": null}
			}
		},
		"definitions": {"Pet": {"type": "wrong", "example": 1, "pattern": "(?=x)"}},
		"responses": {"Gone": null}
	}`)
	if got := listed(api); got != "GET /pet/{id}, PUT /pet/{id}" {
		t.Errorf("operations %s", got)
	}
	if !reflect.DeepEqual(api.Servers.URLs, []string{"https://pets.example:8443/v2"}) || api.BasePath.Value != "/v2" {
		t.Errorf("servers %v, base path %q", api.Servers.URLs, api.BasePath.Value)
	}
	if q := api.Security; fmt.Sprint(q.Schemes, q.Scopes) != "[oauth2 basic] [read write]" {
		t.Errorf("security %+v", q)
	}
	if q := api.Operations[0].Security; fmt.Sprint(q.Schemes, q.KeyHeader) != "[apikey]X-Key" {
		t.Errorf("security of the operation %+v", q)
	}
	if api.Operations[1].Security != nil {
		t.Error("an operation without security has some")
	}
}

func TestWhatRoutingDoesNotNeedMayBeWrong(t *testing.T) {
	for _, version := range []string{"3.0.3", "3.1.0", "3.2.0"} {
		apis, l := readText(t, `
openapi: `+version+`
info: {title: Pets, version: 1.10, contact: 5, license: [wrong]}
servers: [{url: https://a.example/v1, description: [wrong]}]
tags: wrong
webhooks: {new: {post: {}}}
paths:
  /a/{b}:
    summary: [wrong]
    parameters: {wrong: 1}
    get:
      operationId: 5
      parameters: [{$ref: 'https://elsewhere.example/p.yaml'}, {$ref: '#/nowhere'}]
      responses: {200: {$ref: '#/nowhere'}, wrong: 5}
      requestBody: [wrong]
components:
  schemas:
    A: {$ref: '#/components/schemas/A'}
    B: {pattern: '(?<=a)b', default: {wrong: [1]}, type: [string, wrong], example: 7}
  pathItems: {x: {get: {}}}
`)
		// Requests and answers are validated as far as they can be.
		if got := printed(l); !strings.Contains(got, `"https://elsewhere.example/p.yaml" is outside the project: a parameter is not validated (and 2 more like it)`) || len(l) != 1 || len(apis) != 1 {
			t.Fatal(got)
		}
		api := apis[0]
		if listed(api) != "GET /a/{b}" || api.Version.Value != "1.10" {
			t.Errorf("%s: %s, version %s", version, listed(api), api.Version.Value)
		}
	}
}

func TestOddPathsAreRead(t *testing.T) {
	const odd = `/a/{b}.json, /{a}{b}, /{a}/{b}.{format}, /{x}-{y}, /v1/{name}:publish, /Items(key={key}), /m;matrix, /{proxy+}, /{name=a/*/b}, /a//b/, /ünï code, /, /a-b_c.d+e/{id-x y}`
	text := "openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: [{url: https://a.example/v1}]\npaths:\n"
	var want []string
	for p := range strings.SplitSeq(odd, ", ") {
		text += "  '" + p + "': {get: {}}\n"
		want = append(want, "GET "+p)
	}
	if got := listed(readOne(t, text)); got != strings.Join(want, ", ") {
		t.Errorf("got %s", got)
	}
}

func TestMethodsAreThoseOfTheContract(t *testing.T) {
	api := readOne(t, definition("", "")+"    put: {}\n    post: {}\n    delete: {}\n    options:\n    head: {}\n    PATCH: {}\n    summary: x\n    x-own: 1\n")
	if got, want := listed(api), "GET /pet/{id}, PUT /pet/{id}, POST /pet/{id}, DELETE /pet/{id}, OPTIONS /pet/{id}, HEAD /pet/{id}, PATCH /pet/{id}"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestReferencesOfPathItemsAreFollowed(t *testing.T) {
	apis, l := readFiles(t,
		"api_definitions/a.yaml", `
openapi: 3.1.0
info: {title: Pets, version: 1}
servers: [{url: https://a.example/v1}]
paths:
  /here: {$ref: '#/components/pathItems/shared'}
  /there: {$ref: 'paths/pets.yaml#/~1pets~01'}
  /beside: {$ref: './paths/one.json', get: {x-scope: own}}
  /list: {$ref: 'paths/pets.yaml#/all/1'}
components:
  pathItems: {shared: {get: {}}}
`,
		"api_definitions/paths/pets.yaml", "/pets~1: {post: {$ref: 'one.json#/put'}}\nall: [{}, {delete: {}}]\n",
		"api_definitions/paths/one.json", `{"get": {}, "put": {"x-scope": 5}, "x-wso2-crs": 1}`,
		"api_definitions/schemas/pet.yaml", "type: object\n",
		"api_definitions/schemas/toy.yaml", "type: object\n",
	)
	want := strings.Join([]string{
		`api_definitions/paths/one.json:1:36: warning: unknown extension x-wso2-crs: it has no effect | did you mean "x-wso2-cors"?`,
		`api_definitions/schemas/pet.yaml:1:1: warning: is left out: it has neither "openapi" nor "swagger" at the top, and no definition refers to it (and 1 more files like it)`,
	}, "\n")
	if got := printed(l); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := listed(apis[0]); got != "GET /here, POST /there, GET /beside, PUT /beside, DELETE /list" {
		t.Errorf("got %s", got)
	}
	if s := apis[0].Operations[2].Scope.Value; s != "own" {
		t.Errorf("scope %q: what stands beside a reference counts", s)
	}
	if p := apis[0].Operations[3].Place; p.File != "api_definitions/paths/one.json" {
		t.Errorf("place %v", p)
	}
}

func TestReferredDocumentsAreOpenedOnceBelowTheProject(t *testing.T) {
	var opened []string
	open := func(file string) (project.Document, diag.List) {
		opened = append(opened, file)
		return project.Parse(file, []byte("a: {get: {}}\nb: {put: {}}\n"))
	}
	doc, _ := project.Parse("api_definitions/a.yaml", []byte(`
openapi: 3.1.0
info: {title: Pets, version: 1}
servers: [{url: https://a.example/v1}]
paths:
  /a: {$ref: '../shared/p.yaml#/a'}
  /b: {$ref: '../shared/p.yaml#/b'}
  /c: {$ref: '../../shared/p.yaml#/b'}
`))
	apis, l := Read([]project.Document{doc}, Options{Open: open})
	if listed(apis[0]) != "GET /a, PUT /b" || !reflect.DeepEqual(opened, []string{"shared/p.yaml"}) || len(l) != 1 {
		t.Errorf("%s, opened %v, %v", listed(apis[0]), opened, l)
	}
}

func TestServers(t *testing.T) {
	tests := []struct{ name, servers, want string }{
		{"one", "[{url: https://a.example/v1/}]", "[https://a.example/v1] []"},
		{"variables", "[{url: 'https://{h}.example:{port}/v1', variables: {h: {default: a}, port: {enum: [443, 8443]}}}]", "[https://a.example:443/v1] []"},
		{"a variable without a value", "[{url: 'https://{h}.example/v1', variables: {h: {}}}]", "[] [https://{h}.example/v1]"},
		{"relative", "[{url: /v1}]", "[] [/v1]"},
		{"no scheme", "[{url: //a.example/v1}]", "[https://a.example/v1] []"},
		{"https wins", "[{url: http://a.example/v1}, {url: https://a.example/v1}, {url: http://a.example/v1}]", "[https://a.example/v1] []"},
		{"several", "[{url: http://a.example/v1}, {url: https://b.example/v1}]", "[http://a.example/v1 https://b.example/v1] []"},
		{"WebSocket", "[{url: wss://a.example/v1}]", "[] [wss://a.example/v1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api := readOne(t, "openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: "+tt.servers+"\n")
			if got := fmt.Sprint(api.Servers.URLs, api.Servers.Relative); got != tt.want || api.BasePath.Value != "/v1" {
				t.Errorf("got %s, base path %q", got, api.BasePath.Value)
			}
		})
	}
}

func TestServersOfAPathAreThoseOfItsOperations(t *testing.T) {
	api := readOne(t, definition("", "")+"    put: {servers: [{url: https://put.example}]}\n    servers: [{url: https://path.example}]\n")
	if got := fmt.Sprint(api.Operations[0].Servers.URLs, api.Operations[1].Servers.URLs); got != "[https://path.example] [https://put.example]" {
		t.Errorf("got %s", got)
	}
}

func TestSecuritySchemes(t *testing.T) {
	tests := []struct{ name, scheme, want string }{
		{"oauth2", "{type: oauth2, flows: wrong}", "oauth2"},
		{"openIdConnect", "{type: openIdConnect, openIdConnectUrl: 5}", "oauth2"},
		{"bearer", "{type: http, scheme: bearer}", "oauth2"},
		{"jwt", "{type: http, scheme: jwt}", "oauth2"},
		{"basic", "{type: http, scheme: Basic}", "basic"},
		{"key in header", "{type: apiKey, in: header, name: X-Key}", "apikey X-Key"},
		{"key in query", "{type: apiKey, in: query, name: key}", "apikey ?key"},
		{"mutual TLS", "{type: mutualTLS}", ""},
		{"referred to", "{$ref: '#/x-scheme'}", "basic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api := readOne(t, definition("security: [{s: []}]\ncomponents: {securitySchemes: {s: "+tt.scheme+"}}\nx-scheme: {type: http, scheme: basic}", ""))
			got := ""
			for _, s := range api.Security.Schemes {
				got += string(s)
			}
			if api.Security.KeyHeader != "" {
				got += " " + api.Security.KeyHeader
			}
			if api.Security.KeyQuery != "" {
				got += " ?" + api.Security.KeyQuery
			}
			if got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestSecurityIsAnyOfItsSchemes(t *testing.T) {
	apis, l := readText(t, definition(`
security: [{auth: [a, b], key: []}, {auth: [b, c]}, {other: []}, {cookie: []}]
components:
  securitySchemes:
    auth: {type: oauth2}
    key: {type: apiKey, in: header, name: X-Key}
    other: {type: apiKey, in: header, name: X-Other}
    cookie: {type: apiKey, in: cookie, name: c}
`, ""))
	want := strings.Join([]string{
		`a.yaml:5:11: warning: security asks for several schemes at once: a gateway is content with any one of them`,
		`a.yaml:5:11: warning: security scheme "cookie": API keys in cookies are not supported`,
		`a.yaml:5:11: warning: security scheme "other": only one API key of a kind is looked for, the first`,
	}, "\n")
	if got := printed(l); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	q := apis[0].Security
	if !reflect.DeepEqual(q.Schemes, []spec.Scheme{spec.OAuth2, spec.APIKey}) || fmt.Sprint(q.Scopes, q.KeyHeader) != "[a b c]X-Key" {
		t.Errorf("%+v", q)
	}
}

func TestReadingTakesTimeInLineWithSize(t *testing.T) {
	// Each schema refers to the next ten: validating that is superlinear.
	var b strings.Builder
	b.WriteString("openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: [{url: https://a.example/v1}]\npaths:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "  /p%d/{id}: {get: {responses: {200: {content: {a/b: {schema: {$ref: '#/components/schemas/S0'}}}}}}}\n", i)
	}
	b.WriteString("components:\n  schemas:\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "    S%d: {properties: {", i)
		for j := range 10 {
			fmt.Fprintf(&b, "p%d: {$ref: '#/components/schemas/S%d'}, ", j, (i+j+1)%2000)
		}
		b.WriteString("}}\n")
	}
	if api := readOne(t, b.String()); len(api.Operations) != 3000 {
		t.Errorf("%d operations", len(api.Operations))
	}
}

// BenchmarkRead is the budget of a build: 5,000 operations.
func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: [{url: https://a.example/v1}]\npaths:\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  /p%d/{id}: {get: {x-wso2-throttling-tier: Gold, security: [{a: [b]}], responses: {200: {description: ok}}}}\n", i)
	}
	doc, _ := project.Parse("a.yaml", []byte(text.String()))
	b.ReportAllocs()
	for b.Loop() {
		if apis, _ := Read([]project.Document{doc}, Options{}); len(apis[0].Operations) != 5000 {
			b.Fatal("operations are missing")
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(definition("x-wso2-cors: {}", "security: [{a: []}]")))
	f.Add([]byte(`{"swagger": "2.0", "host": "a", "paths": {"/a": {"get": null, "$ref": "#/paths/~1a"}}, "securityDefinitions": {"a": null}}`))
	f.Add([]byte("openapi: 3\nservers: [{url: 'a://{b}', variables: {b: {default: '{b}'}}}]\nx-wso2-endpoints: [{a: {urls: ['etcd(']}}]"))
	f.Add([]byte("openapi: 3\npaths: {$ref: b.yaml}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var docs []project.Document
		for _, name := range []string{"a.yaml", "b.yaml"} { // b.yaml is what a.yaml may refer to
			if doc, _ := project.Parse(name, data); doc.Root != nil {
				docs = append(docs, doc)
			}
		}
		_, l := Read(docs, Options{})
		for _, p := range l {
			if p.File == "" || p.Line == 0 {
				t.Errorf("no place: %s", p)
			}
		}
	})
}
