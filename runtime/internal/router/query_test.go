package router

import (
	"fmt"
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// conditional makes one API of lines like "GET /a?x=1".
func conditional(lines ...string) []spec.API {
	api := spec.API{Name: "A", Version: "1", Transports: []string{"http", "https"}}
	for i, line := range lines {
		method, key, _ := strings.Cut(line, " ")
		path, query, asks := strings.Cut(key, "?")
		if asks {
			query = "?" + query
		}
		api.Operations = append(api.Operations, spec.Operation{ID: i, Method: method, Path: path, Query: query})
	}
	return []spec.API{api}
}

func TestTheQueryTellsOperationsApart(t *testing.T) {
	r := mustNew(t, conditional(
		"GET /o", "GET /o?acl", "GET /o?type=list", "GET /o?type=list&max", "GET /o?type=all&max", "PUT /o?acl", "POST /o",
		"GET /only?a=1", "GET /only?a=2", "HEAD /only?a=3", "GET /x/{id}?n+m=%26+b", "GET /plain",
	))
	for _, tc := range []struct{ request, want string }{
		{"GET /o", "GET /o"},
		{"GET /o?", "GET /o"},
		{"GET /o?other=1", "GET /o"},
		{"GET /o?acl", "GET /o?acl"},
		{"GET /o?acl=", "GET /o?acl"},
		{"GET /o?x=1&acl=anything", "GET /o?acl"},
		{"GET /o?ACL", "GET /o"},
		{"GET /o?%61cl", "GET /o?acl"},
		{"GET /o?acl&acl=1", "GET /o?acl"},
		{"GET /o?type=list", "GET /o?type=list"},
		{"GET /o?type=l%69st", "GET /o?type=list"},
		{"GET /o?type=listing", "GET /o"},
		{"GET /o?type=lis", "GET /o"},
		{"GET /o?type", "GET /o"},
		{"GET /o?acl&type=list", "GET /o?type=list"},
		{"GET /o?max=5&type=list", "GET /o?type=list&max"},
		{"GET /o?max=5&type=all", "GET /o?type=all&max"},
		{"GET /o?type=all", "GET /o"},
		{"GET /o/?acl", "GET /o?acl"},
		{"HEAD /o?acl", "GET /o?acl"},
		{"PUT /o?acl", "PUT /o?acl"},
		{"PUT /o", "404"},
		{"DELETE /o?acl", "405 GET, PUT, POST, HEAD"},
		{"OPTIONS /o?acl", "200 GET, PUT, POST, OPTIONS, HEAD"},
		{"GET /only", "404"},
		{"GET /only?a=3", "404"},
		{"GET /only?a=2", "GET /only?a=2"},
		{"HEAD /only?a=2", "GET /only?a=2"},
		{"HEAD /only?a=3", "HEAD /only?a=3"},
		{"GET /x/7?n%20m=%26%20b", "GET /x/{id}?n+m=%26+b id=7"},
		{"GET /x/7?n+m=%26+b", "GET /x/{id}?n+m=%26+b id=7"},
		{"GET /x/7?n+m=&+b", "404"},

		// One reader takes the first of two values, another the last.
		{"GET /o?type=list&type=all", "400"},
		{"GET /o?type=list&t%79pe=drop", "400"},
		{"GET /o?type=list&type=list", "GET /o?type=list"},
		{"GET /o?x=1;type=list", "400"},
		{"GET /o?type=list;max=1", "400"},
		{"GET /o?x=1;y=2", "GET /o"},
		{"GET /plain?type=list&type=all;acl", "GET /plain"},
	} {
		x := ask("", tc.request)
		method, target, _ := strings.Cut(tc.request, " ")
		*x = *ask(method, target)
		got := outcome(r, x)
		if x.Operation != nil {
			op := x.Operation
			got = strings.Replace(got, op.Path, op.Path+op.Query, 1)
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.request, got, tc.want)
		}
	}
}

func TestOperationsThatNoQueryTellsApartAreRefused(t *testing.T) {
	if _, err := New(conditional("GET /o?a=1", "GET /o?a=1")); err == nil || !strings.Contains(err.Error(), "answers the same requests") {
		t.Error(err)
	}
	var lines []string
	for i := range maxNames + 1 {
		lines = append(lines, fmt.Sprintf("GET /o?a%02d", i))
	}
	if _, err := New(conditional(lines...)); err == nil || !strings.Contains(err.Error(), "more than 64 parameters") {
		t.Error(err)
	}
	r := mustNew(t, conditional(lines[:maxNames]...))
	if _, op, found := r.Find("GET", []byte("/o"), []byte("a63")); found != Found || op.Query != "?a63" {
		t.Error(found)
	}
}

func TestConditionsOfTheQueryAllocateNothing(t *testing.T) {
	r := mustNew(t, conditional("GET /o?type=list", "GET /o?acl", "GET /o"))
	x := ask("GET", "/o?acl&x=%20&type=l%69st")
	x.Params = make([]exchange.Param, 0, 8)
	if n := testing.AllocsPerRun(100, func() { r.Route(x) }); n > 0 || x.Operation.Query != "?type=list" {
		t.Errorf("%v allocations, %+v", n, x.Operation)
	}
}

func FuzzQueryIsReadAsOneReaderWould(f *testing.F) {
	f.Add("type=list&acl", "type=l%69st;acl")
	f.Add("a=%zz&=&&;", "acl=+&type")
	r := mustNew(f, conditional("GET /o?type=list", "GET /o?acl", "GET /o?type=all&acl", "GET /o"))
	f.Fuzz(func(t *testing.T, a, b string) {
		_, one, first := r.Find("GET", []byte("/o"), []byte(a+"&"+b))
		_, two, second := r.Find("GET", []byte("/o"), []byte(b+"&"+a))
		if first != second || one != two {
			t.Errorf("%q and %q: %v %+v, the other way round %v %+v", a, b, first, one, second, two)
		}
	})
}
