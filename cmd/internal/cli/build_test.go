package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgw/build/compile"
	"mgw/build/pipeline"
)

const pets = `openapi: 3.0.3
info: {title: Pets, version: 1.0.0}
servers: [{url: "http://localhost:8080/v1"}]
paths:
  /pets:
    get:
      responses: {"200": {description: ok}}
`

// world is an app whose compiler is a function.
type world struct {
	*app
	out, err strings.Builder
	seen     compile.Options
}

// newWorld stands in a folder with the project petstore in it.
func newWorld(t *testing.T, compiler func(compile.Options) error) *world {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("petstore/api_definitions", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("petstore/api_definitions/pets.yaml", []byte(pets), 0o644); err != nil {
		t.Fatal(err)
	}
	w := &world{}
	w.app = &app{out: printer{Writer: &w.out}, err: printer{Writer: &w.err}, now: time.Now}
	w.pipeline = func(ctx context.Context, o pipeline.Options) (*pipeline.Result, error) {
		o.Compile = func(_ context.Context, co compile.Options) error {
			w.seen = co
			return compiler(co)
		}
		return pipeline.Build(ctx, o)
	}
	return w
}

func (w *world) run(ctx context.Context, args ...string) int {
	w.out.Reset()
	w.err.Reset()
	root := w.root()
	root.SetArgs(args)
	root.SetOut(&w.out)
	root.SetErr(&w.err)
	cmd, err := root.ExecuteContextC(ctx)
	return w.exit(ctx, cmd, err)
}

// write makes the executable.
func write(o compile.Options) error {
	for _, name := range []string{"mgw/runtime/spec", "mgw.local/gateway"} {
		if o.Progress != nil {
			o.Progress(name)
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.Output), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.Output, []byte("executable"), 0o755)
}

func TestBuildSaysWhereTheExecutableIs(t *testing.T) {
	w := newWorld(t, write)
	if code := w.run(t.Context(), "build", "petstore"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	target := filepath.Join("petstore", "target", "petstore")
	want := "Build successful for the project - petstore\nTarget: " + target + "\n"
	if w.out.String() != want {
		t.Errorf("got %q, want %q", w.out.String(), want)
	}
	if _, err := os.Stat(target); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(w.err.String()) {
		if !strings.HasSuffix(line, "s\n") || strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("a step's line: %q", line)
		}
	}
	if !strings.Contains(w.err.String(), "compile  ") {
		t.Errorf("steps: %q", w.err.String())
	}
}

func TestBuildFlags(t *testing.T) {
	w := newWorld(t, write)
	elsewhere := filepath.Join(t.TempDir(), "x")
	if code := w.run(t.Context(), "build", "petstore", "-q", "-o", elsewhere, "--goos", "linux", "--goarch", "arm64"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, w.err.String())
	}
	if w.out.Len()+w.err.Len() > 0 {
		t.Errorf("quietly: %q, %q", w.out.String(), w.err.String())
	}
	if w.seen.Output != elsewhere || w.seen.GOOS != "linux" || w.seen.GOARCH != "arm64" {
		t.Errorf("compiled with %+v", w.seen)
	}
	w.run(t.Context(), "build", "petstore", "-v")
	if !strings.Contains(w.err.String(), "  mgw.local/gateway\n") || !strings.Contains(w.out.String(), "Size: 0.0 MB, content ") {
		t.Errorf("verbosely: %q, %q", w.out.String(), w.err.String())
	}
}

func TestBuildAsJSON(t *testing.T) {
	w := newWorld(t, write)
	code := w.run(t.Context(), "build", "petstore", "--format", "json")
	var got buildResult
	if err := json.Unmarshal([]byte(w.out.String()), &got); err != nil || code != exitOK || w.err.Len() > 0 {
		t.Fatalf("%d, %v: %q, %q", code, err, w.out.String(), w.err.String())
	}
	if !got.Success || got.Project != "petstore" || !filepath.IsAbs(got.Target) || got.Size != 10 || got.Digest == "" || got.Problems == nil {
		t.Errorf("%+v", got)
	}
}

func TestBuildFailuresTellFilesFromToolChain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("%w: no go", pipeline.ErrToolchain), exitUsage},
		{errors.New("disk full"), exitFiles},
	} {
		w := newWorld(t, func(compile.Options) error { return tc.err })
		if code := w.run(t.Context(), "build", "petstore"); code != tc.code || w.out.Len() > 0 || !strings.Contains(w.err.String(), "mgw: "+tc.err.Error()+"\n") {
			t.Errorf("%v: exit code %d: %q, %q", tc.err, code, w.out.String(), w.err.String())
		}
		code := w.run(t.Context(), "build", "petstore", "--format", "json")
		var got buildResult
		if err := json.Unmarshal([]byte(w.out.String()), &got); err != nil || code != tc.code || got.Error != tc.err.Error() || got.Success || w.err.Len() > 0 {
			t.Errorf("%v: exit code %d: %q, %q", tc.err, code, w.out.String(), w.err.String())
		}
	}
}

func TestInterruptedBuild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, func(compile.Options) error {
		cancel()
		return ctx.Err()
	})
	if code := w.run(ctx, "build", "petstore"); code != exitInterrupted || !strings.Contains(w.err.String(), "mgw: interrupted\n") || w.out.Len() > 0 {
		t.Errorf("exit code %d: %q, %q", code, w.out.String(), w.err.String())
	}
}

func TestTokenForManyAPIsWarns(t *testing.T) {
	w := newWorld(t, write)
	for i := range 60 {
		text := strings.NewReplacer("Pets", fmt.Sprintf("Pets of the house number %d", i), "/v1", fmt.Sprintf("/v%d", i+2)).Replace(pets)
		if err := os.WriteFile(fmt.Sprintf("petstore/api_definitions/p%d.yaml", i), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code := w.run(t.Context(), "init", "-f", "petstore"); code != exitOK {
		t.Fatal(w.err.String())
	}
	if code := w.run(t.Context(), "token", "petstore"); code != exitOK || !strings.Contains(w.err.String(), "name the APIs with --api") {
		t.Errorf("exit code %d: %s", code, w.err.String())
	}
}
