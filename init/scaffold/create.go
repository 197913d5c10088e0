package scaffold

import (
	"crypto/rand"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// createNew writes the project under a temporary name and renames it.
func createNew(place Place, files []file) (_ *Result, err error) {
	secrets, err := newSecrets()
	if err != nil {
		return nil, err
	}
	files = append(files, secrets...)
	m := manifest{}
	m.record(files)
	files = append(files, m.file())

	parent := filepath.Dir(place.Dir)
	made, err := makeParents(parent)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", place, err)
	}
	temp := filepath.Join(parent, "."+place.Name+"-"+rand.Text()[:8])
	if err := os.Mkdir(temp, 0o777); err != nil {
		return nil, fmt.Errorf("creating %s: %w", place, err)
	}
	defer os.RemoveAll(temp) // after the rename there is nothing of that name
	if err := writeAll(temp, files); err != nil {
		return nil, fmt.Errorf("creating %s: %w", place, err)
	}
	if err := os.Rename(temp, place.Dir); err != nil {
		return nil, fmt.Errorf("creating %s: %w", place, err)
	}
	return &Result{Written: paths(files)}, nil
}

// makeParents is MkdirAll that tells which folders it made, outermost first.
func makeParents(dir string) (made []string, err error) {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		if err := os.Mkdir(d, 0o777); err != nil {
			return made, err
		}
		made = append(made, d)
	}
	return made, nil
}

func removeEmpty(dirs []string) {
	for _, d := range slices.Backward(dirs) {
		os.Remove(d) // fails when somebody else has put something there: then it stays
	}
}

func writeAll(dir string, files []file) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if err := root.MkdirAll(path.Dir(f.path), 0o777); err != nil {
			return err
		}
		if err := root.WriteFile(f.path, f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

func paths(files []file) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.path
	}
	slices.Sort(names)
	return names
}
