package scaffold

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const openapi = "openapi: 3.0.3\n"

func fetch(url string) Fetch {
	return Fetch{URL: url, Header: http.Header{}, Timeout: time.Minute}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestDownloadSendsTheFieldsAndNamesTheFile(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/disposition":
			w.Header().Set("Content-Disposition", `attachment; filename="../../etc/pets.json"`)
			fmt.Fprint(w, `{"openapi":"3.0.3"}`)
		default:
			fmt.Fprint(w, openapi)
		}
	})
	for path, name := range map[string]string{
		"/pets.yaml?x=1": "pets.yaml",
		"/v1/pets":       "pets.yaml",
		"/":              "definition.yaml",
		"/..%2f..%2fx":   "x.yaml",
		"/disposition":   "pets.json",
	} {
		f := fetch(url + path)
		f.Header.Set("X-Key", "s3cret")
		d, err := f.Do(t.Context())
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if d.Name != name {
			t.Errorf("%s: named %s, want %s", path, d.Name, name)
		}
	}
}

func TestDownloadFailsWithTheReason(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html":
			fmt.Fprint(w, "<!doctype html>")
		case "/empty":
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, openapi)
		case "/large":
			chunk := strings.Repeat("# filler\n", 1<<17)
			for n := 0; n < maxDefinition+len(chunk); n += len(chunk) {
				if _, err := fmt.Fprint(w, chunk); err != nil {
					return
				}
			}
		default:
			http.NotFound(w, r)
		}
	})
	for path, reason := range map[string]string{
		"/missing": "404 Not Found",
		"/html":    "HTML",
		"/empty":   "empty",
		"/loop":    "redirects",
		"/cut":     "unexpected EOF",
		"/large":   "larger than 128 MiB",
	} {
		f := fetch(strings.Replace(url, "http://", "http://user:s3cret@", 1) + path + "?token=s3cret")
		f.Header.Set("Authorization", "Bearer s3cret")
		_, err := f.Do(t.Context())
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %q", path, err, reason)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: a secret shows: %v", path, err)
		}
	}
	if _, err := fetch("http://127.0.0.1:1/x").Do(t.Context()); err == nil {
		t.Error("reached a closed port")
	}
	if _, err := fetch("http://[::1/x?token=s3cret").Do(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("broken address: %v", err)
	}
	f := fetch(url)
	f.Header["Bad\nName"] = []string{"s3cret"}
	if _, err := f.Do(t.Context()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("broken field: %v", err)
	}
}

func TestSlowDownloadEnds(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, openapi)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	f := fetch(url)
	f.Timeout = 50 * time.Millisecond
	if _, err := f.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "within 50ms") {
		t.Errorf("err = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := fetch(url).Do(ctx); err == nil {
		t.Error("went on after the user gave up")
	}
}

func TestDownloadChecksCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			return
		}
		fmt.Fprint(w, openapi)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the refused handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	if _, err := fetch(server.URL).Do(t.Context()); err == nil || !strings.Contains(err.Error(), "-k") {
		t.Errorf("unknown certificate: %v", err)
	}
	f := fetch(server.URL + "/pets.yaml")
	f.Insecure = true
	if _, err := f.Do(t.Context()); err != nil {
		t.Errorf("-k: %v", err)
	}
	f.URL = server.URL + "/plain"
	if _, err := f.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "https to http") {
		t.Errorf("downgrade: %v", err)
	}
}

func TestFieldsDoNotFollowToAnotherServer(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("X-Api-Key"); got != "" {
			t.Errorf("the other server got %q", got)
		}
		fmt.Fprint(w, openapi)
	})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "s3cret" {
			t.Error("the field did not arrive")
		}
		target := other + "/pets.yaml"
		if r.URL.Path == "/near" {
			target = "/far"
		}
		http.Redirect(w, r, target, http.StatusFound)
	})
	f := fetch(url + "/near")
	f.Header.Set("X-Api-Key", "s3cret")
	if _, err := f.Do(t.Context()); err != nil {
		t.Error(err)
	}
}
