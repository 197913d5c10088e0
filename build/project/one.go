package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgw/runtime/diag"
)

// ReadOne reads a definition that stands alone: a project of one document,
// called after the file, in the file's folder. References lead no further than
// that folder.
func ReadOne(path string) (*Project, diag.List, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("finding %q: %w", path, err)
	}
	dir, name := filepath.Split(abs)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the folder of %q: %w", path, err)
	}
	defer root.Close()
	data, err := readRegular(root, name, maxDefinition)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, plain(err))
	}
	p := &Project{Name: strings.TrimSuffix(name, filepath.Ext(name)), Root: filepath.Clean(dir)}
	doc, problems := Parse(name, data)
	if doc.Root != nil {
		p.Definitions = append(p.Definitions, doc)
	}
	return p, problems, nil
}
