package project

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"mgw/runtime/diag"
)

// reader reads below one folder and collects what went wrong.
type reader struct {
	root     *os.Root
	problems diag.List
}

// walk lists the files below a folder in order of their names. Hidden entries
// are left out: editors' files, .keep, and the ..data of mounted volumes, whose
// files appear a second time under their own names.
func (r *reader) walk(dir string, want func(name string) bool) []string {
	var names []string
	err := fs.WalkDir(r.root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == dir && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			r.problems.Errorf(name, 0, 0, "cannot be read: %v", plain(err))
			return nil
		case name != dir && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
		case e.Type()&fs.ModeSymlink != 0 && r.isDir(name):
			r.problems.Warnf(name, 0, 0, "symbolic link to a folder is not followed")
		case !e.IsDir() && (want == nil || want(name)):
			names = append(names, name)
		}
		if len(names) > maxFiles {
			r.problems.Errorf(dir, 0, 0, "more than %d files", maxFiles)
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		r.problems.Errorf(dir, 0, 0, "cannot be read: %v", plain(err))
	}
	return names
}

func (r *reader) isDir(name string) bool {
	info, err := r.root.Stat(name)
	return err == nil && info.IsDir()
}

// file reads a file that is known to exist.
func (r *reader) file(name string, limit int64) ([]byte, bool) {
	data, err := readRegular(r.root, name, limit)
	if err == nil {
		return data, true
	}
	if info, e := r.root.Lstat(name); e == nil && info.Mode()&fs.ModeSymlink != 0 {
		r.problems.Errorf(name, 0, 0, "symbolic link that leads outside the project or nowhere: copy the file here")
	} else {
		r.problems.Errorf(name, 0, 0, "cannot be read: %v", plain(err))
	}
	return nil, false
}

// optional reads a file that need not be there.
func (r *reader) optional(name string) ([]byte, bool) {
	if _, err := r.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	return r.file(name, maxOther)
}

func isDefinition(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func isXML(name string) bool {
	return path.Dir(name) == PoliciesDir && strings.EqualFold(path.Ext(name), ".xml")
}
