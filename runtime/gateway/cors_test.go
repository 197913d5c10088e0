package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

// fields asks and gives the status and those answer fields whose names start
// with one of the prefixes, sorted, one a line.
func fields(t *testing.T, method, url string, header []string, prefixes ...string) (int, string) {
	t.Helper()
	response := ask(t, method, url, header...)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				lines = append(lines, name+": "+strings.Join(response.Header[name], " | "))
			}
		}
	}
	return response.StatusCode, strings.Join(lines, "\n")
}

// ask sends a request without a body; that of the answer is read and gone.
func ask(t *testing.T, method, url string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response
}

// shared is the served gateway with CORS settings, and an operation of its own
// for OPTIONS at /many.
func shared(backend string, settings spec.CORS) *spec.Gateway {
	g := served(backend)
	g.APIs[0].CORS = &settings
	g.APIs[0].Operations = append(g.APIs[0].Operations,
		spec.Operation{ID: 3, Method: "OPTIONS", Path: "/many", KeyPath: "/many", Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint})
	return g
}

var listed = spec.CORS{
	AllowOrigins: []string{"https://shop.example", "https://admin.example"}, AllowMethods: []string{"GET", "PUT"},
	AllowHeaders: []string{"Authorization", "X-Own"}, ExposeHeaders: []string{"X-Total", "ETag"}, AllowCredentials: true, MaxAge: 600,
}

const preflightVary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

func TestPreflights(t *testing.T) {
	url := backendOf(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Access-Control-Request-Method") != "" {
			t.Error("a preflight reached the backend")
		}
	})
	anyone := spec.CORS{AllowOrigins: []string{"*"}}
	anyoneKnown := spec.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, AllowCredentials: true}
	const granted = "Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Headers: Authorization, X-Own\nAccess-Control-Allow-Methods: GET, PUT\n" +
		"Access-Control-Allow-Origin: https://shop.example\nAccess-Control-Max-Age: 600\n" + preflightVary
	overEngines(t, func(t *testing.T, engine string) {
		for _, tc := range []struct {
			name                          string
			settings                      spec.CORS
			path, origin, method, headers string
			status                        int
			want                          string
		}{
			{"of a secured operation", listed, "/mine", "https://shop.example", "GET", "authorization,x-own", 200, granted},
			{"without other headers", listed, "/mine", "https://shop.example", "PUT", "", 200, granted},
			{"of an operation for OPTIONS itself", listed, "/many", "https://shop.example", "GET", "", 200, granted},
			{"of another origin", listed, "/mine", "https://evil.example", "GET", "", 200, preflightVary},
			{"of an origin that starts alike", listed, "/mine", "https://shop.example.evil.example", "GET", "", 200, preflightVary},
			{"of another scheme", listed, "/mine", "http://shop.example", "GET", "", 200, preflightVary},
			{"of no origin", listed, "/mine", "null", "GET", "", 200, preflightVary},
			{"of a method that is not allowed", listed, "/mine", "https://shop.example", "DELETE", "", 200, preflightVary},
			{"of a header that is not allowed", listed, "/mine", "https://shop.example", "GET", "x-own, x-else", 200, preflightVary},
			{"of a path that is not there", listed, "/none", "https://shop.example", "GET", "", 404, preflightVary},
			{"where anybody may", anyone, "/mine", "https://shop.example", "GET", "x-own, x-else", 200,
				"Access-Control-Allow-Headers: x-own, x-else\nAccess-Control-Allow-Methods: GET\nAccess-Control-Allow-Origin: *\n" + preflightVary},
			{"where anybody may, of no origin", anyone, "/mine", "null", "GET", "", 200,
				"Access-Control-Allow-Methods: GET\nAccess-Control-Allow-Origin: *\n" + preflightVary},
			{"where anybody may with credentials", anyoneKnown, "/mine", "https://shop.example", "PATCH", "x-own", 200,
				"Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Headers: x-own\nAccess-Control-Allow-Methods: PATCH\n" +
					"Access-Control-Allow-Origin: https://shop.example\n" + preflightVary},
			{"where anybody may with credentials, of no origin", anyoneKnown, "/mine", "null", "GET", "", 200, preflightVary},
			{"where nobody may", spec.CORS{}, "/mine", "https://shop.example", "GET", "", 200, preflightVary},
			{"where no header may", spec.CORS{AllowOrigins: []string{"*"}, AllowHeaders: []string{}}, "/mine", "https://shop.example", "GET", "x-own", 200, preflightVary},
		} {
			t.Run(tc.name, func(t *testing.T) {
				r := start(t, shared(url, tc.settings), engine)
				header := []string{"Origin", tc.origin, "Access-Control-Request-Method", tc.method}
				if tc.headers != "" {
					header = append(header, "Access-Control-Request-Headers", tc.headers)
				}
				status, got := fields(t, "OPTIONS", r.url+"/pets"+tc.path, header, "Access-Control-", "Vary")
				if status != tc.status || got != tc.want {
					t.Errorf("%d\n%s\nwant %d\n%s", status, got, tc.status, tc.want)
				}
			})
		}
	})
}

