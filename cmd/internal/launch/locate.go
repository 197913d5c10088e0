package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// locate gives the absolute path of the gateway that a user's path means.
// target/NAME, as typed inside a project, also works beside it: instead is then
// the path that was taken.
func locate(path string) (target, instead string, err error) {
	found := filepath.Clean(path)
	if !present(found) && filepath.Dir(found) == "target" {
		name := filepath.Base(found)
		if other := filepath.Join(name, "target", name); present(other) {
			found, instead = other, other
		}
	}
	if !present(found) {
		return "", "", invalid(path, "no such file")
	}
	target, err = resolve(found)
	return target, instead, err
}

// present tells whether there is an executable, or the pid file of one that
// was removed while it ran.
func present(path string) bool {
	for _, name := range []string{path, path + pidSuffix} {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return false
}

// resolve makes a path absolute and free of links: one executable has one pid
// file and one project, however it is called.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// runnable refuses what cannot be a gateway.
func runnable(target string) error {
	info, err := os.Stat(target)
	if err != nil {
		return invalid(target, "no such file")
	}
	if info.IsDir() {
		if built := filepath.Join(target, "target", filepath.Base(target)); present(built) {
			return invalid(target, "is a folder; did you mean "+built+"?")
		}
		return invalid(target, "is a folder")
	}
	if !info.Mode().IsRegular() || !executable(info) {
		return invalid(target, "is not an executable file")
	}
	return nil
}

func invalid(path, why string) error {
	//lint:ignore ST1005 the original's text (contract section 1.8)
	return fmt.Errorf("Path to executable is invalid: %s: %s", path, why)
}
