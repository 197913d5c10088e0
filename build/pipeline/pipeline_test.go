package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/build/compile"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

const definition = `openapi: 3.0.3
info: {title: Petstore, version: 1.0.0}
x-wso2-basePath: /petstore/v1
x-wso2-production-endpoints: {urls: ["http://localhost:8080"]}
paths:
  /pet/{id}:
    get:
      x-wso2-throttling-tier: Gold
      responses: {"200": {description: a pet}}
`

const policies = `resourcePolicies:
  - Gold: {count: 20, unitTime: 1, timeUnit: min}
`

// petstore gives the files of a project that is right.
func petstore() map[string]string {
	return map[string]string{
		"api_definitions/petstore.yaml": definition,
		"policies.yaml":                 policies,
		"conf/micro-gw.conf":            "[listenerConfig]\nhttpPort = 9090\n",
	}
}

// write makes a project of the name petstore and gives its folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "petstore")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// compiler stands for the real one, which has tests of its own.
type compiler struct {
	calls []compile.Options
	err   error
}

func (c *compiler) compile(_ context.Context, o compile.Options) error {
	c.calls = append(c.calls, o)
	if c.err != nil {
		return c.err
	}
	if err := os.MkdirAll(filepath.Dir(o.Output), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.Output, []byte("executable"), 0o755)
}

