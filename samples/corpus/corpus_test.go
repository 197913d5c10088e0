package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheListHoldsWhatItIsFor(t *testing.T) {
	names, every, packages := map[string]bool{}, 0, map[string]bool{}
	for _, d := range definitions {
		if names[d.name] {
			t.Errorf("%s is there twice", d.name)
		}
		names[d.name], packages[d.source] = true, true
		if d.every {
			every++
		}
		if manager, version, _ := strings.Cut(d.source, " "); manager != "npm" && manager != "go" || !strings.Contains(version[1:], "@") {
			t.Errorf("%s: source %q", d.name, d.source)
		}
	}
	if len(names) < 40 || every < 5 || len(packages) < 10 {
		t.Errorf("%d definitions from %d packages, %d with requests", len(names), len(packages), every)
	}
}

func TestTemplatesBecomeRequests(t *testing.T) {
	served, depth := byPath([]route{
		{"GET", "/a/{id}/b.{x}"}, {"PUT", "/a/{other}/b.{y}"}, {"GET", "/é{a}{b} c/(k='{k}')"},
	})
	if depth != 3 || len(served) != 2 || len(served["/a/{}/b.{}"]) != 2 {
		t.Errorf("depth %d, %v", depth, served)
	}
	for template, want := range map[string]string{
		"/a/{}/b.{}":         "/a/v7/b.v7",
		"/é{} c/(k='{}')":    "/%C3%A9v7%20c/(k='v7')",
		"/o?acl&type={}":     "/o?acl&type=v7",
		"/percent%2F/{}:run": "/percent%2F/v7:run",
	} {
		if got := concrete(template); got != want {
			t.Errorf("%s: got %s, want %s", template, got, want)
		}
	}
}

func TestAFileOfAPackageIsFound(t *testing.T) {
	pack := filepath.Join(t.TempDir(), "p.tgz")
	f, err := os.Create(pack)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzip.NewWriter(f)
	archive := tar.NewWriter(zipped)
	for _, name := range []string{"package/a.json", "package/dir/b.json"} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: 3, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(filepath.Base(name)[:3])); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []io.Closer{archive, zipped, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	in, err := openInPack(pack, "package/dir/b.json")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if text, err := io.ReadAll(in); err != nil || string(text) != "b.j" {
		t.Errorf("%v, %q", err, text)
	}
	if _, err := openInPack(pack, "package/c.json"); err == nil || !strings.Contains(err.Error(), "looking for package/c.json") {
		t.Error(err)
	}
}
