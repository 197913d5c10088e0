package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// remembered is the served gateway with a response cache, and a limit on what
// reaches the backend of /many.
func remembered(backend string, throughput int64) *spec.Gateway {
	g := served(backend)
	g.APIs[0].ResponseCache = &spec.ResponseCache{}
	g.APIs[0].CORS = &spec.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}}
	open := spec.Security{Disabled: true}
	g.APIs[0].Operations = append(g.APIs[0].Operations,
		spec.Operation{ID: 3, Method: "PUT", Path: "/many", KeyPath: "/many", Security: open, Sandbox: spec.NoEndpoint})
	if throughput > 0 {
		g.APIs[0].Operations[1].MaxBackend.Production = spec.BackendLimit{Count: throughput, Window: time.Hour}
	}
	return g
}

func TestStoredAnswersTakeNoBackendTokenButAreCharged(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		var reached atomic.Int64
		r := start(t, remembered(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
			reached.Add(1)
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Set("X-Origin", "backend")
			fmt.Fprint(w, "pets")
		}), 1), engine)
		for n := range 5 {
			status, got := fields(t, "GET", r.url+"/pets/many", []string{"Origin", "https://" + string(rune('a'+n%2)) + ".example"}, "Age", "Access-Control-Allow-Origin", "X-Origin", "Content-Length")
			want := "Access-Control-Allow-Origin: https://" + string(rune('a'+n%2)) + ".example\nContent-Length: 4\nX-Origin: backend"
			if n > 0 {
				want = strings.Replace(want, "Content", "Age: 0\nContent", 1)
			}
			if got = strings.Replace(got, "Age: 1", "Age: 0", 1); status != 200 || got != want {
				t.Errorf("request %d: %d\n%s\nwant\n%s", n, status, got, want)
			}
		}
		if n := reached.Load(); n != 1 {
			t.Errorf("%d reached the backend", n)
		}
		// The window's only token is taken: what is not stored is refused.
		if status, body := get(t, r.url+"/pets/many?other"); status != 503 || !strings.Contains(body, "900801") {
			t.Errorf("%d %s", status, body)
		}
		if s := r.State().Cache; s == nil || s.Hits != 4 || s.Answers != 1 || s.Bytes == 0 {
			t.Errorf("%+v", s)
		}
		// Tiers count stored answers like others: five an hour.
		for n := 1; n <= 6; n++ {
			if status, _ := get(t, r.url+"/pets/few"); (status == 200) != (n <= 5) {
				t.Errorf("request %d of five: %d", n, status)
			}
		}
		if n := reached.Load(); n != 2 {
			t.Errorf("%d reached the backend", n)
		}
	})
}

func TestStoredAnswersOnTheWire(t *testing.T) {
	body := strings.Repeat("0123456789", 30_000) // several writes
	overEngines(t, func(t *testing.T, engine string) {
		var reached atomic.Int64
		r := start(t, remembered(backendOf(t, func(w http.ResponseWriter, r *http.Request) {
			reached.Add(1)
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(304)
				return
			}
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Set("ETag", `"1"`)
			fmt.Fprint(w, body)
		}), 0), engine)
		if status, got := get(t, r.url+"/pets/many"); status != 200 || got != body {
			t.Fatalf("%d, %d bytes", status, len(got))
		}
		const head = " /pets/many HTTP/1.1\nHost: %s\n%s\n"
		host := strings.TrimPrefix(r.url, "http://")
		raw := func(method, more string) string { return method + fmt.Sprintf(head, host, more) }
		answers := bufio.NewReader(strings.NewReader(talk(t, r.url, raw("GET", "")+raw("HEAD", "")+raw("GET", "If-None-Match: \"1\"\n")+raw("GET", "Connection: close\n"))))
		for i, want := range []struct {
			method string
			status int
			body   string
		}{{"GET", 200, body}, {"HEAD", 200, ""}, {"GET", 304, ""}, {"GET", 200, body}} {
			a, err := http.ReadResponse(answers, &http.Request{Method: want.method})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(a.Body)
			if err != nil || a.StatusCode != want.status || string(got) != want.body || a.Header.Get("Age") == "" || want.status == 200 && a.ContentLength != int64(len(body)) {
				t.Errorf("answer %d: %d %v, %d bytes, %v", i, a.StatusCode, a.Header, len(got), err)
			}
		}
		if n := reached.Load(); n != 1 {
			t.Errorf("%d reached the backend", n)
		}
		// Validated: the backend says 304, the client gets all of it.
		if status, got := get(t, r.url+"/pets/many", "Cache-Control", "no-cache"); status != 200 || got != body || reached.Load() != 2 {
			t.Errorf("%d, %d bytes, %d reached the backend", status, len(got), reached.Load())
		}
		// Changed by a request that was answered well.
		if status, _, err := try(t.Context(), "PUT", r.url+"/pets/many", "x"); err != nil || status != 200 {
			t.Errorf("%d %v", status, err)
		}
		if _, _ = get(t, r.url+"/pets/many"); reached.Load() != 4 {
			t.Errorf("%d reached the backend", reached.Load())
		}
	})
}