// text gives problems a line each.
func text(l diag.List) string {
	var b strings.Builder
	for _, p := range l {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

func TestBuildCompilesWhatTheProjectSays(t *testing.T) {
	dir := write(t, petstore())
	var c compiler
	var steps []string
	r, err := Build(t.Context(), Options{Dir: dir, GOOS: "linux", GOARCH: "arm64", Compile: c.compile,
		Steps: func(name string, _ time.Duration) { steps = append(steps, name) }})
	if err != nil {
		t.Fatalf("%v\n%s", err, text(r.Problems))
	}
	if want := []string{"read project", "read definitions", "plan gateway", "render source", "compile"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q", steps)
	}
	o := c.calls[0]
	if o.Output != filepath.Join(dir, "target", "petstore") || o.Gen != filepath.Join(dir, "target", "gen") || o.GOOS != "linux" || o.GOARCH != "arm64" {
		t.Errorf("compiled %q, %q for %s/%s", o.Output, o.Gen, o.GOOS, o.GOARCH)
	}
	g, err := spec.Decode(o.Files["gateway.json"])
	if err != nil || g.Project != "petstore" || g.APIs[0].Operations[0].Tier != "Gold" {
		t.Errorf("embedded %+v, %v", g, err)
	}
	if r.Project != "petstore" || r.Target != o.Output || r.Size != int64(len("executable")) || !strings.HasPrefix(r.Digest, "sha256:") || len(r.Digest) != 71 {
		t.Errorf("result %q %q %d %q", r.Project, r.Target, r.Size, r.Digest)
	}
	if data, err := r.ReadFile("policies.yaml"); err != nil || string(data) != policies {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestProblemsOfEveryRoomComeAtOnceAndNothingIsWritten(t *testing.T) {
	files := petstore()
	files["api_definitions/petstore.yaml"] = strings.Replace(definition, "Gold", "Glod", 1)
	files["policies.yaml"] = policies + "  - Silver: {count: many}\n"
	files["conf/micro-gw.conf"] = "[listenerConfig]\nhttpPrt = 1\n"
	files["api_definitions/torn.yaml"] = "openapi: [\n"
	dir := write(t, files)
	var c compiler
	r, err := Build(t.Context(), Options{Dir: dir, Compile: c.compile})
	if !errors.Is(err, ErrProblems) || errors.Is(err, ErrToolchain) {
		t.Errorf("error %v", err)
	}
	said := text(r.Problems)
	for _, place := range []string{"petstore.yaml:8:", "torn.yaml:", "policies.yaml:3:", "micro-gw.conf:2:"} {
		if !strings.Contains(said, place) {
			t.Errorf("no problem at %s in\n%s", place, said)
		}
	}
	if !slices.IsSortedFunc(r.Problems, func(a, b diag.Problem) int { return strings.Compare(a.File, b.File) }) {
		t.Errorf("not sorted:\n%s", said)
	}
	if _, err := os.Stat(filepath.Join(dir, "target")); len(c.calls) > 0 || err == nil {
		t.Error("something was built")
	}
}

func TestCheckOnlyWritesNothing(t *testing.T) {
	dir := write(t, petstore())
	var c compiler
	r, err := Build(t.Context(), Options{Dir: dir, CheckOnly: true, Compile: c.compile})
	if err != nil || len(c.calls) > 0 || r.Target != "" {
		t.Errorf("%v, %d calls, target %q", err, len(c.calls), r.Target)
	}
	if len(r.Gateway.APIs) != 1 {
		t.Errorf("gateway %+v", r.Gateway)
	}
	if _, err := os.Stat(filepath.Join(dir, "target")); err == nil {
		t.Error("target was made")
	}
}

func TestAnUnknownTierMayBeTheTrafficManagers(t *testing.T) {
	files := petstore()
	files["api_definitions/petstore.yaml"] = strings.Replace(definition, "Gold", "Platinum", 1)
	r, err := Build(t.Context(), Options{Dir: write(t, files), CheckOnly: true})
	if !errors.Is(err, ErrProblems) || !strings.Contains(text(r.Problems), "Platinum") {
		t.Errorf("without a manager: %v\n%s", err, text(r.Problems))
	}
	files["conf/micro-gw.conf"] = "[throttlingConfig]\nenabledGlobalTMEventPublishing = true\n"
	r, err = Build(t.Context(), Options{Dir: write(t, files), CheckOnly: true})
	if err != nil || !strings.Contains(text(r.Problems), "Platinum") {
		t.Errorf("with one: %v\n%s", err, text(r.Problems))
	}
}

func TestCodeThatNothingNamesIsLeftOutAndSaidSo(t *testing.T) {
	files := petstore()
	files["interceptors/header.go"] = "package interceptors\n"
	var c compiler
	r, err := Build(t.Context(), Options{Dir: write(t, files), Compile: c.compile})
	if want := "interceptors/header.go: warning: no definition names a function of interceptors/"; err != nil || !strings.Contains(text(r.Problems), want) {
		t.Fatalf("%v\n%s", err, text(r.Problems))
	}
	if o := c.calls[0]; o.User != "" || o.Module || o.Files["interceptors/header.go"] != nil {
		t.Errorf("compiled: %q, %v", o.User, o.Module)
	}
}

func TestCodeThatIsNamedIsCompiledInAndChangesTheDigest(t *testing.T) {
	files := petstore()
	files["api_definitions/petstore.yaml"] = definition + "x-wso2-request-interceptor: A\n"
	source := "package interceptors\n\nimport (\n\t\"context\"\n\t\"mgw/runtime/interceptor\"\n)\n\nfunc A(ctx context.Context, r *interceptor.Request) error { return nil }\n"
	files["interceptors/go.mod"] = "module example.com/own\n\ngo 1.27\n"
	digests := map[string]bool{}
	for _, more := range []string{"", "// changed\n", ""} {
		files["interceptors/a.go"] = source + more
		var c compiler
		r, err := Build(t.Context(), Options{Dir: write(t, files), Compile: c.compile})
		if err != nil {
			t.Fatalf("%v\n%s", err, text(r.Problems))
		}
		if o := c.calls[0]; o.User != "interceptors" || !o.Module || o.GoVersion != "1.27" || !bytes.Contains(o.Files["main.go"], []byte(`"example.com/own"`)) {
			t.Errorf("compiled: %+v", o)
		}
		digests[r.Digest] = true
	}
	if len(digests) != 2 {
		t.Errorf("%d digests of two projects", len(digests))
	}
}

func TestWhatTheCompilerFindsInTheUsersFilesIsAProblemOfTheProject(t *testing.T) {
	c := compiler{err: &compile.SourceError{Mistakes: []compile.Mistake{
		{File: "interceptors/b.go", Line: 2, Col: 3, Msg: "undefined: x"},
		{File: "interceptors/a.go", Line: 4, Col: 1, Msg: "no required module provides package example.com/a"},
	}}}
	r, err := Build(t.Context(), Options{Dir: write(t, petstore()), Compile: c.compile})
	if !errors.Is(err, ErrProblems) || errors.Is(err, ErrToolchain) {
		t.Error(err)
	}
	if got := text(r.Problems); got != "interceptors/a.go:4:1: no required module provides package example.com/a\ninterceptors/b.go:2:3: undefined: x\n" ||
		!strings.Contains(r.Problems[0].Hint, "go get") {
		t.Errorf("problems\n%s", got)
	}
}

func TestSecretsOfTheRunAreNotNeededToBuild(t *testing.T) {
	files := petstore()
	files["conf/micro-gw.conf"] = "[adminConfig]\nenabled = true\ntokenFile = \"admin.token\"\n[listenerConfig]\nhost = \"$env{NOWHERE_SET}\"\n"
	if r, err := Build(t.Context(), Options{Dir: write(t, files), CheckOnly: true}); err != nil {
		t.Errorf("%v\n%s", err, text(r.Problems))
	}
}

func TestAToolChainThatFailsIsToldFromTheProjectsMistakes(t *testing.T) {
	c := compiler{err: fmt.Errorf("%w: no go", compile.ErrToolchain)}
	r, err := Build(t.Context(), Options{Dir: write(t, petstore()), Compile: c.compile})
	if !errors.Is(err, ErrToolchain) || errors.Is(err, ErrProblems) || r.Target != "" || r.Digest != "" {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestWithoutAProjectThereIsNoBuild(t *testing.T) {
	empty := write(t, map[string]string{"policies.yaml": policies})
	for _, dir := range []string{filepath.Join(empty, "gone"), empty} {
		r, err := Build(t.Context(), Options{Dir: dir})
		if err == nil || errors.Is(err, ErrProblems) || errors.Is(err, ErrToolchain) || r == nil {
			t.Errorf("%s: %v", dir, err)
		}
		if _, err := r.ReadFile("policies.yaml"); err == nil {
			t.Errorf("%s: a file of no project", dir)
		}
	}
}

func TestACancelledBuildStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var c compiler
	_, err := Build(ctx, Options{Dir: write(t, petstore()), Compile: c.compile,
		Steps: func(string, time.Duration) { cancel() }})
	if !errors.Is(err, context.Canceled) || len(c.calls) > 0 {
		t.Errorf("%v, %d calls", err, len(c.calls))
	}
}

func TestTheSameProjectElsewhereGivesTheSameSource(t *testing.T) {
	var c compiler
	for range 3 {
		if _, err := Build(t.Context(), Options{Dir: write(t, petstore()), Compile: c.compile}); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range c.calls[1:] {
		if !maps.EqualFunc(c.calls[0].Files, o.Files, bytes.Equal) {
			t.Error("the source differs")
		}
	}
}

func TestWhereTheExecutableGoes(t *testing.T) {
	for _, tc := range []struct{ output, goos, want string }{
		{"", "linux", "/shop/target/shop"},
		{"", "windows", "/shop/target/shop.exe"},
		{"bin/x", "windows", "bin/x"},
	} {
		b := build{Options: Options{Output: tc.output, GOOS: tc.goos}, Result: &Result{Project: "shop", Root: "/shop"}}
		if got := b.output(); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}
