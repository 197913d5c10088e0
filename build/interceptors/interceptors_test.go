package interceptors

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"mgw/build/project"
)

// read reads the files of a txtar archive, which gives them below interceptors/.
func read(archive string, o Options) (*Code, string) {
	var files []project.File
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files = append(files, project.File{Name: Dir + "/" + f.Name, Data: f.Data})
	}
	code, problems := Read(files, o)
	problems.Sort()
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintln(&b, p)
	}
	return code, b.String()
}

func TestKindsOfFunctions(t *testing.T) {
	code, problems := read(`
-- a.go --
package interceptors

import (
	c "context"
	"net/http"
	. "mgw/runtime/interceptor"
	"other.example/interceptor"
)

func Request1(ctx c.Context, r *Request) error { return nil }
func Response1(_ c.Context, _ *Response) (err error) { return nil }
func unexported(c.Context, *Request) error { return nil }
func Same(a, b c.Context) error { return nil }
func None() {}
func NoContext(r *Request) error { return nil }
func NoPointer(ctx c.Context, r Request) error { return nil }
func NoError(ctx c.Context, r *Request) {}
func Two(ctx c.Context, r *Request) (int, error) { return 0, nil }
func Generic[T any](ctx c.Context, r *Request) error { return nil }
func Foreign(ctx c.Context, r *interceptor.Request) error { return nil }
func HTTP(ctx c.Context, r *http.Request) error { return nil }
func (t T) Method(ctx c.Context, r *Request) error { return nil }
func Variadic(ctx c.Context, r ...*Request) error { return nil }
var Variable = Request1
type T struct{}
-- b.go --
package interceptors

import (
	"context"
	"mgw/runtime/interceptor"
)

func Request2(ctx context.Context, r *(interceptor.Request)) error { return nil }
func Response2(ctx context.Context, r *interceptor.Response) error { return nil }
func NotThis(ctx context.Context, r *Request) error { return nil }
-- b_test.go --
package interceptors

func OfTest(
-- _c.go --
not Go
-- sub/s.go --
package sub

func Sub() {}
`, Options{})
	if problems != "" || code.Broken {
		t.Errorf("problems:\n%s", problems)
	}
	want := map[string]Kind{"Request1": Request, "Request2": Request, "unexported": Request, "Response1": Response, "Response2": Response}
	for name, f := range code.Functions {
		if f.Kind != want[name] {
			t.Errorf("%s is of kind %d, want %d", name, f.Kind, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	for name, there := range map[string]bool{"OfTest": false, "Sub": false, "Method": false, "None": true, "Variable": true} {
		if _, ok := code.Functions[name]; ok != there {
			t.Errorf("%s: there %v", name, ok)
		}
	}
	if code.Functions["Variable"].Why == "" || code.Functions["T"].Why == "" {
		t.Error("a variable or type may be named")
	}
	if f := code.Functions["Request2"]; f.File != "interceptors/b.go" || f.Line != 8 || f.Col != 6 {
		t.Errorf("place %+v", f)
	}
	if code.Files["interceptors/sub/s.go"] == nil || code.Files["interceptors/b_test.go"] != nil || code.First != "interceptors/a.go" {
		t.Errorf("files %d, first %s", len(code.Files), code.First)
	}
}

func TestBuildConstraintsAreThoseOfTheTarget(t *testing.T) {
	const archive = `
-- a_windows.go --
package interceptors

func OnWindows() {}
func Both() {}
-- a_linux.go --
package interceptors

func OnLinux() {}
func Both() {}
-- b.go --
//go:build never

package interceptors

func Never() {}
-- c.go --
package interceptors

import "C"

func WithC() {}
`
	for goos, want := range map[string]string{"windows": "OnWindows", "linux": "OnLinux"} {
		code, problems := read(archive, Options{GOOS: goos, GOARCH: "amd64"})
		var usable []string
		for _, name := range []string{"OnWindows", "OnLinux", "Never", "WithC"} {
			if code.Functions[name].Why == "" {
				usable = append(usable, name)
			}
		}
		if problems != "" || strings.Join(usable, " ") != want || code.Functions["Both"].Why != "" {
			t.Errorf("%s: usable %q, Both %q\n%s", goos, usable, code.Functions["Both"].Why, problems)
		}
	}
}

func TestMistakesHaveTheirPlaces(t *testing.T) {
	const own = "module mgw\n\ngo 1.26.0\n\nrequire example.com/a v1.2.0\n"
	for name, tc := range map[string]struct{ archive, want string }{
		"syntax": {"-- a.go --\npackage interceptors\n\nfunc A() {\n}}\nvar = 1\n",
			"interceptors/a.go:4:2: expected declaration, found '}'\ninterceptors/a.go:5:5: expected 'IDENT', found '='\n"},
		"package":   {"-- a.go --\npackage main\n", "interceptors/a.go:1:9: the package must be called interceptors, not main\n"},
		"go.mod":    {"-- go.mod --\nmodule example.com/x\nrequire a\n", "interceptors/go.mod:2:1: usage: require module/path v1.2.3\n"},
		"no module": {"-- go.mod --\ngo 1.26\n", "interceptors/go.mod:1:1: the file has no module line: module example.com/interceptors\n"},
		"mgw":       {"-- go.mod --\nmodule mgw/x\n", "interceptors/go.mod:1:1: the module cannot be called mgw/x: mgw itself has that name\n"},
		"raised": {"-- go.mod --\nmodule example.com/x\n\nrequire (\n\texample.com/a v1.3.0\n\texample.com/b v0.9.0\n)\n",
			"interceptors/go.mod:4:1: warning: example.com/a v1.3.0 is above the v1.2.0 that mgw was tested with: the gateway is built with the newer one\n"},
		"not raised": {"-- go.mod --\nmodule example.com/x\nrequire example.com/a v1.2.0\n", ""},
		"replaced": {"-- go.mod --\nmodule example.com/x\nreplace example.com/a => example.com/b v1.0.0\n",
			"interceptors/go.mod:2:1: warning: the replacement of example.com/a holds for mgw, too: the gateway is built with what mgw was not tested with\n"},
		"outside": {"-- go.mod --\nmodule example.com/x\nreplace example.com/c => ../c\nreplace example.com/d => ./d\n",
			"interceptors/go.mod:2:1: example.com/c is replaced by a folder outside interceptors/, which a build does not take along: copy it below\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, problems := read(tc.archive, Options{GoMod: []byte(own)}); problems != tc.want {
				t.Errorf("got\n%s\nwant\n%s", problems, tc.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("package interceptors\n\nimport \"context\"\n\nfunc A(ctx context.Context, r *interceptor.Request) error", "module x\nrequire a v1.0.0\n")
	f.Add("//go:build a && b\n\npackage interceptors", "replace a => ../b")
	f.Fuzz(func(_ *testing.T, source, module string) {
		Read([]project.File{{Name: Dir + "/a.go", Data: []byte(source)}, {Name: Dir + "/go.mod", Data: []byte(module)}}, Options{GoMod: []byte(module)})
	})
}
