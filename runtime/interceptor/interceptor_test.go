package interceptor_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mgw/runtime/interceptor"
)

// A test of an interceptor needs no gateway.
func Example() {
	addTenant := func(_ context.Context, r *interceptor.Request) error {
		r.Header().Set("X-Tenant", r.Principal().Tenant)
		return nil
	}
	r := interceptor.NewRequest(interceptor.RequestParts{Method: "GET", Path: "/", Principal: interceptor.Principal{Tenant: "acme"}})
	if err := addTenant(context.Background(), r); err == nil {
		fmt.Println(r.Header().Get("X-Tenant"))
	}
	// Output: acme
}

func request(fields ...[2]string) *interceptor.Request {
	return interceptor.NewRequest(interceptor.RequestParts{Header: fields})
}

func TestFieldsAreFoundAndChangedWithoutCase(t *testing.T) {
	r := request([2]string{"x-one", "1"}, [2]string{"X-Two", "2"}, [2]string{"X-ONE", "3"})
	h := r.Header()
	h.Set("X-One", " 4\t")
	h.Add("x-two", "5")
	h.Del("X-None")
	var all []string
	for name, value := range h.All() {
		all = append(all, name+"="+value)
		h.Del(name) // while it is walked
	}
	if got := strings.Join(all, " "); got != "X-Two=2 X-One=4 x-two=5" {
		t.Errorf("fields %s", got)
	}
	if got := r.Outcome().Changes; len(got) != 4 || got[0] != (interceptor.Change{Name: "X-One", Value: "4"}) || !got[1].Add || !got[3].Remove {
		t.Errorf("changes %v", got)
	}
	if o := r.Outcome(); o.Err != nil || o.Changes != nil {
		t.Errorf("again %v", o)
	}
}

func TestWhatHTTPDoesNotAllowIsNeverAChange(t *testing.T) {
	for _, f := range [][2]string{
		{"X", "a\r\nb"}, {"X", "a\nb"}, {"X", "\x00"}, {"X", "\x7f"}, {"", "a"}, {"a b", "c"}, {"X:", "c"}, {"é", "c"},
		{"Host", "a"}, {"hOst", "a"}, {"Content-Length", "1"}, {"TE", "trailers"}, {"Forwarded", "for=a"}, {"x-forwarded-HOST", "a"},
	} {
		for _, change := range []func(h *interceptor.Header){
			func(h *interceptor.Header) { h.Set(f[0], f[1]) }, func(h *interceptor.Header) { h.Add(f[0], f[1]) },
		} {
			r := request()
			change(r.Header())
			r.Header().Set("X-Fine", "1")
			o := r.Outcome()
			if o.Err == nil || len(o.Changes) != 1 || r.Header().Get(f[0]) != "" {
				t.Errorf("%q: %v, %v", f, o.Err, o.Changes)
			}
			if o.Err != nil && f[1] != "" && len(f[1]) > 2 && strings.Contains(o.Err.Error(), f[1]) {
				t.Errorf("%q: the value is shown: %v", f, o.Err)
			}
		}
	}
	for _, value := range []string{"", "a\tb", "\xe9", "ünï"} {
		r := request()
		if r.Header().Set("X", value); r.Outcome().Err != nil {
			t.Errorf("%q is refused", value)
		}
	}
}

func TestPrincipalIsACopy(t *testing.T) {
	claims := map[string]any{"roles": []any{"a"}, "address": map[string]any{"city": "Ulm"}}
	r := interceptor.NewRequest(interceptor.RequestParts{Principal: interceptor.Principal{Scopes: []string{"read"}, Claims: claims}})
	p := r.Principal()
	p.Scopes[0] = "write"
	p.Claims["roles"].([]any)[0] = "admin"
	p.Claims["address"].(map[string]any)["city"] = "Bonn"
	q := r.Principal()
	if q.Scopes[0] != "read" || q.Claims["roles"].([]any)[0] != "a" || q.Claims["address"].(map[string]any)["city"] != "Ulm" {
		t.Errorf("changed: %v", q)
	}
}

func TestBodiesAreCopies(t *testing.T) {
	r := request()
	content := []byte("one")
	r.SetBody(content)
	content[0] = 'X'
	body, err := r.Body()
	if err != nil || string(body) != "one" {
		t.Fatalf("%q, %v", body, err)
	}
	body[0] = 'X'
	if o := r.Outcome(); !o.Replaced || string(o.Body) != "one" {
		t.Errorf("%+v", o)
	}
	if r.Outcome().Replaced {
		t.Error("replaced twice")
	}
	if again, _ := r.Body(); string(again) != "one" {
		t.Errorf("%q", again)
	}
}

func TestRespondTakesAnHTTPHeader(t *testing.T) {
	r := request()
	if err := r.Respond(403, http.Header{"X-B": {"2", "3"}, "X-A": {"1"}}, []byte("no")); err != nil {
		t.Fatal(err)
	}
	a := r.Outcome().Answer
	if a.Status != 403 || string(a.Body) != "no" || !slices.Equal(a.Header, [][2]string{{"X-A", "1"}, {"X-B", "2"}, {"X-B", "3"}}) {
		t.Errorf("%+v", a)
	}
	for _, status := range []int{0, 101, 199, 600} {
		r, w := request(), interceptor.NewResponse(interceptor.ResponseParts{Status: 200})
		if r.Respond(status, nil, nil) == nil || r.Outcome().Err == nil || r.Outcome().Answer != nil {
			t.Errorf("status %d is an answer", status)
		}
		if w.SetStatus(status); w.Outcome().Err == nil || w.Status() != 200 {
			t.Errorf("status %d is set", status)
		}
	}
}

func TestPropertiesAreReplacedByName(t *testing.T) {
	r := request()
	r.SetProperty("a", "1")
	r.SetProperty("b", "2")
	r.SetProperty("a", "3")
	if r.Property("a") != "3" || r.Property("c") != "" || !slices.Equal(r.Properties(), [][2]string{{"a", "3"}, {"b", "2"}}) {
		t.Errorf("%v", r.Properties())
	}
}
