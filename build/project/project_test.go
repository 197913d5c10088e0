package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// write makes a project folder of names and texts.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "petstore")
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const small = "openapi: 3.0.0\n"

func names(p *Project) string {
	var list []string
	for _, d := range p.Definitions {
		list = append(list, d.File)
	}
	for _, f := range append(p.Policies, p.Interceptors...) {
		list = append(list, f.Name)
	}
	return strings.Join(list, " ")
}

func TestAProjectIsReadWholeAndInOrder(t *testing.T) {
	root := write(t, map[string]string{
		"api_definitions/z.yaml":         small,
		"api_definitions/a.json":         "{}",
		"api_definitions/team/b c.YML":   small,
		"api_definitions/.keep":          "",
		"api_definitions/..data/z.yaml":  small,
		"api_definitions/readme.md":      "#",
		"policies.yaml":                  "resourcePolicies: []",
		"policies/two.xml":               "<a/>",
		"policies/one.xml":               "<a/>",
		"policies/note.txt":              "",
		"policies/deep/three.xml":        "<a/>",
		"conf/micro-gw.conf":             "[listenerConfig]\n",
		"interceptors/check.go":          "package interceptors",
		"interceptors/go.mod":            "module x",
		"interceptors/.keep":             "",
		"target/gen/api_definitions/x.y": "",
	})
	p, l, err := Read(root)
	if err != nil || len(l) > 0 {
		t.Fatal(err, l)
	}
	want := "api_definitions/a.json api_definitions/team/b c.YML api_definitions/z.yaml " +
		"policies.yaml policies/one.xml policies/two.xml interceptors/check.go interceptors/go.mod"
	if got := names(p); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if p.Name != "petstore" || p.Root != root || string(p.Config) != "[listenerConfig]\n" {
		t.Errorf("%q %q %q", p.Name, p.Root, p.Config)
	}
}

func TestAProjectIsFoundByNameOrPath(t *testing.T) {
	root := write(t, map[string]string{"api_definitions/a.yaml": small})
	for _, tt := range []struct{ from, path string }{
		{filepath.Dir(root), "petstore"},
		{filepath.Dir(root), "petstore/"},
		{filepath.Dir(root), "./petstore//"},
		{root, "."},
		{filepath.Join(root, "api_definitions"), ".."},
		{"/", root},
	} {
		t.Chdir(tt.from)
		p, _, err := Read(tt.path)
		if err != nil || p.Name != "petstore" || len(p.Definitions) != 1 {
			t.Errorf("%s from %s: %v %v", tt.path, tt.from, p, err)
		}
	}
}

func TestWhatIsNoProjectIsRefusedWithTheReason(t *testing.T) {
	root := write(t, map[string]string{"api_definitions/a.yaml": small, "file": ""})
	t.Chdir(filepath.Dir(root))
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":              "no project named",
		"petstroe":      `project "petstroe" does not exist: did you mean "petstore"?`,
		"orders":        `project "orders" does not exist`,
		"petstore/file": `"petstore/file" is a file: name the project's folder`,
		"empty":         "nothing to build: empty/api_definitions has no .yaml, .yml or .json file",
	} {
		_, _, err := Read(path)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", path, err, want)
		}
		if errors.Is(err, ErrNothingToBuild) != (path == "empty") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestNothingOutsideTheProjectIsRead(t *testing.T) {
	root := write(t, map[string]string{"api_definitions/a.yaml": small, "shared/b.yaml": small})
	secret := filepath.Join(filepath.Dir(root), "secret.yaml")
	if err := os.WriteFile(secret, []byte("secret: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{
		"api_definitions/inside.yaml":  "../shared/b.yaml",
		"api_definitions/outside.yaml": secret,
		"api_definitions/up.yaml":      "../../secret.yaml",
		"api_definitions/broken.yaml":  "nowhere.yaml",
		"api_definitions/loop.yaml":    "loop.yaml",
		"api_definitions/folder.yaml":  "../shared",
		"policies.yaml":                secret,
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	p, l, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	l.Sort()
	const link = ": symbolic link that leads outside the project or nowhere: copy the file here"
	want := "api_definitions/broken.yaml" + link + "\n" +
		"api_definitions/folder.yaml: warning: symbolic link to a folder is not followed\n" +
		"api_definitions/loop.yaml" + link + "\n" +
		"api_definitions/outside.yaml" + link + "\n" +
		"api_definitions/up.yaml" + link + "\n" +
		"policies.yaml" + link
	if got := l.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := names(p); got != "api_definitions/a.yaml api_definitions/inside.yaml" {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{"../secret.yaml", secret, "api_definitions/../../secret.yaml", "policies.yaml"} {
		if data, err := p.ReadFile(name); err == nil {
			t.Errorf("%s was read: %s", name, data)
		}
		if doc, l := p.Open(name); doc.Root != nil || l.Errors() != 1 {
			t.Errorf("%s was opened: %v", name, l)
		}
	}
	if doc, l := p.Open("shared/b.yaml"); doc.Root == nil || len(l) > 0 {
		t.Errorf("a document of the project was not opened: %v", l)
	}
}

func TestAPipeDoesNotBlock(t *testing.T) {
	root := write(t, map[string]string{"api_definitions/a.yaml": small})
	if err := syscall.Mkfifo(filepath.Join(root, "api_definitions", "pipe.yaml"), 0o644); err != nil {
		t.Skip(err)
	}
	_, l, err := Read(root)
	if err != nil || len(l) != 1 || l[0].String() != "api_definitions/pipe.yaml: cannot be read: not a regular file" {
		t.Errorf("%v %v", err, l)
	}
}

func TestAFileTooLargeIsRefusedUnread(t *testing.T) {
	root := write(t, map[string]string{"api_definitions/a.yaml": small, "policies.yaml": "a: 1"})
	if err := os.Truncate(filepath.Join(root, "policies.yaml"), maxOther+1); err != nil {
		t.Fatal(err)
	}
	_, l, err := Read(root)
	if err != nil || len(l) != 1 || l[0].String() != "policies.yaml: cannot be read: larger than 16 MB" {
		t.Errorf("%v %v", err, l)
	}
}

func TestBrokenDocumentsDoNotHideTheOthers(t *testing.T) {
	root := write(t, map[string]string{
		"api_definitions/a.yaml": "a: [", "api_definitions/b.json": "{", "api_definitions/c.yaml": small, "api_definitions/d.yaml": "",
	})
	p, l, err := Read(root)
	if err != nil || l.Errors() != 3 || names(p) != "api_definitions/c.yaml" {
		t.Errorf("%v %v %v", err, l, p)
	}
}
