package compile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mgw"
)

// tree is the runtime's source as gateways are built from it.
type tree struct {
	files     map[string][]byte
	digest    string // of paths and contents
	goVersion string // of go.mod
}

// readTree reads the source without tests and their data.
func readTree(source fs.FS) (*tree, error) {
	t := &tree{files: map[string][]byte{}}
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		t.files[name], err = fs.ReadFile(source, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.digest = digest(t.files)
	t.goVersion, err = goVersion(t.files["go.mod"])
	return t, err
}

// GoVersion gives the Go version that mgw's own go.mod asks for.
func GoVersion() (string, error) {
	mod, err := GoMod()
	if err != nil {
		return "", err
	}
	return goVersion(mod)
}

// GoMod gives mgw's own go.mod.
func GoMod() ([]byte, error) { return fs.ReadFile(mgw.Source, "go.mod") }

var goLine = regexp.MustCompile(`(?m)^go ([0-9][0-9a-z.]*)\s*$`)

func goVersion(mod []byte) (string, error) {
	m := goLine.FindSubmatch(mod)
	if m == nil {
		return "", errors.New("go.mod names no Go version")
	}
	return string(m[1]), nil
}

// newer gives the later of two Go versions; "" is none.
func newer(a, b string) string {
	if b != "" && version.Compare("go"+a, "go"+b) < 0 {
		return b
	}
	return a
}

// digest names a set of files by content. Lengths keep one file's end and the
// next one's name apart.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// unpack gives a folder that holds exactly the tree: below cache, named by the
// digest and shared by all projects, or where that cannot be written .mgw below
// fallback. A folder that is damaged, or of another mgw, is replaced.
func (t *tree) unpack(cache, fallback string) (string, error) {
	if cache == "" {
		if user, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(user, "mgw")
		}
	}
	if cache != "" {
		if dir, err := t.unpackTo(filepath.Join(cache, t.digest)); err == nil {
			return dir, nil
		}
	}
	return t.unpackTo(filepath.Join(fallback, ".mgw"))
}

func (t *tree) unpackTo(dir string) (string, error) {
	if t.isAt(dir) {
		return dir, nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, ".unpack-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := writeFiles(fresh, t.files); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, dir); err == nil {
		return dir, nil
	}
	if t.isAt(dir) { // another build was faster
		return dir, nil
	}
	return dir, replace(dir, fresh)
}

// isAt tells whether a folder holds the tree's files, unchanged, and no others.
func (t *tree) isAt(dir string) bool {
	found := 0
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if want, ok := t.files[name]; err != nil || !ok || !bytes.Equal(content, want) {
			return errors.Join(err, fs.ErrInvalid)
		}
		found++
		return nil
	})
	return err == nil && found == len(t.files)
}

// replaceTries bounds how often two builds may get into each other's way.
const replaceTries = 100

// replace puts the folder fresh, which lies beside dir, in dir's place.
func replace(dir, fresh string) error {
	trash, err := os.MkdirTemp(filepath.Dir(dir), ".old-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(trash)
	for try := 1; ; try++ {
		err := os.Rename(dir, filepath.Join(trash, strconv.Itoa(try)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = os.Rename(fresh, dir)
		// Another build may have put its own there in between.
		if !errors.Is(err, fs.ErrExist) || try == replaceTries {
			return err
		}
	}
}

// writeFiles writes files below dir. A name that leads elsewhere is refused.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("%q is not a path below the folder", name)
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(path.Dir(name))), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
