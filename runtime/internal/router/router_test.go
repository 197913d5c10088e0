package router

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// gateway makes APIs from lines like "GET,POST /base | /path": one API for
// each base path, bound to both transports.
func gateway(lines ...string) []spec.API {
	var apis []spec.API
	index := map[string]int{}
	id := 0
	for _, line := range lines {
		methods, paths, _ := strings.Cut(line, " ")
		basePath, path, ok := strings.Cut(paths, "|")
		if !ok {
			basePath, path = "", paths
		}
		i, known := index[basePath]
		if !known {
			i = len(apis)
			index[basePath] = i
			apis = append(apis, spec.API{ID: i, Name: "API" + basePath, Version: "1", BasePath: basePath, Transports: []string{"http", "https"}})
		}
		for method := range strings.SplitSeq(methods, ",") {
			apis[i].Operations = append(apis[i].Operations, spec.Operation{ID: id, Method: method, Path: path})
			id++
		}
	}
	return apis
}

func mustNew(t testing.TB, apis []spec.API) *Router {
	t.Helper()
	r, err := New(apis)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask gives an exchange for a request over http.
func ask(method, target string) *exchange.Exchange {
	x := new(exchange.Exchange)
	x.Method, x.Scheme, x.Target = method, "http", []byte(target)
	path, query, _ := strings.Cut(target, "?")
	x.Path, x.Query = []byte(path), []byte(query)
	return x
}

// outcome describes what became of a request in one line.
func outcome(r *Router, x *exchange.Exchange) string {
	if !r.Route(x) {
		s := fmt.Sprint(x.Status)
		if allow := x.Response.Get(exchange.Allow); allow != nil {
			s += " " + string(allow)
		}
		return s
	}
	s := x.Operation.Method + " " + x.API.BasePath + x.Operation.Path
	for _, p := range x.Params {
		value, _ := x.Param(p.Name)
		s += fmt.Sprintf(" %s=%s", p.Name, value)
	}
	return s
}

func TestTheMostSpecificOperationAnswers(t *testing.T) {
	r := mustNew(t, gateway(
		"GET /v1|/", "GET,POST /v1|/pets", "GET /v1|/pets/{id}", "DELETE /v1|/pets/{petId}", "GET /v1|/pets/mine",
		"GET /v1|/pets/{id}.json", "GET /v1|/pets/{id}/toys/{toy}", "GET /v1|/pets/mine/food",
		"POST /v1|/pets/{name}:feed", "GET /v1|/range/{from}-{to}", "GET /v1|/range/{one}",
		"GET /v1|/odata/Products({key})", "GET /v1|/odata/Products(key={key},lang={lang})", "GET /v1|/odata/Products",
		"GET /v1|/files/*", "GET /v1|/files/index", "GET /v1|/proxy/{path+}", "GET /v1|/twin/{a}{b}",
		"GET /v1|/slash/both", "GET /v1|/slash/both/", "GET /v1|/slash/with/", "GET /v1|/a//b",
		"GET /v1|/caf\u00e9 au lait", "GET /v1|/per%2fcent", "GET /v1|/users/abc.{ext}", "GET /v1|/g/{name=a/*/b}/c",
		"GET /v1/deep|/only", "GET,HEAD /v1|/headed", "GET /v1|/x/{a}/lit/{b}", "GET /v1|/x/{a}/{m}/end",
	))
	for _, tc := range []struct{ request, want string }{
		{"GET /v1", "GET /v1/"},
		{"GET /v1/", "GET /v1/"},
		{"GET /", "404"},
		{"GET /v", "404"},
		{"GET /v11", "404"},
		{"GET /v1/pets", "GET /v1/pets"},
		{"GET /v1/pets/", "GET /v1/pets"},
		{"GET /v1/pets?x=1;y=%zz&{}", "GET /v1/pets"},
		{"GET /v1/pets//", "404"},
		{"GET /v1//pets", "404"},
		{"GET //v1/pets", "404"},
		{"GET /V1/pets", "404"},
		{"GET /v1/pets/7", "GET /v1/pets/{id} id=7"},
		{"DELETE /v1/pets/7", "DELETE /v1/pets/{petId} petId=7"},
		{"GET /v1/pets/7/", "GET /v1/pets/{id} id=7"},
		{"GET /v1/pets/mine", "GET /v1/pets/mine"},
		{"GET /v1/pets/mine/toys/ball", "GET /v1/pets/{id}/toys/{toy} id=mine toy=ball"},
		{"GET /v1/pets/mine/food", "GET /v1/pets/mine/food"},
		{"GET /v1/pets/7.json", "GET /v1/pets/{id}.json id=7"},
		{"GET /v1/pets/7.json.json", "GET /v1/pets/{id}.json id=7.json"},
		{"GET /v1/pets/.json", "GET /v1/pets/{id} id=.json"},
		{"POST /v1/pets/7:feed", "POST /v1/pets/{name}:feed name=7"},
		{"POST /v1/pets/7%3Afeed", "405 GET, DELETE, HEAD"},
		{"GET /v1/range/1-2", "GET /v1/range/{from}-{to} from=1 to=2"},
		{"GET /v1/range/1-2-3", "GET /v1/range/{from}-{to} from=1 to=2-3"},
		{"GET /v1/range/1-", "GET /v1/range/{one} one=1-"},
		{"GET /v1/odata/Products(4)", "GET /v1/odata/Products({key}) key=4"},
		{"GET /v1/odata/Products(key=4,lang='en')", "GET /v1/odata/Products(key={key},lang={lang}) key=4 lang='en'"},
		{"GET /v1/odata/Products", "GET /v1/odata/Products"},
		{"GET /v1/odata/Products()", "404"},
		{"GET /v1/files/", "GET /v1/files/*"},
		{"GET /v1/files", "GET /v1/files/*"},
		{"GET /v1/files/a//b/", "GET /v1/files/*"},
		{"GET /v1/files/index", "GET /v1/files/index"},
		{"GET /v1/files/index/more", "GET /v1/files/*"},
		{"GET /v1/proxy/a/b/", "GET /v1/proxy/{path+} path=a/b/"},
		{"GET /v1/proxy/", "404"},
		{"GET /v1/twin/ab", "GET /v1/twin/{a}{b} a=ab"},
		{"GET /v1/slash/both", "GET /v1/slash/both"},
		{"GET /v1/slash/both/", "GET /v1/slash/both/"},
		{"GET /v1/slash/with", "GET /v1/slash/with/"},
		{"GET /v1/a//b", "GET /v1/a//b"},
		{"GET /v1/a/b", "404"},
		{"GET /v1/caf%c3%A9%20au%20lait", "GET /v1/caf\u00e9 au lait"},
		{"GET /v1/per%2Fcent", "GET /v1/per%2fcent"},
		{"GET /v1/per/cent", "404"},
		{"GET /v1/%70ets/%37", "GET /v1/pets/{id} id=%37"},
		{"GET /%76%31/pets", "GET /v1/pets"},
		{"GET /v1/pets/a%2Fb", "GET /v1/pets/{id} id=a%2Fb"},
		{"GET /v1/pets/%37%2ejso%6E", "GET /v1/pets/{id}.json id=%37"},
		{"GET /v1/range/%2D-%20", "GET /v1/range/{from}-{to} from=%2D to=%20"},
		{"GET /v1/range/%2D", "GET /v1/range/{one} one=%2D"},
		{"GET /v1/range/%2F-%20", "GET /v1/range/{from}-{to} from=%2F to=%20"},
		{"GET /v1/users/abc.txt", "GET /v1/users/abc.{ext} ext=txt"},
		{"GET /v1/g/x/c", "GET /v1/g/{name=a/*/b}/c name=a/*/b=x"},
		{"GET /v1/deep/only", "GET /v1/deep/only"},
		{"GET /v1/deep", "404"},
		{"GET /v1/x/1/lit/end", "GET /v1/x/{a}/lit/{b} a=1 b=end"},
		{"GET /v1/x/1/2/end", "GET /v1/x/{a}/{m}/end a=1 m=2"},
		{"HEAD /v1/pets", "GET /v1/pets"},
		{"HEAD /v1/headed", "HEAD /v1/headed"},
		{"PUT /v1/pets", "405 GET, POST, HEAD"},
		{"PUT /v1/headed", "405 GET, HEAD"},
		{"get /v1/pets", "405 GET, POST, HEAD"},
		{"OPTIONS /v1/pets", "200 GET, POST, OPTIONS, HEAD"},
		{"OPTIONS /v1/nothing", "404"},
	} {
		method, target, _ := strings.Cut(tc.request, " ")
		if got := outcome(r, ask(method, target)); got != tc.want {
			t.Errorf("%s\n got  %s\n want %s", tc.request, got, tc.want)
		}
	}
}

func TestAPathThatTwoReadersCouldUnderstandDifferentlyIsRefused(t *testing.T) {
	r := mustNew(t, gateway("GET /*"))
	for _, target := range []string{
		"", "*", "pets", "/..", "/.", "/../", "/a/..", "/a/../b", "/a/./b", "/%2e", "/%2E%2e/", "/.%2e", "/a/%2e./b",
		"/..;x=1/a", "/a/..;", "/.;/a", "/a/%2e%2E;v=2/b", "/a/..%3bx", "/a%2f..", "/a%2F%2e%2e%2fb", "/a%5c..%5cb", "/..%2f", "/..%5C",
		"/%252e%252e/", "/a%252f..", "/%25252e%252E", "/a%255c%2e", "/a\\b", "/..\\a", "/a b", "/a\x00", "/a%00b", "/a\x7f", "/caf\u00e9",
		"/%", "/a%", "/a%4", "/a%zz", "/a%4g", "/a#b", "/a\"b", "/a<b", "/a>b", "/a^b", "/a`b", "/a{b", "/a|b", "/a}b", "/[a]",
		"/a?b c", "/a?b\x00", "/a?b#c", "/a?\n",
	} {
		if got := outcome(r, ask("GET", target)); got != "400" {
			t.Errorf("%q: %s", target, got)
		}
	}
	for _, target := range []string{
		"/...", "/a/.../b", "/.a", "/a.", "/..a", "/a..", "/a;..", "/a;../b", "/%2e%2ea", "/a%2eb", "/%2e%2e%2e", "/a%2fb", "/a%5cb", "/a%2f", "//", "/a//", "/;",
		"/%25", "/%252", "/%25zz", "/a%0d%0a", "/a?x={\"y\":[1]}&z=%zz;|\\^`<>", "/a?..", "/a?caf\u00e9", "/!$&'()*+,;=:@-_~",
	} {
		if got := outcome(r, ask("GET", target)); got != "GET /*" {
			t.Errorf("%q: %s", target, got)
		}
	}
}

func TestAnAPIIsFoundOnItsTransportsOnly(t *testing.T) {
	apis := gateway("GET /secure|/x", "GET /both|/x", "GET /unsaid|/x")
	apis[0].Transports = []string{"https"}
	apis[2].Transports = nil
	r := mustNew(t, apis)
	for _, tc := range []struct{ scheme, path, want string }{
		{"http", "/secure/x", "404"}, {"https", "/secure/x", "GET /secure/x"},
		{"http", "/both/x", "GET /both/x"}, {"https", "/both/x", "GET /both/x"},
		{"http", "/unsaid/x", "GET /unsaid/x"}, {"https", "/unsaid/x", "GET /unsaid/x"},
	} {
		x := ask("GET", tc.path)
		x.Scheme = tc.scheme
		if got := outcome(r, x); got != tc.want {
			t.Errorf("%s %s: %s", tc.scheme, tc.path, got)
		}
	}
	if _, op, found := r.Find("GET", []byte("/secure/x"), nil); found != Found || op.Path != "/x" {
		t.Errorf("Find: %v", found)
	}
}

func TestFindTellsTheOutcome(t *testing.T) {
	r := mustNew(t, gateway("GET /pets"))
	for request, want := range map[string]Outcome{
		"GET /pets": Found, "HEAD /pets": Found, "PUT /pets": WrongMethod, "OPTIONS /pets": Options, "GET /x": NotFound, "GET /../x": BadPath,
	} {
		method, path, _ := strings.Cut(request, " ")
		api, op, got := r.Find(method, []byte(path), nil)
		if got != want || (api != nil) != (want == Found) || (op != nil) != (want == Found) {
			t.Errorf("%s: %v", request, got)
		}
	}
}

func TestRefusalsCarryTheirBodies(t *testing.T) {
	r := mustNew(t, gateway("GET /pets"))
	for request, want := range map[string]string{
		"GET /nothing": `{"code":404, "type":"Status report", "message":"Runtime Error", "description":"No matching resource found for given API Request"}`,
		"PUT /pets":    `{"code":405, "type":"Status report", "message":"Runtime Error", "description":"Method not allowed for given API resource"}`,
	} {
		method, path, _ := strings.Cut(request, " ")
		x := ask(method, path)
		r.Route(x)
		body, err := x.Response.Body.Next()
		if string(body) != want || err != nil || x.Operation != nil {
			t.Errorf("%s: %s, %v", request, body, err)
		}
	}
	x := ask("OPTIONS", "/pets")
	r.Route(x)
	if x.Response.Body != nil {
		_, err := x.Response.Body.Next()
		t.Errorf("OPTIONS has a body (%v, want %v)", err, io.EOF)
	}
}

func TestCollisionsAndBrokenTemplatesAreRefusedWithTheirPlace(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  string
	}{
		{[]string{"GET /pets/{id}", "GET /pets/{name}"}, "routing API 1: GET /pets/{name} answers the same requests as /pets/{id} of API 1"},
		{[]string{"GET /pets", "GET /%70ets"}, "answers the same requests"},
		{[]string{"GET /a/{x}-{y}", "GET /a/{p}-{q}"}, "answers the same requests"},
		{[]string{"GET /a/{x}{y}", "GET /a/{z}"}, "answers the same requests"},
		{[]string{"GET /a/{x"}, "not closed"},
		{[]string{"GET /a/x}"}, "not opened"},
		{[]string{"GET /a/{x{y}}"}, "inside another"},
		{[]string{"GET /a/{x+}/b"}, "only stand at the end"},
		{[]string{"GET a"}, "does not start with a slash"},
	} {
		_, err := New(gateway(tc.lines...))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v", tc.lines, err)
		}
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	r := mustNew(t, gateway("GET /v1|/pets/{id}/toys/{toy}.json", "GET /v1|/pets/{id}"))
	for _, target := range []string{"/v1/pets/7/toys/ball.json", "/v1/p%65ts/7/toys/b%61ll.json", "/v1/nothing", "/v1/../x"} {
		x := ask("GET", target)
		x.Params = make([]exchange.Param, 0, 4)
		path := x.Path
		r.Route(x)
		if n := testing.AllocsPerRun(100, func() {
			x.Response.Reset()
			x.Path = path
			r.Route(x)
		}); n != 0 {
			t.Errorf("%s: %v allocations", target, n)
		}
	}
}
