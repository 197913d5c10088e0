package cli

import (
	"strings"
	"testing"
	"time"

	"mgw/runtime/spec"
)

func TestRoutesShowWhatWouldBeServed(t *testing.T) {
	g := &spec.Gateway{
		Endpoints: []spec.Endpoint{
			{Type: spec.HTTP, URLs: []string{"http://user:s3cret@one/v1"}},
			{Type: spec.Failover, URLs: []string{"http://a", "http://b"}},
		},
		APIs: []spec.API{{
			Name: "Pets", Version: "1", BasePath: "/pets/v1", Tier: "Gold", ThrottlePolicy: "ips",
			Operations: []spec.Operation{
				{Method: "GET", Path: "/pet/{id}", Production: 0, Sandbox: 0, Security: spec.Security{Disabled: true}},
				{Method: "PUT", Path: "/pet\x1b[31m", Tier: "Bronze", Production: 1, Sandbox: spec.NoEndpoint,
					Security: spec.Security{Schemes: []spec.Scheme{spec.OAuth2, spec.APIKey}, Scopes: []string{"a", "b"}}},
				{Method: "POST", Path: "/x", Production: spec.NoEndpoint, Sandbox: 1,
					MaxBackend: spec.BackendLimits{Sandbox: spec.BackendLimit{Count: 9, Window: time.Second, MaxConcurrent: 3}}},
			},
		}, {
			Name: "Any", Version: "2", BasePath: "", MutualTLS: "optional",
			Operations: []spec.Operation{{Method: "GET", Path: "/*", Production: 1, Sandbox: 0, Security: spec.Security{Disabled: true}}},
		}},
	}
	var out strings.Builder
	if err := (printer{Writer: &out}).routes(routes(g)); err != nil {
		t.Fatal(err)
	}
	want := `METHOD PATH API SECURITY LIMITS BACKEND
GET /pets/v1/pet/{id} Pets 1 none Gold (API), ips http://user:xxxxx@one/v1
PUT /pets/v1/pet�[31m Pets 1 oauth2, apikey, scopes a or b Gold (API), Bronze, ips failover http://a http://b
POST /pets/v1/x Pets 1 - Gold (API), ips, sandbox backend 9 a second, sandbox backend 3 at a time sandbox: failover http://a http://b
GET /* Any 2 mutual TLS optional, none - failover http://a http://b, sandbox: http://user:xxxxx@one/v1
`
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// squeeze makes columns comparable whatever their width.
func squeeze(table string) string {
	lines := strings.Split(table, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}