func TestManyClientsOneBackendRequest(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		var reached atomic.Int64
		release := make(chan struct{})
		r := start(t, remembered(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
			if reached.Add(1) == 1 {
				<-release
			}
			w.Header().Set("Cache-Control", "max-age=60")
			fmt.Fprint(w, "pets")
		}), 0), engine)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if status, body, err := try(t.Context(), "GET", r.url+"/pets/many", ""); err != nil || status != 200 || body != "pets" {
					t.Errorf("%d %s %v", status, body, err)
				}
			})
		}
		time.AfterFunc(100*time.Millisecond, func() { close(release) })
		all.Wait()
		if n := reached.Load(); n != 1 {
			t.Errorf("%d reached the backend", n)
		}
	})
}

func TestStoredAnswersNeedACredentialAndAreSharedOnlyWhereBackendsSeeNone(t *testing.T) {
	const passwordOfBoth = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8" // SHA-1 of "password"
	const kim, sam = "Basic a2ltOnBhc3N3b3Jk", "Basic c2FtOnBhc3N3b3Jk"
	overEngines(t, func(t *testing.T, engine string) {
		for _, tc := range []struct {
			name    string
			keep    bool
			control string
			second  string // what sam gets after kim
		}{
			{"the credential is taken out", false, "max-age=60", "|1"},
			{"the credential is left in", true, "max-age=60", sam + "|2"},
			{"the credential is left in, the answer is for everybody", true, "public, max-age=60", kim + "|1"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				var reached atomic.Int64
				content := remembered(backendOf(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", tc.control)
					fmt.Fprintf(w, "%s|%d", r.Header.Get("Authorization"), reached.Add(1))
				}), 0)
				content.APIs[0].Operations[2].Security.Schemes = []spec.Scheme{spec.Basic}
				content.Policies.Subscription = append(content.Policies.Subscription, spec.Tier{Name: "Default", Quota: spec.Quota{Count: 100, Window: time.Hour}})
				r := start(t, content, engine, "b7a.users.kim.password="+passwordOfBoth, "b7a.users.sam.password="+passwordOfBoth,
					fmt.Sprintf("authConfig.removeAuthHeaderFromOutMessage=%v", !tc.keep))
				if status, body := get(t, r.url+"/pets/mine", "Authorization", kim); status != 200 {
					t.Fatalf("%d %s", status, body)
				}
				if status, body := get(t, r.url+"/pets/mine", "Authorization", sam); status != 200 || body != tc.second {
					t.Errorf("%d %s, want %s", status, body, tc.second)
				}
				for _, wrong := range []string{"", "Basic a2ltOndyb25n"} {
					var header []string
					if wrong != "" {
						header = []string{"Authorization", wrong}
					}
					if status, body := get(t, r.url+"/pets/mine", header...); status != 401 {
						t.Errorf("with credential %q: %d %s", wrong, status, body)
					}
				}
			})
		}
	})
}
