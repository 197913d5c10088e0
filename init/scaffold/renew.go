package scaffold

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
)

// renew brings an existing project up to date without losing what somebody did
// to it.
func renew(place Place, files []file) (_ *Result, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("renewing %s: %w", place, err)
		}
	}()
	root, err := os.OpenRoot(place.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	secrets, err := missingSecrets(root)
	if err != nil {
		return nil, err
	}
	files = append(files, secrets...)

	known, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	result := &Result{}
	var todo []file
	for _, f := range files {
		target, err := decide(root, f, known)
		switch {
		case err != nil:
			return nil, err
		case target == "":
			known.record([]file{f})
			continue
		case target == f.path:
			known.record([]file{f})
			result.Written = append(result.Written, target)
		default:
			result.Beside = append(result.Beside, Beside{f.path, target})
		}
		todo = append(todo, file{target, f.data, f.mode})
	}
	slices.Sort(result.Written)
	slices.SortFunc(result.Beside, func(a, b Beside) int { return cmp.Compare(a.File, b.File) })
	return result, replaceAll(root, append(todo, known.file()))
}

func readManifest(root *os.Root) (manifest, error) {
	text, err := root.ReadFile(manifestFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return parseManifest(text), nil
}

// decide says where a file's new version goes: its own place, a place beside
// it, or "" when it is there already.
func decide(root *os.Root, f file, known manifest) (string, error) {
	if path.Base(f.path) == keep && !emptyDir(root, path.Dir(f.path)) {
		return "", nil
	}
	state, err := compare(root, f.path, f.data)
	switch {
	case err != nil:
		return "", err
	case state.same:
		return "", nil
	case state.absent || state.digest != "" && state.digest == known[f.path]:
		return f.path, nil
	}
	for n := 1; ; n++ {
		beside := f.path + ".new"
		if n > 1 {
			beside += "." + strconv.Itoa(n)
		}
		state, err := compare(root, beside, f.data)
		switch {
		case err != nil:
			return "", err
		case state.same:
			return "", nil
		case state.absent:
			return beside, nil
		}
	}
}

type state struct {
	absent, same bool
	digest       string // "" for what is not a regular file
}

func compare(root *os.Root, name string, data []byte) (state, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state{absent: true}, nil
	case err != nil:
		return state{}, err
	case !info.Mode().IsRegular():
		return state{}, nil
	}
	have, err := root.ReadFile(name)
	if err != nil {
		return state{}, err
	}
	return state{same: bytes.Equal(have, data), digest: digest(have)}, nil
}

func emptyDir(root *os.Root, name string) bool {
	entries, err := fs.ReadDir(root.FS(), name)
	return err != nil || len(entries) == 0
}

// replaceAll writes every file beside its place first; only when all are
// written does it rename them, so that a full disk or a forbidden folder
// changes nothing.
func replaceAll(root *os.Root, files []file) (err error) {
	suffix := "." + rand.Text()[:8]
	var temps, dirs []string
	defer func() {
		for _, t := range temps {
			root.Remove(t)
		}
		for _, d := range dirs {
			root.Remove(d) // fails, as it should, where files are in place
		}
	}()
	for _, f := range files {
		if dir := path.Dir(f.path); !exists(root, dir) {
			dirs = append(dirs, dir)
			if err := root.MkdirAll(dir, 0o777); err != nil {
				return err
			}
		}
		temps = append(temps, f.path+suffix)
		if err := root.WriteFile(f.path+suffix, f.data, f.mode); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := root.Rename(f.path+suffix, f.path); err != nil {
			return err
		}
	}
	return nil
}
