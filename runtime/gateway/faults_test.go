package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

// said is what a client gets of a fault.
type said struct {
	status       int
	allow, media string
	body         string
}

func refusedWith(t *testing.T, method, url string) said {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return said{response.StatusCode, response.Header.Get("Allow"), response.Header.Get("Content-Type"), string(body)}
}

// TestFaultsOfPathsAndMethods holds contract 2.9, and 2.7 for OPTIONS.
func TestFaultsOfPathsAndMethods(t *testing.T) {
	const (
		unknown = `{"code":404, "type":"Status report", "message":"Runtime Error", "description":"No matching resource found for given API Request"}`
		wrong   = `{"code":405, "type":"Status report", "message":"Runtime Error", "description":"Method not allowed for given API resource"}`
		media   = "application/json"
	)
	url := backendOf(t, func(http.ResponseWriter, *http.Request) { t.Error("reached the backend") })
	content := served(url)
	for i, method := range []string{"PATCH", "DELETE", "PUT", "GET"} {
		content.APIs[0].Operations = append(content.APIs[0].Operations,
			spec.Operation{ID: 3 + i, Method: method, Path: "/all", KeyPath: "/all", Sandbox: spec.NoEndpoint})
	}
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, content, engine)
		for _, tc := range []struct {
			method, path string
			want         said
		}{
			{"GET", "/pets/none", said{404, "", media, unknown}},
			{"POST", "/pets/none", said{404, "", media, unknown}},
			{"PUT", "/pets/none", said{404, "", media, unknown}},
			{"DELETE", "/pets/none", said{404, "", media, unknown}},
			{"PATCH", "/pets/none", said{404, "", media, unknown}},
			{"HEAD", "/pets/none", said{404, "", media, ""}},
			{"OPTIONS", "/pets/none", said{404, "", media, unknown}},
			{"GET", "/none", said{404, "", media, unknown}},
			{"GET", "/", said{404, "", media, unknown}},
			{"POST", "/pets/few", said{405, "GET, HEAD", media, wrong}},
			{"POST", "/pets/all", said{405, "GET, PUT, DELETE, HEAD, PATCH", media, wrong}},
			{"PURGE", "/pets/all", said{405, "GET, PUT, DELETE, HEAD, PATCH", media, wrong}},
			{"OPTIONS", "/pets/all", said{200, "GET, PUT, DELETE, OPTIONS, HEAD, PATCH", "", ""}},
		} {
			if got := refusedWith(t, tc.method, r.url+tc.path); got != tc.want {
				t.Errorf("%s %s: %+v\nwant %+v", tc.method, tc.path, got, tc.want)
			}
		}
	})
}

// TestFaultsOfBackends holds contract 5.6 with the statuses of the design, and
// 2.4.
func TestFaultsOfBackends(t *testing.T) {
	const (
		media    = "application/json"
		dead     = `{"fault":{"code":101503, "message":"Runtime Error", "description":"Error connecting to the back end"}}`
		timeout  = `{"fault":{"code":101504, "message":"Runtime Error", "description":"Connection timed out"}}`
		noTarget = `{"ERROR_CODE":"900901", "ERROR_MESSAGE":"Production key offered to the API with no production endpoint"}`
	)
	hold := make(chan struct{})
	silent := backendOf(t, func(http.ResponseWriter, *http.Request) { <-hold })
	t.Cleanup(func() { close(hold) }) // before the server is closed
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + closed.Addr().String()
	_ = closed.Close()

	overEngines(t, func(t *testing.T, engine string) {
		for _, tc := range []struct {
			name     string
			endpoint spec.Endpoint
			status   int
			body     string
		}{
			{"refused", spec.Endpoint{Type: spec.HTTP, URLs: []string{refusing}}, 502, dead},
			{"a name that is none", spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://backend.invalid"}}, 502, dead},
			{"a certificate that is not trusted", spec.Endpoint{Type: spec.HTTP, URLs: []string{untrusted.URL}}, 502, dead},
			{"closed without an answer", spec.Endpoint{Type: spec.HTTP, URLs: []string{rawBackend(t, "")}}, 502, dead},
			{"not HTTP", spec.Endpoint{Type: spec.HTTP, URLs: []string{rawBackend(t, "SSH-2.0-x\r\n")}}, 502, dead},
			{"all targets of a failover", spec.Endpoint{Type: spec.Failover, URLs: []string{refusing, rawBackend(t, "")}}, 502, dead},
			{"all targets of load balancing", spec.Endpoint{Type: spec.LoadBalance, URLs: []string{refusing, refusing + "/b"}}, 502, dead},
			{"silent", spec.Endpoint{Type: spec.HTTP, URLs: []string{silent}, Advanced: spec.Advanced{TimeoutMillis: 50}}, 504, timeout},
		} {
			for legacy, status := range map[bool]int{false: tc.status, true: 500} {
				t.Run(fmt.Sprintf("%s, legacy status %v", tc.name, legacy), func(t *testing.T) {
					content := served(refusing)
					tc.endpoint.Name = "pets"
					content.Endpoints[0] = tc.endpoint
					r := start(t, content, engine, fmt.Sprintf("httpClients.legacyStatus=%v", legacy))
					if got, want := refusedWith(t, "GET", r.url+"/pets/many"), (said{status, "", media, tc.body}); got != want {
						t.Errorf("%+v\nwant %+v", got, want)
					}
				})
			}
		}
		t.Run("no endpoint for the kind of key", func(t *testing.T) {
			content := served(refusing)
			content.APIs[0].Operations[1].Production = spec.NoEndpoint
			r := start(t, content, engine)
			if got, want := refusedWith(t, "GET", r.url+"/pets/many"), (said{403, "", media, noTarget}); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
		t.Run("the backend's own refusal is not touched", func(t *testing.T) {
			own := strings.Repeat("x", 10)
			r := start(t, served(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/x-own")
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, own)
			})), engine)
			if got, want := refusedWith(t, "GET", r.url+"/pets/many"), (said{503, "", "text/x-own", own}); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	})
}
