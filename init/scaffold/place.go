package scaffold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Place is where a project is to be.
type Place struct {
	Dir  string // absolute
	Name string // its last element: the name of the project and of its executable

	shown string // as the user wrote it
}

func (p Place) String() string { return p.shown }

// maxName leaves room for what is appended to a name: file systems end at 255 bytes.
const maxName = 100

// Locate reads the NAME of `mgw init NAME`: a name, or a path whose last
// element is the name.
func Locate(path string) (Place, error) {
	if path == "" {
		return Place{}, errors.New("the project needs a name")
	}
	if i := strings.IndexFunc(path, unicode.IsControl); i >= 0 {
		return Place{}, fmt.Errorf("project name %q: control characters are not allowed", path)
	}
	clean := filepath.Clean(path)
	if filepath.Base(clean) == ".." {
		return Place{}, fmt.Errorf("project name %q: this is a folder above, not a name", path)
	}
	dir, err := filepath.Abs(clean)
	if err != nil {
		return Place{}, fmt.Errorf("project name %q: %w", path, err)
	}
	name := filepath.Base(dir)
	if err := checkName(name); err != nil {
		return Place{}, fmt.Errorf("project name %q: %w", path, err)
	}
	if other := caseClash(dir, name); other != "" {
		return Place{}, fmt.Errorf("project name %q: %s is there, and file systems that ignore case cannot hold both", path, other)
	}
	return Place{Dir: dir, Name: name, shown: clean}, nil
}

// devices are names that Windows keeps for itself, with any extension.
var devices = strings.Fields("con prn aux nul " +
	"com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")

// checkName refuses names that a shell, a file system, a URL or the Go tool
// would read as something else.
func checkName(name string) error {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	first, _ := utf8.DecodeRuneInString(name)
	switch {
	case name == "" || name == string(filepath.Separator):
		return errors.New("the project needs a name")
	case !utf8.ValidString(name):
		return errors.New("it is not valid UTF-8")
	case len(name) > maxName:
		return fmt.Errorf("%d bytes are too many; at most %d", len(name), maxName)
	case first == '-':
		return errors.New("it would be taken for an option; start with a letter or a digit")
	case first == '.' || first == '_':
		return errors.New("the Go tool passes over folders of such a name; start with a letter or a digit")
	case strings.HasSuffix(name, "."):
		return errors.New("some file systems drop a dot at the end")
	case strings.HasSuffix(strings.ToLower(name), ".go"):
		return errors.New("the executable would look like a Go source file")
	case slices.Contains(devices, stem):
		//lint:ignore ST1005 Windows is a name
		return errors.New("Windows keeps this name for a device")
	}
	for _, r := range name {
		switch {
		case unicode.IsSpace(r):
			return errors.New("white space is not allowed; use a dash")
		case !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("._-", r):
			return fmt.Errorf("%q is not allowed; use letters, digits, dots, dashes and underscores", r)
		}
	}
	return nil
}

// caseClash gives the neighbour whose name differs by case only.
func caseClash(dir, name string) string {
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return "" // no such folder yet: no neighbours
	}
	clash := ""
	for _, e := range entries {
		if e.Name() == name {
			return ""
		}
		if strings.EqualFold(e.Name(), name) {
			clash = e.Name()
		}
	}
	return clash
}
