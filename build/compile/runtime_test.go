package compile

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"mgw"
	"mgw/build/render"
	"mgw/runtime/spec"
)

// TestAGatewayCostsTheCompilerOnlyItsMain builds real gateways: what the tools
// were built from is in the compiler's cache already and is not compiled again,
// and the folder does not matter.
func TestAGatewayCostsTheCompilerOnlyItsMain(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the runtime")
	}
	asTheToolsAreBuilt(t)
	var first []byte
	for range 2 {
		o := project(t, t.TempDir(), "")
		o.Source, o.Files = nil, realFiles(t)
		var compiled []string
		o.Progress = func(step string) { compiled = append(compiled, step) }
		if err := Compile(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(compiled, func(step string) bool { return step != render.Module }) {
			t.Errorf("compiled again: %q", compiled)
		}
		built, err := os.ReadFile(o.Output)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = built
		}
		if !bytes.Equal(first, built) {
			t.Error("two folders give two executables")
		}
		if out, err := exec.Command(o.Output, "--version").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("shop")) {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// asTheToolsAreBuilt compiles the runtime inside of its own module, with the
// flags of the Makefile. The source is what this test carries, not the working
// folder's, which may have changed since.
func asTheToolsAreBuilt(t *testing.T) {
	t.Helper()
	tree, err := readTree(mgw.Source)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mgw")
	if err := writeFiles(dir, tree.files); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "./runtime/gateway")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func realFiles(t *testing.T) map[string][]byte {
	t.Helper()
	version, err := GoVersion()
	if err != nil {
		t.Fatal(err)
	}
	files, err := render.Render(&spec.Gateway{Format: spec.Format, Project: "shop"}, render.Options{GoVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
