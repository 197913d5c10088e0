package listen

import (
	"io"
	"net/http"
	"net/http/httptest"
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
		{"https://h/", "", "", ""}, {"http://u@h/", "", "", ""}, {"http:///a", "", "", ""}, {"h:80", "", "", ""}, {"x", "", "", ""},
	} {
		var x exchange.Exchange
		x.Scheme = "http"
		fault := f.target(&x, &http.Request{RequestURI: tc.uri, Host: "h"})
		if (fault != nil) != (tc.path == "") || string(x.Target) != tc.target || string(x.Path) != tc.path || string(x.Query) != tc.query {
			t.Errorf("%s: %q %q %q, %v", tc.uri, x.Target, x.Path, x.Query, fault)
		}
	}
}

func TestHostsThatNameNothingAreRefused(t *testing.T) {
	for host, want := range map[string]bool{
		"a": true, "a.b:80": true, "a:": true, "[::1]": true, "[::1]:8080": true, "127.0.0.1:1": true, "a_b": true,
		"": false, ":80": false, "a:1:2": false, "a:65536": false, "a:x": false, "[::1": false, "[fe80::1%25e]": false, "u@a": false, "a/b": false, "a b": false, "a?b": false,
	} {
		if got := validHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestABodyEndsWithItsExchange(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("POST", "/", nil)
	b := &body{front: newTestFront(), from: in, control: http.NewResponseController(recorder), request: request, message: new(exchange.Message)}
	go func() { _, _ = out.Write([]byte("first")) }()
	if chunk, err := b.Next(); string(chunk) != "first" || err != nil {
		t.Fatalf("%q, %v", chunk, err)
	}
	if !b.Rewind() {
		t.Error("what still stands in the buffer cannot be had again")
	}
	b.close()
	if chunk, err := b.Next(); chunk != nil || err == nil {
		t.Errorf("after its end: %q, %v", chunk, err)
	}
	if b.Rewind() {
		t.Error("after its end it can be rewound")
	}
}

func TestABodyRewindsWhileItFitsItsBuffer(t *testing.T) {
	for _, size := range []int{0, 10, bodyBuffer, bodyBuffer + 1} {
		content := strings.Repeat("x", size)
		b := &body{front: newTestFront(), from: io.NopCloser(strings.NewReader(content)),
			control: http.NewResponseController(httptest.NewRecorder()), request: httptest.NewRequest("POST", "/", nil), message: new(exchange.Message)}
		for try := range 2 {
			n := 0
			chunk, err := b.Next()
			for ; err == nil; chunk, err = b.Next() {
				n += len(chunk)
			}
			if n != size || err != io.EOF {
				t.Errorf("%d bytes, time %d: %d, %v", size, try, n, err)
			}
			if got := b.Rewind(); got != (size <= bodyBuffer) {
				t.Errorf("%d bytes: Rewind gives %v", size, got)
			} else if !got {
				break
			}
		}
		b.close()
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
