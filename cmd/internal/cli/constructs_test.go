package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgw/build/pipeline"
	"mgw/runtime/gateway"
)

// construct is something that definitions contain, though a validator or a
// router may frown at it, and where requests go.
type construct struct {
	name     string
	in       string   // the definition, without head
	warnings string   // one a line
	requests []string // "GET /v1/a -> GET /v1/a", or "-> not found"
}

const constructHead = "openapi: 3.0.3\ninfo: {title: A, version: 1.0.0}\nservers: [{url: 'https://a.example/v1'}]\n"

// paths gives a definition with these keys, each with a GET.
func paths(keys ...string) string {
	text := constructHead + "paths:\n"
	for _, k := range keys {
		text += "  '" + strings.ReplaceAll(k, "'", "''") + "': {get: {}}\n"
	}
	return text
}

var constructs = []construct{
	{"suffix", paths("/{id}.json", "/{id}"), "",
		[]string{"/v1/7.json -> GET /v1/{id}.json", "/v1/7 -> GET /v1/{id}", "/v1/.json -> GET /v1/{id}"}},
	{"adjacent parameters", paths("/x/{a}{b}"), "", []string{"/v1/x/ab -> GET /v1/x/{a}{b}", "/v1/x/ -> not found"}},
	{"format after a dot", paths("/{a}/{b}.{format}"), "", []string{"/v1/x/y.z -> GET /v1/{a}/{b}.{format}", "/v1/x/y -> not found"}},
	{"dash between parameters", paths("/{x}-{y}"), "", []string{"/v1/1-2 -> GET /v1/{x}-{y}", "/v1/12 -> not found"}},
	{"custom verb", paths("/{name}:verb", "/{name}"), "", []string{"/v1/a:verb -> GET /v1/{name}:verb", "/v1/a -> GET /v1/{name}"}},
	{"OData key", paths("/Items(key={key})", "/Items"), "", []string{"/v1/Items(key=4) -> GET /v1/Items(key={key})", "/v1/Items -> GET /v1/Items"}},
	{"OData key in quotes", paths("/Items('{key}')"), "", []string{"/v1/Items('a') -> GET /v1/Items('{key}')"}},
	{"matrix", paths("/m;matrix", "/n;{p}"), "", []string{"/v1/m;matrix -> GET /v1/m;matrix", "/v1/n;a=1 -> GET /v1/n;{p}", "/v1/m -> not found"}},
	{"all that follows", paths("/{proxy+}", "/a"), "", []string{"/v1/x/y/z -> GET /v1/{proxy+}", "/v1/a -> GET /v1/a"}},
	{"path in braces", paths("/{name=projects/*/x}/get"), "", []string{"/v1/p/get -> GET /v1/{name=projects/*/x}/get"}},
	{"parameter of Express", paths("/a/:id"), `path "/a/:id": ":id" is matched letter by letter`,
		[]string{"/v1/a/:id -> GET /v1/a/:id", "/v1/a/7 -> not found"}},
	{"query", paths("/a?x=1", "/a?x=2&y={y}", "/b?z", "/b"), "",
		[]string{"/v1/a?x=1 -> GET /v1/a?x=1", "/v1/a?y=0&x=2 -> GET /v1/a?x=2&y", "/v1/a -> not found", "/v1/a?x=3 -> not found", "/v1/b?z -> GET /v1/b?z", "/v1/b -> GET /v1/b"}},
	{"optional query", paths("/a{?x,y}"), `path "/a{?x,y}": requests are matched without what follows "/a"`, []string{"/v1/a -> GET /v1/a", "/v1/a?x=1 -> GET /v1/a"}},
	{"fragment", paths("/a#one", "/a#two", "/b#c"),
		"path \"/a#one\": requests are matched without what follows \"/a\" (and 2 more like it)\n" +
			"differs only in its fragment, which requests do not carry, from another operation, which serves its requests (1 operation)",
		[]string{"/v1/a -> GET /v1/a", "/v1/b -> GET /v1/b"}},
	{"two slashes", paths("/a//b", "//c"), "", []string{"/v1/a//b -> GET /v1/a//b", "/v1//c -> GET /v1//c", "/v1/a/b -> not found"}},
	{"trailing slashes", paths("/a/", "/b", "/b/", "/"), "",
		[]string{"/v1/a -> GET /v1/a/", "/v1/a/ -> GET /v1/a/", "/v1/b -> GET /v1/b", "/v1/b/ -> GET /v1/b/", "/v1 -> GET /v1/", "/v1/ -> GET /v1/"}},
	{"letters of all the world", paths("/café/{größe}", "/日本"), "",
		[]string{"/v1/caf%C3%A9/7 -> GET /v1/café/{größe}", "/v1/%E6%97%A5%E6%9C%AC -> GET /v1/日本"}},
	{"spaces", paths("/a b/{c d}"), "", []string{"/v1/a%20b/1 -> GET /v1/a b/{c d}"}},
	{"odd names", paths("/a/{x-y}/{x.y}/{x+y}/{x:y}/{x y}", "/-._~+:@!$&()*,="), "",
		[]string{"/v1/a/1/2/3/4/5 -> GET /v1/a/{x-y}/{x.y}/{x+y}/{x:y}/{x y}", "/v1/-._~+:@!$&()*,= -> GET /v1/-._~+:@!$&()*,="}},
	{"no slash at the start", paths("a"), `path "a" does not start with a slash: served at "/a"`, []string{"/v1/a -> GET /v1/a"}},
	{"templates that differ in names", constructHead + "paths:\n  /p/{a}: {get: {}}\n  /p/{b}: {put: {}}\n", "",
		[]string{"/v1/p/1 -> GET /v1/p/{a}", "PUT /v1/p/1 -> PUT /v1/p/{b}", "POST /v1/p/1 -> method not allowed"}},
	{"undeclared and unused parameters", constructHead + "paths:\n  /p/{a}: {get: {parameters: [{name: b, in: path}, {in: nowhere}, 5]}}\n", "", []string{"/v1/p/1 -> GET /v1/p/{a}"}},
	{"wrong examples, defaults, patterns", constructHead + `paths:
  /p/{a}:
    get:
      parameters:
      - {name: a, in: path, required: false, schema: {type: integer, default: x, example: [1], pattern: '^(?!x)\p{Foo}(?<=y)\1$', minimum: 9, maximum: 1}}
      responses: {banana: {}, 200: {content: {a/b: {schema: {type: strange, enum: 5, $ref: 7}, example: 1, examples: wrong}}}}
`, `pattern "^(?!x)\\p{Foo}(?<=y)\\1$" is not one that Go's regexp reads (no look-around, no back references): it is not validated`, []string{"/v1/p/1 -> GET /v1/p/{a}"}},
	{"broken and external references", constructHead + `paths:
  /p:
    parameters: [{$ref: '#/nowhere'}, {$ref: 'https://a.example/p.yaml#/x'}]
    get: {requestBody: {$ref: ../../../../etc/passwd}, responses: {200: {$ref: other.yaml}}}
components: {schemas: {A: {$ref: '#/components/schemas/A'}, B: {$ref: 5}, C: {$ref: 'file:///etc/passwd'}}}
`, `$ref "#/nowhere" leads nowhere: a parameter is not validated (and 3 more like it)`, []string{"/v1/p -> GET /v1/p"}},
	{"path items of components", strings.Replace(constructHead, "3.0.3", "3.1.0", 1) +
		"paths:\n  /p: {$ref: '#/components/pathItems/P'}\ncomponents: {pathItems: {P: {get: {}}}}\n", "", []string{"/v1/p -> GET /v1/p"}},
	{"unknown siblings in 3.1", strings.Replace(constructHead, "3.0.3", "3.1.0", 1) +
		"jsonSchemaDialect: 5\nnovel: {a: 1}\npaths:\n  /p: {summary: x, get: {novel: 1, responses: {200: {$ref: '#/x', summary: y, z: 1}}}}\n", `$ref "#/x" leads nowhere: the answer 200 is not validated`, []string{"/v1/p -> GET /v1/p"}},
	{"3.2", strings.Replace(constructHead, "3.0.3", "3.2.0", 1) + "paths:\n  /p: {get: {}, additionalOperations: {COPY: {}}}\n", "", []string{"/v1/p -> GET /v1/p"}},
	{"no title", "openapi: 3.0.3\ninfo: {}\nservers: [{url: 'https://a.example/v1'}]\npaths: {/p: {get: {}}}\n",
		"info.title is missing: the API is called \"a\", after the file\ninfo.version is missing: taken as 1.0.0", []string{"/v1/p -> GET /v1/p"}},
	{"no info", "openapi: 3.0.3\nservers: [{url: 'https://a.example/v1'}]\npaths: {/p: {get: {}}}\n",
		"info.title is missing: the API is called \"a\", after the file\ninfo.version is missing: taken as 1.0.0", []string{"/v1/p -> GET /v1/p"}},
	{"empty servers", "openapi: 3.0.3\ninfo: {title: A, version: 1}\nservers: []\nx-wso2-basePath: /b\nx-wso2-production-endpoints: {urls: ['https://a.example']}\npaths: {/p: {get: {}}}\n",
		"", []string{"/b/p -> GET /b/p"}},
	{"server without a url", "openapi: 3.0.3\ninfo: {title: A, version: 1}\nservers: [{}]\nx-wso2-production-endpoints: {urls: ['https://a.example']}\npaths: {/p: {get: {}}}\n",
		"has no base path: served at /", []string{"/p -> GET /p"}},
	{"webhooks beside paths", strings.Replace(constructHead, "3.0.3", "3.1.0", 1) + "webhooks: {new: {post: {}}}\npaths: {/p: {get: {}}}\n", "", []string{"/v1/p -> GET /v1/p"}},
	{"webhooks only", strings.Replace(constructHead, "3.0.3", "3.1.0", 1) + "webhooks: {new: {post: {}}}\n", "has webhooks only: nothing to serve", []string{"/v1 -> not found"}},
	{"Swagger 2", "swagger: '2.0'\ninfo: {title: A, version: 1}\nhost: a.example\nbasePath: /v2/\nschemes: [ws, https]\npaths: {/p: {get: {responses: {200: null}}}}\n", "", []string{"/v2/p -> GET /v2/p"}},
	{"Swagger 2 without schemes", "swagger: '2.0'\ninfo: {title: A, version: 1}\nhost: a.example\nbasePath: v2\npaths: {/p: {get: {}}}\n", "", []string{"/v2/p -> GET /v2/p"}},
	{"Swagger 2 without host", "swagger: 2.0\ninfo: {title: A, version: 1}\nbasePath: /v2\nx-wso2-production-endpoints: {urls: ['https://a.example']}\npaths: {/p: {get: {}}}\n", "", []string{"/v2/p -> GET /v2/p"}},
	{"JSON in a .yaml file", `{"openapi": "3.0.3", "info": {"title": "A", "version": "1"}, "servers": [{"url": "https://a.example/v1"}], "paths": {"/\u00e9": {"get": {}}}}`,
		"", []string{"/v1/%c3%a9 -> GET /v1/é"}},
}

