package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"mgw/runtime/spec"
)

func TestTheQueryChoosesTheOperationOnBothEngines(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) }))
	t.Cleanup(backend.Close)
	overEngines(t, func(t *testing.T, engine string) {
		content := served(backend.URL)
		secured := spec.Security{Schemes: []spec.Scheme{spec.OAuth2}}
		content.APIs[0].Operations = []spec.Operation{
			{ID: 0, Method: "GET", Path: "/o", Query: "?acl", KeyPath: "/o?acl", Security: secured, Sandbox: spec.NoEndpoint},
			{ID: 1, Method: "GET", Path: "/o", Query: "?type=list", KeyPath: "/o?type=list", Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint},
		}
		g := start(t, content, engine)
		for target, want := range map[string]string{
			"/pets/o?type=list&x=1":        "200 /o?type=list&x=1",
			"/pets/o?acl":                  "401",
			"/pets/o?%61cl":                "401",
			"/pets/o":                      "404",
			"/pets/o?type=list&type=drop":  "400",
			"/pets/o?type=list;acl&type=x": "400",
		} {
			status, body := get(t, g.url+target)
			got := fmt.Sprint(status)
			if status == 200 {
				got += " " + body
			}
			if got != want {
				t.Errorf("%s: %s, want %s", target, got, want)
			}
		}
	})
}
