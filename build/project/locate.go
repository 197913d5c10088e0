package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mgw/runtime/diag"
)

// locate gives the absolute folder that a name or path means: "petstore",
// "petstore/", "../petstore" and "." alike.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("no project named")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding project %q: %w", path, err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", missing(path, abs)
	case err != nil:
		return "", fmt.Errorf("finding project %q: %w", path, plain(err))
	case !info.IsDir():
		return "", fmt.Errorf("%q is a file: name the project's folder", path)
	}
	return abs, nil
}

// missing names the project next to it that was probably meant.
func missing(path, abs string) error {
	var projects []string
	entries, _ := os.ReadDir(filepath.Dir(abs))
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(filepath.Dir(abs), e.Name(), DefinitionsDir)); err == nil {
			projects = append(projects, e.Name())
		}
	}
	if hint := diag.DidYouMean(filepath.Base(abs), projects); hint != "" {
		return fmt.Errorf("project %q does not exist: %s", path, hint)
	}
	return fmt.Errorf("project %q does not exist", path)
}
