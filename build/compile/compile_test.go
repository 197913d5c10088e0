package compile

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// smallRuntime stands for the real one, which takes a minute to compile with an
// empty cache.
var smallRuntime = fstest.MapFS{
	"go.mod":                             {Data: []byte("module mgw\n\ngo 1.26.0\n")},
	"go.sum":                             {Data: nil},
	"runtime/gateway/gateway.go":         {Data: []byte("package gateway\n\nimport \"os\"\n\nfunc Main(b []byte) int { os.Stdout.Write(b); return 7 }\n")},
	"runtime/gateway/gateway_test.go":    {Data: []byte("not Go")},
	"runtime/gateway/testdata/broken.go": {Data: []byte("not Go")},
}

func generated(content string) map[string][]byte {
	return map[string][]byte{
		"go.mod":       []byte("module mgw.local/gateway\n\ngo 1.26.0\n"),
		"gateway.json": []byte(content),
		"main.go": []byte("package main\n\nimport (\n\t_ \"embed\"\n\t\"os\"\n\n\t\"mgw/runtime/gateway\"\n)\n\n" +
			"//go:embed gateway.json\nvar content []byte\n\nfunc main() { os.Exit(gateway.Main(content)) }\n"),
	}
}

// project gives options for a project folder.
func project(t *testing.T, dir, content string) Options {
	t.Helper()
	return Options{
		Source: smallRuntime, Files: generated(content), CacheDir: filepath.Join(t.TempDir(), "cache"),
		Gen: filepath.Join(dir, "target", "gen"), Output: filepath.Join(dir, "target", "petstore"),
	}
}

func run(t *testing.T, executable string) (string, int) {
	t.Helper()
	cmd := exec.Command(executable)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// entries lists a folder's names, hidden ones too.
func entries(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestCompileGivesAnExecutableAndItsSource(t *testing.T) {
	content := rand.Text() // that no cache knows
	o := project(t, t.TempDir(), content)
	var steps []string
	o.Progress = func(step string) { steps = append(steps, step) }
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, o.Output); out != content || code != 7 {
		t.Errorf("it prints %q and exits %d", out, code)
	}
	if got := entries(t, filepath.Dir(o.Output)); got != "gen petstore" {
		t.Errorf("target holds %q", got)
	}
	if got := entries(t, o.Gen); got != "gateway.json go.mod go.work main.go" {
		t.Errorf("gen holds %q", got)
	}
	if len(steps) == 0 || steps[len(steps)-1] != "mgw.local/gateway" {
		t.Errorf("steps %q", steps)
	}
}

func TestTheKeptSourceBuildsByHand(t *testing.T) {
	o := project(t, t.TempDir(), "petstore")
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", os.DevNull, ".")
	cmd.Dir, cmd.Env = o.Gen, append(os.Environ(), "PWD="+o.Gen, "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSameInputGivesSameBytesFromAnyFolder(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "a folder", `with "quotes" $HOME`)
	linked := filepath.Join(t.TempDir(), "link")
	if err := os.MkdirAll(filepath.Join(odd, "elsewhere", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(odd, "elsewhere", "deep"), linked); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for _, dir := range []string{t.TempDir(), odd, linked} {
		o := project(t, dir, "petstore")
		if err := Compile(t.Context(), o); err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		got, err := os.ReadFile(o.Output)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Errorf("%s: the executable differs", dir)
		}
	}
	other := project(t, t.TempDir(), "another store")
	if err := Compile(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(other.Output); bytes.Equal(first, got) {
		t.Error("another content gave the same executable")
	}
}

func TestTheUsersGoSettingsDoNotReachTheBuild(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.work"), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "env") // of go env -w
	if err := os.WriteFile(kept, []byte("GOFLAGS=-mod=vendor\nGOARCH=arm\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", kept)
	t.Setenv("GOFLAGS", "-mod=vendor -tags=odd")
	t.Setenv("GOWORK", filepath.Join(dir, "go.work"))
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOEXPERIMENT", "none-such")
	t.Setenv("CGO_ENABLED", "1")
	o := project(t, dir, "petstore")
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if out, _ := run(t, o.Output); out != "petstore" {
		t.Errorf("it prints %q", out)
	}
}

func TestAFailedBuildKeepsThePreviousOne(t *testing.T) {
	dir := t.TempDir()
	o := project(t, dir, "good")
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	bad := project(t, dir, "bad")
	bad.Files["main.go"] = []byte("package main\n\nfunc main() { undefined() }\n")
	err := Compile(t.Context(), bad)
	if !errors.Is(err, ErrToolchain) || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("error %v", err)
	}
	if out, _ := run(t, o.Output); out != "good" {
		t.Errorf("the previous executable prints %q", out)
	}
	if kept, _ := os.ReadFile(filepath.Join(o.Gen, "gateway.json")); string(kept) != "good" {
		t.Errorf("the source kept is of %q", kept)
	}
	if got := entries(t, filepath.Dir(o.Output)); got != "gen petstore" {
		t.Errorf("target holds %q", got)
	}
}

func TestARebuildDropsFilesThatAreNoLongerGenerated(t *testing.T) {
	dir := t.TempDir()
	first := project(t, dir, "petstore")
	first.Files["more.go"] = []byte("package main\n")
	for _, o := range []Options{first, project(t, dir, "petstore")} {
		if err := Compile(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, first.Gen); strings.Contains(got, "more.go") {
		t.Errorf("gen holds %q", got)
	}
}

func TestBuildsOfOneProjectAtOnceAllSucceed(t *testing.T) {
	o := project(t, t.TempDir(), "petstore")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := Compile(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if out, _ := run(t, o.Output); out != "petstore" {
		t.Errorf("it prints %q", out)
	}
	if got := entries(t, filepath.Dir(o.Output)); got != "gen petstore" {
		t.Errorf("target holds %q", got)
	}
}

func TestTheExecutableMayGoToAnotherFileSystem(t *testing.T) {
	elsewhere, err := os.MkdirTemp("/dev/shm", "mgw-test-")
	if err != nil {
		t.Skip("no second file system: ", err)
	}
	defer os.RemoveAll(elsewhere)
	o := project(t, t.TempDir(), "petstore")
	o.Output = filepath.Join(elsewhere, "petstore")
	for range 2 {
		if err := Compile(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if got := entries(t, elsewhere) + ", " + entries(t, filepath.Dir(o.Gen)); got != "petstore, gen" {
		t.Errorf("left: %q", got)
	}
}

func TestOutputsThatWouldDestroySomethingAreRefused(t *testing.T) {
	for _, output := range []string{"target/gen", "target/gen/petstore", "target"} {
		dir := t.TempDir()
		o := project(t, dir, "petstore")
		o.Output = filepath.Join(dir, output)
		if output == "target" {
			if err := os.Mkdir(o.Output, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := Compile(t.Context(), o); err == nil {
			t.Errorf("%s was taken", output)
		}
	}
}

func TestFilesCannotLeaveTheirFolder(t *testing.T) {
	for _, name := range []string{"../evil", "/etc/evil", "a/../../evil", ""} {
		dir := t.TempDir()
		o := project(t, dir, "petstore")
		o.Files[name] = []byte("x")
		if err := Compile(t.Context(), o); err == nil {
			t.Errorf("%q was written", name)
		}
		if got := entries(t, filepath.Join(dir, "target")); got != "" {
			t.Errorf("%q: target holds %q", name, got)
		}
	}
}
