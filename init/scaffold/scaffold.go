// Package scaffold makes a new project: folders, a commented configuration and
// tiers, a development key pair, an admin token.
//
// A name and, perhaps, an OpenAPI definition come in; a folder goes out. A new
// project appears whole or not at all: it is written beside its place and
// renamed. Over an existing one, each file is prepared beside its target before
// the first is renamed. Files that somebody edited are known by the digests in
// the manifest (see manifest.go); they stay, and the new version is put beside
// them. The package never deletes a user's file, never writes outside the
// project folder, and never replaces a secret.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Options says what to put where.
type Options struct {
	Place      Place
	Force      bool        // over an existing folder
	Definition *Definition // nil for none
}

// Result lists what happened to files, by their path below the project.
type Result struct {
	Written []string
	Beside  []Beside
}

// Beside is a file that somebody edited and where its new version is.
type Beside struct{ File, New string }

// ErrExists is wrapped by Create's error when the folder is there already.
var ErrExists = errors.New("already exists")

// Create makes the project, or with Force renews one.
func Create(o Options) (*Result, error) {
	existing, err := o.Place.existing(o.Force)
	if err != nil {
		return nil, err
	}
	files, err := projectFiles(o.Place.Name)
	if err != nil {
		return nil, err
	}
	if o.Definition != nil {
		files = append(files, o.Definition.file())
	}
	if existing {
		return renew(o.Place, files)
	}
	return createNew(o.Place, files)
}

// Free gives the error that Create would give for what is at the place
// already, before anything is downloaded.
func (p Place) Free(force bool) error {
	_, err := p.existing(force)
	return err
}

// existing tells whether there is a folder to renew.
func (p Place) existing(force bool) (bool, error) {
	info, err := os.Stat(p.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for %s: %w", p, err)
	case !info.IsDir():
		return false, fmt.Errorf("%s %w and is not a folder; take another name", p, ErrExists)
	case !force:
		return false, fmt.Errorf("%s %w; take another name, or use -f, which renews the files that nobody edited and leaves all others", p, ErrExists)
	}
	return true, nil
}
