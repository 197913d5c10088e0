package render

import (
	"bytes"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"testing"

	"mgw/runtime/spec"
)

func petstore() *spec.Gateway {
	return &spec.Gateway{
		Format:  spec.Format,
		Project: "petstore",
		APIs: []spec.API{{
			File: "api_definitions/petstore.yaml", Name: "Petstore", Version: "1.0.0",
			BasePath: "/petstore/v1", Context: "/petstore/v1", Transports: []string{"http", "https"},
			Operations: []spec.Operation{{Method: "GET", Path: "/pet/{id}", KeyPath: "/pet/{id}", Sandbox: spec.NoEndpoint}},
		}},
		Endpoints: []spec.Endpoint{{Type: spec.HTTP, URLs: []string{"http://localhost:8080"}}},
	}
}

var options = Options{GoVersion: "1.26.0"}

func TestRenderGivesASmallModule(t *testing.T) {
	files, err := Render(petstore(), options)
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(files))
	if want := []string{"gateway.json", "go.mod", "main.go"}; !slices.Equal(names, want) {
		t.Fatalf("files %q, want %q", names, want)
	}
	if lines := bytes.Count(files["main.go"], []byte("\n")); lines > 25 {
		t.Errorf("main.go has %d lines", lines)
	}
	formatted, err := format.Source(files["main.go"])
	if err != nil || !bytes.Equal(formatted, files["main.go"]) {
		t.Errorf("main.go is not formatted (%v):\n%s", err, files["main.go"])
	}
	for _, line := range []string{"module mgw.local/gateway\n", "\ngo 1.26.0\n"} {
		if !bytes.Contains(files["go.mod"], []byte(line)) {
			t.Errorf("go.mod lacks %q:\n%s", line, files["go.mod"])
		}
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	first, err := Render(petstore(), options)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := Render(petstore(), options)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(first, again, bytes.Equal) {
			t.Fatal("two renderings differ")
		}
	}
}

func TestContentSurvivesTheWayThroughTheFile(t *testing.T) {
	files, err := Render(petstore(), options)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Decode(files[Content])
	if err != nil {
		t.Fatal(err)
	}
	if g.APIs[0].Operations[0].Path != "/pet/{id}" || g.Project != "petstore" {
		t.Errorf("decoded %+v", g)
	}
}

// hostile holds texts that would break out of a string, a comment, a template
// or a directive if they ever met one.
var hostile = []string{
	"\"); os.Exit(1) //", "`+evil()+`", "*/ package evil /*", "\n//go:embed /etc/passwd\n",
	"{{.Module}}", "x\r\nrequire evil v1.0.0", "\u2028\u2029", "\x00\x7f\xff", "../../etc", "package", "",
}

func TestHostileNamesStayData(t *testing.T) {
	plain, err := Render(petstore(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range hostile {
		checkHostile(t, plain, name)
	}
}

func FuzzHostileNames(f *testing.F) {
	plain, err := Render(petstore(), options)
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range hostile {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) { checkHostile(t, plain, name) })
}

// checkHostile puts the name wherever users can and sees that only the data
// changes.
func checkHostile(t *testing.T, plain map[string][]byte, name string) {
	g := petstore()
	g.Project = name
	g.APIs[0].Name, g.APIs[0].File, g.APIs[0].BasePath = name, name, name
	g.APIs[0].Operations[0].Method, g.APIs[0].Operations[0].Path = name, name
	g.Endpoints[0].URLs[0] = name
	files, err := Render(g, options)
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	if len(files) != len(plain) {
		t.Fatalf("%q: files %v", name, slices.Sorted(maps.Keys(files)))
	}
	for file, content := range files {
		if file != Content && !bytes.Equal(content, plain[file]) {
			t.Errorf("%q reached %s:\n%s", name, file, content)
		}
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "main.go", files["main.go"], parser.AllErrors); err != nil {
		t.Errorf("%q: %v", name, err)
	}
	got, err := spec.Decode(files[Content])
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	if want := string([]rune(name)); got.Project != want {
		t.Errorf("%q became %q", want, got.Project)
	}
}

func TestRenderRefusesAnOddGoVersion(t *testing.T) {
	for _, version := range []string{"", "1.26.0\nrequire evil v1.0.0", "go1.26", "1.26 "} {
		if _, err := Render(petstore(), Options{GoVersion: version}); err == nil {
			t.Errorf("%q was taken", version)
		}
	}
}

func TestMainListsTheInterceptorsThatOperationsName(t *testing.T) {
	g := petstore()
	g.APIs[0].Operations[0].Interceptors = spec.Interceptors{
		Classify: []string{"ByModel"}, Request: []string{"AddHeader", "ByModel"}, Response: []string{"Audit"},
	}
	own := Interceptors{Package: "example.com/own", Files: map[string][]byte{"interceptors/a.go": []byte("package interceptors\n")}}
	files, err := Render(g, Options{GoVersion: "1.26.0", Interceptors: own})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`interceptors "example.com/own"`, `"AddHeader": interceptors.AddHeader,`, `"ByModel":   interceptors.ByModel,`, `"Audit": interceptors.Audit,`,
	} {
		if bytes.Count(files["main.go"], []byte(line)) != 1 {
			t.Errorf("main.go lacks %s:\n%s", line, files["main.go"])
		}
	}
	if files["interceptors/a.go"] == nil {
		t.Error("the project's code is not there")
	}
}

func TestInterceptorsThatNobodyNamesAreLeftOut(t *testing.T) {
	own := Interceptors{Package: "example.com/own", Files: map[string][]byte{"interceptors/a.go": []byte("package interceptors\n")}}
	files, err := Render(petstore(), Options{GoVersion: "1.26.0", Interceptors: own})
	if err != nil || len(files) != 3 || bytes.Contains(files["main.go"], []byte("example.com")) {
		t.Errorf("%v, %d files:\n%s", err, len(files), files["main.go"])
	}
}

func TestNamesOfInterceptorsCannotBecomeOtherSource(t *testing.T) {
	for _, name := range []string{"", "lower", "A()", "A, B: os.Exit", "A\"", "a.B", "func"} {
		g := petstore()
		g.APIs[0].Operations[0].Interceptors.Request = []string{name}
		if _, err := Render(g, Options{GoVersion: "1.26.0", Interceptors: Interceptors{Package: "x"}}); err == nil {
			t.Errorf("%q was rendered", name)
		}
	}
	g := petstore()
	g.APIs[0].Operations[0].Interceptors.Request = []string{"A"}
	if _, err := Render(g, options); err == nil {
		t.Error("a name without a package was rendered")
	}
}
