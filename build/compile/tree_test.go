package compile

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"mgw"
)

func TestTheUnpackedRuntimeHoldsNoTests(t *testing.T) {
	tree, err := readTree(smallRuntime)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.files) != 3 {
		t.Errorf("%d files", len(tree.files))
	}
	dir, err := tree.unpack(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"runtime/gateway/gateway_test.go", "runtime/gateway/testdata"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
}

func TestTheRuntimeCarriedByMgwIsWhole(t *testing.T) {
	tree, err := readTree(mgw.Source)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum", "runtime/spec/spec.go"} {
		if len(tree.files[name]) == 0 {
			t.Errorf("%s is not there", name)
		}
	}
	if v, err := GoVersion(); err != nil || v != tree.goVersion || v == "" {
		t.Errorf("Go version %q, %v", v, err)
	}
}

func TestADamagedCacheIsRepaired(t *testing.T) {
	tree, err := readTree(smallRuntime)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for name, damage := range map[string]func(dir string) error{
		"changed": func(dir string) error { return os.WriteFile(filepath.Join(dir, "go.mod"), []byte("evil"), 0o644) },
		"removed": func(dir string) error { return os.Remove(filepath.Join(dir, "go.mod")) },
		"added": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "runtime/gateway/evil.go"), []byte("package gateway"), 0o644)
		},
		"a file": func(dir string) error { os.RemoveAll(dir); return os.WriteFile(dir, nil, 0o644) },
	} {
		dir, err := tree.unpack(cache, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if tree.isAt(dir) {
			t.Errorf("%s: not noticed", name)
		}
		again, err := tree.unpack(cache, t.TempDir())
		if err != nil || again != dir || !tree.isAt(dir) {
			t.Errorf("%s: not repaired: %v", name, err)
		}
	}
	if got := entries(t, cache); got != tree.digest {
		t.Errorf("the cache holds %q", got)
	}
}

func TestManyBuildsMayUnpackAtOnce(t *testing.T) {
	tree, err := readTree(smallRuntime)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			dir, err := tree.unpack(cache, cache)
			if err != nil || !tree.isAt(dir) {
				t.Errorf("%s: %v", dir, err)
			}
		})
	}
	wg.Wait()
	if got := entries(t, cache); got != tree.digest {
		t.Errorf("the cache holds %q", got)
	}
}

func TestAnUnwritableCacheIsDoneWithout(t *testing.T) {
	tree, err := readTree(smallRuntime)
	if err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fallback := t.TempDir()
	dir, err := tree.unpack(blocked, fallback)
	if err != nil || filepath.Dir(dir) != fallback || !tree.isAt(dir) {
		t.Errorf("%s: %v", dir, err)
	}
}

func TestTheDigestSeesNamesAndContents(t *testing.T) {
	mod := &fstest.MapFile{Data: []byte("module mgw\n\ngo 1.26.0\n")}
	seen := map[string]bool{}
	for _, source := range []fs.FS{
		fstest.MapFS{"go.mod": mod, "a": {Data: []byte("bc")}},
		fstest.MapFS{"go.mod": mod, "ab": {Data: []byte("c")}},
		fstest.MapFS{"go.mod": mod, "a": {Data: []byte("b")}, "c": {}},
		fstest.MapFS{"go.mod": mod, "a": {Data: []byte("bd")}},
	} {
		tree, err := readTree(source)
		if err != nil {
			t.Fatal(err)
		}
		seen[tree.digest] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d digests of 4 trees", len(seen))
	}
}

func TestASourceWithoutGoVersionIsRefused(t *testing.T) {
	if _, err := readTree(fstest.MapFS{"go.mod": {Data: []byte("module mgw\n")}}); err == nil {
		t.Error("taken")
	}
}
