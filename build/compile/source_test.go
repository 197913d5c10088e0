package compile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// withCode is a project whose main calls the user's package.
func withCode(t *testing.T, dir string, files map[string]string) Options {
	o := project(t, dir, "content")
	o.User = "interceptors"
	pkg := "mgw.local/gateway/interceptors"
	for name, content := range files {
		o.Files["interceptors/"+name] = []byte(content)
	}
	if mod := files["go.mod"]; mod != "" {
		o.Module, pkg = true, strings.Fields(mod)[1]
	}
	o.Files["main.go"] = []byte("package main\n\nimport (\n\t\"fmt\"\n\n\t\"" + pkg + "\"\n)\n\nfunc main() { fmt.Println(interceptors.Value()) }\n")
	return o
}

func TestTheUsersPackageIsCompiledIn(t *testing.T) {
	o := withCode(t, t.TempDir(), map[string]string{
		"a.go":     "package interceptors\n\nimport \"mgw.local/gateway/interceptors/sub\"\n\nfunc Value() string { return sub.Value }\n",
		"sub/s.go": "package sub\n\nconst Value = \"from below\"\n",
	})
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if out, _ := run(t, o.Output); out != "from below\n" {
		t.Errorf("it prints %q", out)
	}
}

// The dependency is one of mgw's own, so that the module cache has it.
func TestTheUsersModuleBringsItsDependencies(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join("..", "..", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"go.mod": "module example.com/of/mine\n\ngo 1.25\n\nrequire github.com/cespare/xxhash/v2 v2.3.0\n",
		"go.sum": string(sums),
		"a.go": "package interceptors\n\nimport (\n\t\"github.com/cespare/xxhash/v2\"\n\n\t\"example.com/of/mine/sub\"\n)\n\n" +
			"func Value() uint64 { return xxhash.Sum64String(sub.Value) }\n",
		"sub/s.go": "package sub\n\nconst Value = \"\"\n",
	}
	o := withCode(t, t.TempDir(), files)
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if out, _ := run(t, o.Output); out != "17241709254077376921\n" { // XXH64 of nothing
		t.Errorf("it prints %q", out)
	}
	if work, err := os.ReadFile(filepath.Join(o.Gen, "go.work")); err != nil || !strings.Contains(string(work), "\n\t./interceptors\n") {
		t.Errorf("%v\n%s", err, work)
	}
	files["go.mod"] = "module example.com/of/mine\n\ngo 1.25\n"
	delete(files, "sub/s.go")
	err = Compile(t.Context(), withCode(t, t.TempDir(), files))
	var source *SourceError
	if !errors.As(err, &source) || !slices.ContainsFunc(source.Mistakes, func(m Mistake) bool {
		return m.File == "interceptors/a.go" && m.Line == 4 && strings.Contains(m.Msg, "xxhash") && !strings.Contains(m.Msg, ".gen-")
	}) {
		t.Errorf("without the requirement: %v", err)
	}
}

func TestAModuleThatNeedsANewerGoIsTheMachinesFault(t *testing.T) {
	o := withCode(t, t.TempDir(), map[string]string{
		"go.mod": "module example.com/of/mine\n\ngo 1.999\n", "a.go": "package interceptors\n\nfunc Value() int { return 1 }\n",
	})
	o.GoVersion = "1.999"
	if err := Compile(t.Context(), o); !errors.Is(err, ErrToolchain) || !strings.Contains(err.Error(), "Go 1.999 or newer") {
		t.Error(err)
	}
}

func TestMistakesInTheUsersFilesHaveTheirPlaces(t *testing.T) {
	dir := t.TempDir()
	o := withCode(t, dir, map[string]string{
		"a.go": "package interceptors\n\nfunc Value() int { return \"a\" }\n",
		"b.go": "package interceptors\n\nimport (\n\t\"os\"\n\t\"mgw/runtime/nowhere\"\n)\n",
	})
	var source *SourceError
	if err := Compile(t.Context(), o); !errors.As(err, &source) || errors.Is(err, ErrToolchain) ||
		source.Mistakes[0].File != "interceptors/b.go" || source.Mistakes[0].Line != 5 {
		t.Fatal(err)
	}
	o.Files["interceptors/b.go"] = []byte("package interceptors\n\nvar F func(int) = func(string) {}\n")
	if err := Compile(t.Context(), o); !errors.As(err, &source) {
		t.Fatal(err)
	}
	want := []Mistake{
		{"interceptors/b.go", 3, 19, "cannot use func(string) {} (value of type func(string)) as func(int) value in variable declaration"},
		{"interceptors/a.go", 3, 27, `cannot use "a" (untyped string constant) as int value in return statement`},
	}
	if !slices.Equal(source.Mistakes, want) {
		t.Errorf("got %v", source.Mistakes)
	}
	if entries(t, dir) != "target" || entries(t, filepath.Join(dir, "target")) != "" {
		t.Error("something was left behind")
	}
}