func TestWhatTheWorldWritesIsBuiltAndRouted(t *testing.T) {
	for _, tc := range constructs {
		t.Run(tc.name, func(t *testing.T) {
			result := planned(t, tc.in)
			var warnings []string
			for _, p := range result.Problems {
				warnings = append(warnings, p.Msg)
				if p.File == "" || p.Line == 0 {
					t.Errorf("%s: no place", p)
				}
			}
			if got := strings.Join(warnings, "\n"); got != tc.warnings {
				t.Errorf("warnings\n%s\nwant\n%s", got, tc.warnings)
			}
			for _, r := range tc.requests {
				request, want, _ := strings.Cut(r, " -> ")
				method, path, ok := strings.Cut(request, " ")
				if !ok {
					method, path = "GET", request
				}
				e, _, err := gateway.ExplainUnstarted(t.Context(), result.Gateway, "", gateway.Question{Method: method, Path: path})
				if err != nil {
					t.Fatal(err)
				}
				if e.Operation != "" {
					e.Outcome = e.Operation
				}
				if e.Outcome != want {
					t.Errorf("%s leads to %s, want %s", request, e.Outcome, want)
				}
			}
		})
	}
}

// planned builds a project of one definition up to its gateway.
func planned(t *testing.T, definition string) *pipeline.Result {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "api_definitions"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "api_definitions/a.yaml"), []byte(definition), 0o666); err != nil {
		t.Fatal(err)
	}
	result, err := pipeline.Build(t.Context(), pipeline.Options{Dir: dir, CheckOnly: true})
	if err != nil {
		t.Fatalf("%v: %v", err, result.Problems)
	}
	return result
}
