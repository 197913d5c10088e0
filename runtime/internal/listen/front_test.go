package listen

import (
	"net/http"
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
)

func newTestFront() *front {
	o := &Options{Chain: &exchange.Chain{}}
	o.setDefaults()
	return newFront(o)
}

func TestTargetsAreTakenApartAsTheyCame(t *testing.T) {
	f := newTestFront()
	for _, tc := range []struct{ uri, target, path, query string }{
		{"/a", "/a", "/a", ""}, {"/a?", "/a?", "/a", ""}, {"/a?b?c", "/a?b?c", "/a", "b?c"}, {"//a/%2F", "//a/%2F", "//a/%2F", ""},
		{"http://h/a?b", "/a?b", "/a", "b"}, {"HTTP://h", "/", "/", ""}, {"http://h?b", "/?b", "/", "b"}, {"http://h//", "//", "//", ""},
		{"https://h/", "", "", ""}, {"h:80", "", "", ""}, {"x", "", "", ""},
	} {
		var x exchange.Exchange
		x.Scheme = "http"
		fault := f.target(&x, &http.Request{RequestURI: tc.uri})
		if (fault != nil) != (tc.path == "") || string(x.Target) != tc.target || string(x.Path) != tc.path || string(x.Query) != tc.query {
			t.Errorf("%s: %q %q %q, %v", tc.uri, x.Target, x.Path, x.Query, fault)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("/a?b")
	f.Add("http://h?x")
	front := newTestFront()
	f.Fuzz(func(t *testing.T, uri string) {
		var x exchange.Exchange
		x.Scheme = "http"
		if front.target(&x, &http.Request{RequestURI: uri}) != nil {
			return
		}
		whole := string(x.Path)
		if strings.Contains(string(x.Target), "?") {
			whole += "?" + string(x.Query)
		}
		if !strings.HasPrefix(whole, "/") || whole != string(x.Target) || !strings.HasSuffix("/"+uri, strings.TrimPrefix(whole, "/")) {
			t.Errorf("%q: %q %q %q", uri, x.Target, x.Path, x.Query)
		}
	})
}
