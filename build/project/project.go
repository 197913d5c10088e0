// Package project finds a user's project folder and reads what a build needs
// from it: definitions as trees with positions, everything else as bytes.
//
// What comes in is a name or path as typed on the command line. What goes out
// is a Project, and a diag.List with every file that could not be read or
// parsed. The package knows nothing about what the documents mean, never
// writes, and never reads a byte outside the project's folder: symbolic links
// that lead out of it are refused.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mgw/runtime/diag"
)

// Places below the project's folder.
const (
	DefinitionsDir  = "api_definitions"
	InterceptorsDir = "interceptors"
	PoliciesFile    = "policies.yaml"
	PoliciesDir     = "policies"
	ConfigFile      = "conf/micro-gw.conf"
)

// Bounds far above what exists: the largest public definitions have 40 MB.
const (
	maxDefinition = 128 << 20
	maxOther      = 16 << 20
	maxFiles      = 10_000
)

// ErrNothingToBuild is returned for a project without definitions.
var ErrNothingToBuild = errors.New("nothing to build")

// File is a file of the project that is passed on as it is. Name is relative
// to the project, with slashes.
type File struct {
	Name string
	Data []byte
}

// Project is a user's folder, read.
type Project struct {
	Name         string // last element of Root
	Root         string // absolute
	Definitions  []Document
	Policies     []File // policies.yaml, then policies/*.xml
	Config       []byte // conf/micro-gw.conf; nil when there is none
	Interceptors []File
}

// Read reads the project that a name or path means. The error says that there
// is no project to read; mistakes in its files go to the list.
func Read(path string) (*Project, diag.List, error) {
	abs, err := locate(path)
	if err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the project: %w", err)
	}
	defer root.Close()

	p := &Project{Name: filepath.Base(abs), Root: abs}
	r := reader{root: root}
	found := p.readDefinitions(&r)
	p.readPolicies(&r)
	if data, ok := r.optional(ConfigFile); ok {
		p.Config = data
	}
	for _, name := range r.walk(InterceptorsDir, nil) {
		if data, ok := r.file(name, maxOther); ok {
			p.Interceptors = append(p.Interceptors, File{name, data})
		}
	}
	if found == 0 && r.problems.Errors() == 0 {
		return nil, r.problems, fmt.Errorf("%w: %s has no .yaml, .yml or .json file",
			ErrNothingToBuild, filepath.Join(path, DefinitionsDir))
	}
	return p, r.problems, nil
}

// readDefinitions gives the number of files found, readable or not.
func (p *Project) readDefinitions(r *reader) int {
	names := r.walk(DefinitionsDir, isDefinition)
	for _, name := range names {
		data, ok := r.file(name, maxDefinition)
		if !ok {
			continue
		}
		doc, problems := Parse(name, data)
		r.problems = append(r.problems, problems...)
		if doc.Root != nil {
			p.Definitions = append(p.Definitions, doc)
		}
	}
	return len(names)
}

func (p *Project) readPolicies(r *reader) {
	if data, ok := r.optional(PoliciesFile); ok {
		p.Policies = append(p.Policies, File{PoliciesFile, data})
	}
	for _, name := range r.walk(PoliciesDir, isXML) {
		if data, ok := r.file(name, maxOther); ok {
			p.Policies = append(p.Policies, File{name, data})
		}
	}
}

// ReadFile reads a file below the project, for excerpts.
func (p *Project) ReadFile(name string) ([]byte, error) {
	root, err := os.OpenRoot(p.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readRegular(root, name, maxDefinition)
}

// Open reads a document below the project that a definition refers to.
func (p *Project) Open(name string) (Document, diag.List) {
	for _, d := range p.Definitions {
		if d.File == name {
			return d, nil
		}
	}
	data, err := p.ReadFile(name)
	if err != nil {
		var l diag.List
		l.Errorf(name, 0, 0, "cannot be read: %v", plain(err))
		return Document{}, l
	}
	return Parse(name, data)
}

// readRegular reads a regular file; anything else (a pipe would block for
// ever) is refused.
func readRegular(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d MB", limit>>20)
	}
	return data, nil
}

// plain drops the operation and path that the caller's message already has.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
