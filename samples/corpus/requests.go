package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mgw/samples/internal/harness"
)

// methods in the order of the Allow field.
var methods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}

// asker sends requests to a running gateway.
type asker struct {
	gateway *harness.Gateway
	admin   string
	token   string
	client  *http.Client
}

// everyOperation sends for each operation a request that has to reach the
// backend with its own path, for each path one with another method and one for
// something that is not there.
func (t trial) everyOperation(ctx context.Context, routes []route) (checked int, err error) {
	g, err := t.tools.StartGateway(ctx, t.dir, filepath.Join(t.name, "target", t.name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, g.Stop()) }()
	token, err := os.ReadFile(filepath.Join(t.dir, t.name, "conf", "admin.token"))
	if err != nil {
		return 0, err
	}
	a := asker{gateway: g, token: strings.TrimSpace(string(token)), client: &http.Client{}}
	defer a.client.CloseIdleConnections()
	if a.admin, err = g.Admin(ctx); err != nil {
		return 0, err
	}
	served, depth := byPath(routes)
	for path, methods := range served {
		if err := a.path(ctx, "/"+t.name, path, methods, depth); err != nil {
			return checked, err
		}
		checked += len(methods)
	}
	return checked, nil
}

// byPath groups routes whose templates match the same requests, and gives the
// number of slashes in the longest.
func byPath(routes []route) (served map[string][]route, depth int) {
	served = map[string][]route{}
	for _, r := range routes {
		shape := parameter.ReplaceAllString(r.Path, "{}")
		served[shape] = append(served[shape], r)
		depth = max(depth, strings.Count(r.Path, "/"))
	}
	return served, depth
}

var parameter = regexp.MustCompile(`(\{[^}]*\})+`)

func (a *asker) path(ctx context.Context, base, shape string, served []route, depth int) error {
	path := concrete(shape)
	allowed := map[string]bool{}
	for _, r := range served {
		allowed[r.Method] = true
		if err := a.reaches(ctx, base, path, r); err != nil {
			return err
		}
	}
	allowed["HEAD"] = allowed["HEAD"] || allowed["GET"]
	if err := a.refuses(ctx, path, allowed); err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	return a.misses(ctx, path+strings.Repeat("/zzz", depth))
}

// concrete fills a template in and writes it as a request does.
func concrete(template string) string {
	var b strings.Builder
	for i, text := range strings.Split(template, "{}") {
		if i > 0 {
			b.WriteString("v7")
		}
		for _, c := range []byte(text) {
			if c > 0x7e || c <= ' ' || strings.IndexByte("\"<>\\^`{|}#", c) >= 0 {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

// reaches asks the gateway which operation it takes a request for, and sends it.
func (a *asker) reaches(ctx context.Context, base, path string, r route) error {
	var told struct{ Outcome, Operation string }
	question, err := json.Marshal(map[string]string{"method": r.Method, "path": path})
	if err != nil {
		return err
	}
	_, body, err := a.send(ctx, "POST", a.admin+"/explain", question)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return fmt.Errorf("%w: %.200s", err, body)
	}
	if want := r.Method + " " + r.Path; told.Operation != want {
		return fmt.Errorf("%s %s is %s %s, not %s", r.Method, path, told.Outcome, told.Operation, want)
	}
	res, body, err := a.send(ctx, r.Method, a.gateway.HTTP+path, nil)
	if err != nil {
		return err
	}
	want := r.Method + " " + strings.TrimPrefix(path, base)
	if seen := res.Header.Get("X-Seen"); res.StatusCode != http.StatusOK || seen != want {
		return fmt.Errorf("%s %s: %s, the backend saw %q, not %q: %.200s", r.Method, path, res.Status, seen, want, body)
	}
	return nil
}

// refuses sends a method that no operation of a path has.
func (a *asker) refuses(ctx context.Context, path string, allowed map[string]bool) error {
	wrong := slices.IndexFunc(methods, func(m string) bool { return !allowed[m] && m != "OPTIONS" })
	if wrong < 0 {
		return nil
	}
	var want []string
	for _, m := range methods {
		if allowed[m] {
			want = append(want, m)
		}
	}
	res, _, err := a.send(ctx, methods[wrong], a.gateway.HTTP+path, nil)
	if err != nil {
		return err
	}
	if allow := res.Header.Get("Allow"); res.StatusCode != http.StatusMethodNotAllowed || allow != strings.Join(want, ", ") {
		return fmt.Errorf("%s %s: %s, Allow %q, want 405 and %q", methods[wrong], path, res.Status, allow, want)
	}
	return nil
}

// misses sends a request for a path that is longer than any template.
func (a *asker) misses(ctx context.Context, path string) error {
	res, _, err := a.send(ctx, "GET", a.gateway.HTTP+path, nil)
	if err == nil && res.StatusCode != http.StatusNotFound {
		err = fmt.Errorf("GET %s: %s, want 404", path, res.Status)
	}
	return err
}

func (a *asker) send(ctx context.Context, method, url string, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if strings.HasPrefix(url, a.admin) {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, text, err
}