func TestAnswersToPagesOfOtherOrigins(t *testing.T) {
	url := backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("access-control-allow-credentials", "true")
		w.Header().Set("Vary", "Accept")
	})
	const shop, evil = "https://shop.example", "https://evil.example"
	const named = "Access-Control-Allow-Credentials: true\nAccess-Control-Allow-Origin: https://shop.example\nAccess-Control-Expose-Headers: X-Total, ETag\nVary: "
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, shared(url, listed), engine)
		dead := start(t, shared("http://127.0.0.1:1", listed), engine)
		for _, tc := range []struct {
			name, method, url, origin string
			status                    int
			want                      string
		}{
			{"the backend's", "GET", r.url + "/pets/many", shop, 200, named + "Accept | Origin"},
			{"the backend's to another origin", "GET", r.url + "/pets/many", evil, 200, "Vary: Accept | Origin"},
			{"the backend's to nobody's page", "GET", r.url + "/pets/many", "", 200, "Vary: Accept | Origin"},
			{"of an operation for OPTIONS that is no preflight", "OPTIONS", r.url + "/pets/many", shop, 200, named + "Accept | Origin"},
			{"without a credential", "GET", r.url + "/pets/mine", shop, 401, named + "Origin"},
			{"without a credential to another origin", "GET", r.url + "/pets/mine", evil, 401, "Vary: Origin"},
			{"of a path that is not there", "GET", r.url + "/pets/none", shop, 404, named + "Origin"},
			{"of a method that is not there", "PUT", r.url + "/pets/few", shop, 405, named + "Origin"},
			{"of a path of no API", "GET", r.url + "/none", shop, 404, ""},
			{"of a dead backend", "GET", dead.url + "/pets/many", shop, 502, named + "Origin"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				var header []string
				if tc.origin != "" {
					header = []string{"Origin", tc.origin}
				}
				status, got := fields(t, tc.method, tc.url, header, "Access-Control-", "Vary")
				if status != tc.status || got != tc.want {
					t.Errorf("%d\n%s\nwant %d\n%s", status, got, tc.status, tc.want)
				}
			})
		}
		t.Run("to two origins at once", func(t *testing.T) {
			if _, got := fields(t, "GET", r.url+"/pets/mine", []string{"Origin", shop, "Origin", evil}, "Access-Control-"); got != "" {
				t.Error(got)
			}
		})
		t.Run("of a spent limit", func(t *testing.T) {
			for n := 1; n <= 5; n++ {
				ask(t, "GET", r.url+"/pets/few")
			}
			// Preflights are not charged, and answered all the same.
			if status, _ := fields(t, "OPTIONS", r.url+"/pets/few", []string{"Origin", shop, "Access-Control-Request-Method", "GET"}); status != 200 {
				t.Errorf("preflight: %d", status)
			}
			if status, got := fields(t, "GET", r.url+"/pets/few", []string{"Origin", shop}, "Access-Control-", "Vary"); status != 429 || got != named+"Origin" {
				t.Errorf("%d\n%s", status, got)
			}
		})
	})
}

func TestAnAPIWithoutCORSSettingsLeavesItToTheBackend(t *testing.T) {
	url := backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://of.backend")
	})
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(url), engine)
		if _, got := fields(t, "GET", r.url+"/pets/many", []string{"Origin", "https://a.example"}, "Access-", "Vary"); got != "Access-Control-Allow-Origin: https://of.backend" {
			t.Error(got)
		}
		status, got := fields(t, "OPTIONS", r.url+"/pets/many", []string{"Origin", "https://a.example", "Access-Control-Request-Method", "GET"}, "Access-", "Allow")
		if status != 200 || got != "Allow: GET, OPTIONS, HEAD" {
			t.Errorf("%d %s", status, got)
		}
	})
}
