package plan

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mgw/build/openapi"
	"mgw/build/project"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

var policies = spec.Policies{
	Resource:     []spec.Tier{{Name: "Gold"}, {Name: "10PerMin"}},
	Application:  []spec.Tier{{Name: "App"}},
	Subscription: []spec.Tier{{Name: "Silver"}},
	IP:           []spec.IPPolicy{{Name: "office"}},
}

// makeFrom plans definitions called a.yaml, b.yaml, ...
func makeFrom(t *testing.T, opts Options, texts ...string) (*spec.Gateway, diag.List) {
	t.Helper()
	var docs []project.Document
	for i, text := range texts {
		doc, l := project.Parse(fmt.Sprintf("%c.yaml", 'a'+i), []byte(text))
		if doc.Root == nil {
			t.Fatal(l)
		}
		docs = append(docs, doc)
	}
	apis, l := openapi.Read(docs, openapi.Options{})
	if l.Errors() > 0 {
		t.Fatal(l)
	}
	g, problems := Make("petstore", apis, policies, opts)
	problems.Sort()
	return g, problems
}

func printed(l diag.List) string {
	var lines []string
	for _, p := range l {
		line := p.String()
		if p.Hint != "" {
			line += " | " + p.Hint
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// api is a definition whose paths start at line 5 and whose own lines follow
// the third.
func api(title, lines, paths string) string {
	return "openapi: 3.0.3\ninfo: {title: " + title + ", version: 1.0.0}\nservers: [{url: https://pets.example/v1}]\n" +
		lines + "\npaths:\n" + paths
}

func TestGatewayOfADefinition(t *testing.T) {
	g, l := makeFrom(t, Options{}, api("Pet-Store", `
x-wso2-basePath: /pets/{version}
x-wso2-owner: ann
x-wso2-auth-header: X-Token
x-wso2-transports: [http]
x-wso2-mutual-ssl: mandatory
x-mgw-throttle-policy: office
x-wso2-cors: {accessControlAllowOrigins: [https://a.example]}
x-mgw-max-concurrent-backend: {production: 3}`, `
  /pet/{pet-id}:
    get: {x-throttling-tier: Gold, x-mgw-throttle-policy: office}
    delete: {x-wso2-disable-security: true, x-mgw-max-backend-throughput: {sandbox: {count: 1, timeUnit: sec}}}
`))
	if len(l) > 0 {
		t.Fatal(l)
	}
	want := &spec.Gateway{
		Format: spec.Format, Project: "petstore", Policies: policies,
		Endpoints: []spec.Endpoint{{Name: "Pet_hyphen_Store__1_0_0", Type: spec.HTTP, URLs: []string{"https://pets.example/v1"}}},
		APIs: []spec.API{{
			File: "a.yaml", Name: "Pet-Store", Version: "1.0.0", ServiceName: "Pet_hyphen_Store__1_0_0", Owner: "ann",
			BasePath: "/pets/1.0.0", Context: "/pets/1.0.0", ThrottlePolicy: "office",
			Transports: []string{"http", "https"}, AuthHeader: "X-Token", MutualTLS: "mandatory",
			MaxBackend: spec.BackendLimits{Production: spec.BackendLimit{MaxConcurrent: 3}},
			CORS:       &spec.CORS{AllowOrigins: []string{"https://a.example"}},
			Operations: []spec.Operation{
				{ID: 0, Method: "GET", Path: "/pet/{pet-id}", KeyPath: "/pet/{pet_hyphen_id}", Tier: "Gold", ThrottlePolicy: "office",
					Security: spec.Security{Schemes: []spec.Scheme{spec.OAuth2}}, Sandbox: spec.NoEndpoint},
				{ID: 1, Method: "DELETE", Path: "/pet/{pet-id}", KeyPath: "/pet/{pet_hyphen_id}",
					Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint,
					MaxBackend: spec.BackendLimits{Sandbox: spec.BackendLimit{Count: 1, Window: time.Second}}},
			},
		}},
	}
	if !reflect.DeepEqual(g, want) {
		t.Errorf("got\n%+v\nwant\n%+v", g, want)
	}
}

func TestNumbersAreDenseOverTheGateway(t *testing.T) {
	g, _ := makeFrom(t, Options{},
		api("A", "x-wso2-basePath: /a", "  /x: {get: {}, put: {}}\n"),
		api("B", "x-wso2-basePath: /b", "  {}\n"),
		api("C", "x-wso2-basePath: /c", "  /x: {get: {}}\n"))
	n := 0
	for i, a := range g.APIs {
		if a.ID != i {
			t.Errorf("API %d has the number %d", i, a.ID)
		}
		for _, op := range a.Operations {
			if op.ID != n {
				t.Errorf("operation %d has the number %d", n, op.ID)
			}
			n++
		}
	}
	if len(g.APIs) != 2 || n != 3 {
		t.Errorf("%d APIs, %d operations", len(g.APIs), n)
	}
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	text := api("A*", "components: {securitySchemes: {z: {type: http, scheme: basic}, a: {type: oauth2}, m: {type: apiKey, in: query, name: k}}}",
		"  /x: {get: {security: [{z: [], a: [s], m: []}]}}\n")
	var first []byte
	for range 20 {
		g, _ := makeFrom(t, Options{}, text)
		data, err := spec.Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Fatalf("%s\n%s", first, data)
		}
	}
}

func TestProblemsOfAProject(t *testing.T) {
	const one = "  /x: {get: {}}\n"
	tests := []struct {
		name  string
		texts []string
		want  string
	}{
		{"same title and version", []string{api("A", "x-wso2-basePath: /a", one), api("A", "x-wso2-basePath: /b", one)},
			`b.yaml:2:15: API "A" version "1.0.0" is already at a.yaml:2:15 | info.title and info.version together name an API: change one of them`},
		{"same base path", []string{api("A", "x-wso2-basePath: /a/b", one), api("B", "x-wso2-basePath: /a/%62/", "  /y: {get: {}}\n")},
			`b.yaml:4:18: base path "/a/%62" is already at a.yaml:4:18 | x-wso2-basePath gives an API a base path of its own`},
		{"two at the root", []string{api("A", "x-wso2-basePath: /", one), api("B", "x-wso2-basePath: /", "  /y: {get: {}}\n")}, ""},
		{"two at the root with the same route", []string{api("A", "x-wso2-basePath: /", "  /x/{a}: {get: {}}\n"), api("B", "x-wso2-basePath: /", "  /x/{b}: {get: {}}\n")},
			`b.yaml:6:12: GET /x/{b} is already served by API "A" at a.yaml:6:12 (1 operation of both) | x-wso2-basePath gives an API a base path of its own`},
		{"the same definition twice is one mistake", []string{api("A", "", one), api("A", "x-wso2-basePath: /", one), api("A", "x-wso2-basePath: /", one)},
			`b.yaml:2:15: API "A" version "1.0.0" is already at a.yaml:2:15 | info.title and info.version together name an API: change one of them` + "\n" +
				`c.yaml:2:15: API "A" version "1.0.0" is already at a.yaml:2:15 | info.title and info.version together name an API: change one of them`},
		{"templates that differ in names", []string{api("A", "", "  /x/{a}: {get: {}}\n  /x/{b}: {get: {}, put: {}}\n")},
			"a.yaml:7:12: GET /x/{b} cannot be told from GET /x/{a} at a.yaml:6:12"},
		{"templates that differ in encoding", []string{api("A", "", "  /x/~a: {get: {}}\n  /x/%7ea: {get: {}}\n")},
			"a.yaml:7:13: GET /x/%7ea cannot be told from GET /x/~a at a.yaml:6:11"},
		{"templates that can be told apart", []string{api("A", "", "  /x/{a}: {get: {}}\n  /x/{a}/: {get: {}}\n  /x/{a}.json: {get: {}}\n  /x/{a+}: {get: {}}\n  /x/a%2Fb: {get: {}}\n  /x/a/b: {get: {}}\n")}, ""},
		{"paths that differ in their query", []string{api("A", "", "  /x?a: {get: {}}\n  /x?b=1: {get: {}}\n  /x?b=2: {get: {}}\n  /x: {get: {}}\n")}, ""},
		{"paths whose queries are the same", []string{api("A", "", "  /x?b={c}&a=%31: {get: {}}\n  /x?a=1&b: {get: {}}\n")},
			"a.yaml:7:14: GET /x?a=1&b cannot be told from GET /x?a=1&b at a.yaml:6:20"},
		{"paths that differ in their fragment", []string{api("A", "", "  /x#a: {get: {}}\n  /x#b: {get: {}}\n  /x: {get: {}}\n")},
			"a.yaml:6:10: warning: differs only in its fragment, which requests do not carry, from another operation, which serves its requests (2 operations)"},
		{"hidden by a longer base path", []string{api("A", "x-wso2-basePath: /a", "  /b/{c}: {get: {}}\n  /bc: {get: {}}\n"), api("B", "x-wso2-basePath: /a/b", one)},
			`a.yaml:6:12: warning: GET /b/{c} is never reached: such requests belong to the base path "/a/b" at b.yaml:4:18`},
		{"unknown tier of an API", []string{api("A", "x-wso2-throttling-tier: gold", one)},
			`a.yaml:4:25: tier "gold" is not in resourcePolicies of policies.yaml | did you mean "Gold"?`},
		{"unknown tier of an operation", []string{api("A", "", "  /x: {get: {x-throttling-tier: 10PerMinute}}\n")},
			`a.yaml:6:33: tier "10PerMinute" is not in resourcePolicies of policies.yaml | did you mean "10PerMin"?`},
		{"tier of another list", []string{api("A", "x-wso2-throttling-tier: Silver", one)},
			`a.yaml:4:25: tier "Silver" is not in resourcePolicies of policies.yaml | subscriptionPolicies has one; an API's tier comes from resourcePolicies`},
		{"Unlimited needs no entry", []string{api("A", "x-wso2-throttling-tier: Unlimited", "  /x: {get: {x-throttling-tier: Unlimited}}\n")}, ""},
		{"tiers at both levels", []string{api("A", "x-wso2-throttling-tier: Gold", "  /x: {get: {x-throttling-tier: nowhere}, put: {x-wso2-throttling-tier: Gold}}\n")},
			`a.yaml:6:33: warning: tier "nowhere" has no effect: the API has the tier "Gold" (2 operations)`},
		{"unknown throttle policy", []string{api("A", "x-mgw-throttle-policy: ofice", one)},
			`a.yaml:4:24: throttle policy "ofice" is neither in ipPolicies of policies.yaml nor policies/ofice.xml | did you mean "office"?`},
		{"nothing to serve", []string{api("A", "", "  {}\n")},
			"project petstore: no definition has an operation to serve\na.yaml:1:1: warning: has no operations: nothing to serve"},
		{"no backend", []string{"openapi: 3.0.0\ninfo: {title: A, version: 1}\nx-wso2-basePath: /a\npaths: {/x: {get: {}, put: {}}}\n"},
			"a.yaml:1:1: no backend: the definition names no server | x-wso2-production-endpoints: {urls: [https://HOST/a]}"},
		{"relative servers", []string{"openapi: 3.0.0\ninfo: {title: A, version: 1}\nservers: [{url: /api/v3}]\nx-wso2-basePath: /a\npaths: {/x: {get: {}}}\n"},
			"a.yaml:3:10: no backend: the definition names no http or https address (/api/v3) | x-wso2-production-endpoints: {urls: [https://HOST/api/v3]}"},
		{"no backend for one", []string{"openapi: 3.0.0\ninfo: {title: A, version: 1}\nx-wso2-basePath: /a\npaths: {/x: {get: {}, put: {x-wso2-sandbox-endpoints: {urls: [https://a.example]}}}}\n"},
			"a.yaml:4:14: GET /x has no backend, and the API has none | x-wso2-production-endpoints: {urls: [https://HOST/a]}"},
		{"several servers", []string{"openapi: 3.0.0\ninfo: {title: A, version: 1}\nservers: [{url: https://a.example/v1}, {url: https://b.example/v1}]\npaths: {/x: {get: {}}}\n"},
			"a.yaml:3:10: warning: requests are shared among 2 servers: https://a.example/v1, https://b.example/v1 | x-wso2-production-endpoints chooses"},
		{"servers that an extension overrules", []string{api("A", "x-wso2-production-endpoints: {urls: [https://own.example]}", "  /x: {get: {servers: [{url: https://up.example}]}}\n")},
			"a.yaml:6:23: warning: servers have no effect: the API has x-wso2-production-endpoints (1 operation)"},
		{"one name for two endpoints", []string{
			api("A", "x-wso2-basePath: /a\nx-wso2-endpoints: [{main: {urls: [https://a.example]}}]\nx-wso2-production-endpoints: '#/x-wso2-endpoints/main'", one),
			api("B", "x-wso2-basePath: /b\nx-wso2-endpoints: [{main: {urls: [https://b.example]}}]\nx-wso2-production-endpoints: '#/x-wso2-endpoints/main'", one)},
			`b.yaml:6:30: warning: endpoint name "main" stands for another endpoint at a.yaml:6:30: overriding it at start changes both`},
		{"optional security without mutual TLS", []string{api("A", "x-wso2-application-security: {optional: true}", "  /x: {get: {}, put: {}}\n")},
			"a.yaml:4:41: application security cannot be optional where mutual TLS is not mandatory | x-wso2-mutual-ssl: mandatory makes it legal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l := makeFrom(t, Options{}, tt.texts...)
			if got := printed(l); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestATrafficManagerMayKnowTheTier(t *testing.T) {
	g, l := makeFrom(t, Options{TrafficManager: true}, api("A", "x-wso2-throttling-tier: Platinum", "  /x: {get: {}}\n"))
	want := `a.yaml:4:25: warning: tier "Platinum" is not in resourcePolicies of policies.yaml: it has to be known to the traffic manager`
	if got := printed(l); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if g.APIs[0].Tier != "Platinum" {
		t.Errorf("tier %q", g.APIs[0].Tier)
	}
}

func TestUnlimitedMayBeSwitchedOff(t *testing.T) {
	doc := api("A", "", "  /x: {get: {x-wso2-throttling-tier: Unlimited}, put: {}}\n")
	_, l := makeFrom(t, Options{RefuseUnlimited: true}, doc)
	if got := printed(l); !strings.Contains(got, `tier "Unlimited" is switched off by throttlingConfig.enableUnlimitedTier`) || strings.Count(got, "\n") > 0 {
		t.Errorf("got %s", got)
	}
	if _, l := makeFrom(t, Options{}, doc); len(l) > 0 {
		t.Errorf("without the option: %s", printed(l))
	}
}

func TestTiersByPrecedence(t *testing.T) {
	tests := []struct{ name, api, op, wantAPI, wantOp string }{
		{"none", "", "", "", ""},
		{"operation", "", "x-wso2-throttling-tier: Gold", "", "Gold"},
		{"the manager's at an operation", "", "x-wso2-throttling-tier: Gold, x-throttling-tier: 10PerMin", "", "10PerMin"},
		{"the API's replaces", "x-throttling-tier: 10PerMin", "x-wso2-throttling-tier: Gold", "10PerMin", ""},
		{"an unlimited API leaves its operations theirs", "x-wso2-throttling-tier: Unlimited", "x-wso2-throttling-tier: Gold", "Unlimited", "Gold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := makeFrom(t, Options{}, api("A", tt.api, "  /x: {get: {"+tt.op+"}}\n"))
			if a := g.APIs[0]; a.Tier != tt.wantAPI || a.Operations[0].Tier != tt.wantOp {
				t.Errorf("API %q, operation %q", a.Tier, a.Operations[0].Tier)
			}
		})
	}
}

func TestSecurityByPrecedence(t *testing.T) {
	const schemes = "components: {securitySchemes: {auth: {type: oauth2}, key: {type: apiKey, in: header, name: X-Key}, login: {type: http, scheme: basic}, tls: {type: mutualTLS}}}\n"
	tests := []struct{ name, api, op, want string }{
		{"default", "", "", "{Schemes:[oauth2]}"},
		{"the API's", "security: [{login: []}]", "", "{Schemes:[basic]}"},
		{"the operation's", "security: [{auth: [a]}]", "security: [{key: []}]", "{Schemes:[apikey] KeyHeader:X-Key}"},
		{"an empty one is the API's", "security: [{auth: [a]}]", "security: []", "{Schemes:[oauth2] Scopes:[a]}"},
		{"one that a gateway cannot check is the API's", "security: [{login: []}]", "security: [{tls: []}]", "{Schemes:[basic]}"},
		{"scopes", "security: [{auth: [a]}]", "security: [{auth: [b, c]}]", "{Schemes:[oauth2] Scopes:[b c]}"},
		{"x-scope", "security: [{auth: [a]}]", "security: [{auth: [b, c]}], x-scope: d", "{Schemes:[oauth2] Scopes:[d]}"},
		{"application security", "security: [{login: []}]\nx-wso2-application-security: {security-types: [oauth2]}", "security: [{key: []}]", "{Schemes:[oauth2]}"},
		{"application security of the operation", "x-wso2-application-security: {security-types: [oauth2]}", "x-wso2-application-security: {security-types: [api_key]}", "{Schemes:[apikey] KeyHeader:apikey KeyQuery:apikey}"},
		{"optional beside mutual TLS", "x-wso2-mutual-ssl: mandatory\nx-wso2-application-security: {optional: true}", "", "{Optional:true Schemes:[oauth2]}"},
		{"disabled at the API", "x-wso2-disable-security: true", "security: [{key: []}]", "{Disabled:true}"},
		{"enabled again at the operation", "x-wso2-disable-security: true", "x-wso2-disable-security: false", "{Schemes:[oauth2]}"},
		{"x-auth-type", "", "x-auth-type: None", "{Disabled:true}"},
		{"x-auth-type against the API's word", "x-wso2-disable-security: false", "x-auth-type: None", "{Schemes:[oauth2]}"},
		{"x-auth-type against the operation's word", "", "x-auth-type: None, x-wso2-disable-security: false", "{Schemes:[oauth2]}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, l := makeFrom(t, Options{}, api("A", schemes+tt.api, "  /x: {get: {"+tt.op+"}}\n"))
			if l.Errors() > 0 {
				t.Fatal(l)
			}
			if got := short(g.APIs[0].Operations[0].Security); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// short prints a struct without its zero fields.
func short(s spec.Security) string {
	var fields []string
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			fields = append(fields, fmt.Sprintf("%s:%v", v.Type().Field(i).Name, f.Interface()))
		}
	}
	return "{" + strings.Join(fields, " ") + "}"
}

func TestBackendsByPrecedence(t *testing.T) {
	const ext = "x-wso2-production-endpoints: {urls: [https://api.example]}"
	tests := []struct{ name, api, op, production, sandbox string }{
		{"servers", "", "", "https://pets.example/v1", ""},
		{"servers of the operation", "", "servers: [{url: https://op.example}]", "https://op.example", ""},
		{"the API's extension", ext, "", "https://api.example", ""},
		{"the API's extension over the operation's servers", ext, "servers: [{url: https://op.example}]", "https://api.example", ""},
		{"the operation's extension", ext, "x-wso2-production-endpoints: {urls: [https://own.example]}", "https://own.example", ""},
		{"sandbox", "x-wso2-sandbox-endpoints: {urls: [https://s.example]}", "", "https://pets.example/v1", "https://s.example"},
		{"sandbox of the operation", "x-wso2-sandbox-endpoints: {urls: [https://s.example]}", "x-wso2-sandbox-endpoints: {urls: [https://t.example]}", "https://pets.example/v1", "https://t.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := makeFrom(t, Options{}, api("A", tt.api, "  /x: {get: {"+tt.op+"}}\n"))
			r := routesOf(g)[0]
			if p, s := strings.Join(r.Production, " "), strings.Join(r.Sandbox, " "); p != tt.production || s != tt.sandbox {
				t.Errorf("production %q, sandbox %q", p, s)
			}
		})
	}
}

func TestEqualEndpointsAreOne(t *testing.T) {
	g, l := makeFrom(t, Options{}, api("A", `
x-wso2-endpoints: [{main: {urls: [https://a.example]}}]
x-wso2-production-endpoints: '#/x-wso2-endpoints/main'
x-wso2-sandbox-endpoints: '#/x-wso2-endpoints/main'`, `
  /x:
    get: {x-wso2-production-endpoints: '#/x-wso2-endpoints/main'}
    put: {x-wso2-production-endpoints: {urls: [https://own.example]}}
    post: {x-wso2-production-endpoints: {urls: [https://own.example/]}}
`))
	if len(l) > 0 {
		t.Fatal(l)
	}
	var got []string
	for _, e := range g.Endpoints {
		got = append(got, e.Name+" "+e.URLs[0])
	}
	// Production and sandbox stay apart: each is overridden by its own name.
	if want := "main https://a.example, main https://a.example,  https://own.example"; strings.Join(got, ", ") != want {
		t.Errorf("got %q", got)
	}
}

func TestRoutesListWhatIsServed(t *testing.T) {
	g, _ := makeFrom(t, Options{}, api("A", "x-wso2-basePath: /a", "  /x/{y}: {get: {x-wso2-throttling-tier: Gold}, put: {x-auth-type: None}}\n"))
	want := []route{
		{Method: "GET", Path: "/a/x/{y}", API: "A 1.0.0", Tier: "Gold", Secured: true, Production: []string{"https://pets.example/v1"}},
		{Method: "PUT", Path: "/a/x/{y}", API: "A 1.0.0", Production: []string{"https://pets.example/v1"}},
	}
	if got := routesOf(g); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestServiceNames(t *testing.T) {
	tests := []struct{ title, version, want string }{
		{"PizzaShackAPI", "1.0.0", "PizzaShackAPI__1_0_0"},
		{"Pet Store-v2.1", "2", "Pet_space_Store_hyphen_v2_dot_1__2"},
		{"3scale/{x}", "v1--beta", "_3scale__x___v1_beta"},
		{"Café", "1.0é", "Café__1_0_"},
		{"*", "1", "684888c0-ebb1-7f37-4298-b65ee2807526__1"},
	}
	for _, tt := range tests {
		if got := serviceName(tt.title, tt.version); got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.title, tt.version, got, tt.want)
		}
	}
}

func TestKeyPaths(t *testing.T) {
	tests := []struct{ in, want string }{
		{"/", "/"},
		{"/pet/{petId}", "/pet/{petId}"},
		{"/pet/{pet-id}/a-b/", "/pet/{pet_hyphen_id}/a-b/"},
		{"/openapi.{type}", "/{type}"},
		{"/openapi.{media-type}", "/{media_hyphen_type}"},
		{"/{a-b}.json", "/{a-b}.json"},
		{"/{a-b}-{c-d}", "/{a-b}-{c-d}"},
	}
	for _, tt := range tests {
		if got := keyPath(tt.in); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestShapes(t *testing.T) {
	tests := []struct{ in, want string }{
		{"/a/{b}/", "/a/{}/"},
		{"/{a}{b}", "/{}"},
		{"/{a}-{b}", "/{}-{}"},
		{"/{a+}", "/{+}"},
		{"/x{a+}", "/x{}"},
		{"/{name=a/*/b}:go", "/{}:go"},
		{"/%7e%2f%zz é", "/~%2F%25zz%20%C3%A9"},
		{"/{open", "/{}"},
	}
	for _, tt := range tests {
		if got := shape(tt.in); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

// route is an operation as a list shows it.
type route struct {
	Method, Path string // the path with its base path
	API          string // name and version
	APITier      string
	Tier         string
	Secured      bool
	Production   []string
	Sandbox      []string
}

// routesOf lists what a gateway serves, in the order of the definitions.
func routesOf(g *spec.Gateway) []route {
	var routes []route
	for i := range g.APIs {
		api := &g.APIs[i]
		for j := range api.Operations {
			op := &api.Operations[j]
			routes = append(routes, route{
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
