package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"mgw/build/openapi"
	"mgw/build/project"
	"mgw/runtime/diag"
)

// Addition is a definition for a project and the extensions to set in it; zero
// values set nothing.
type Addition struct {
	Dir     string // the project's folder
	Name    string // of the file in api_definitions
	Data    []byte
	Replace bool // a file of that name

	Backends        []string
	BasePath        string
	Tier            string
	DisableSecurity bool
}

// Validate says what is wrong with the extensions.
func (a *Addition) Validate() error {
	for _, u := range a.Backends {
		if why := openapi.CheckURL(u); why != "" {
			return fmt.Errorf("backend %q %s", u, why)
		}
	}
	if a.BasePath != "" {
		if why := openapi.CheckBasePath(strings.ReplaceAll(a.BasePath, "{version}", "1")); why != "" {
			return fmt.Errorf("base path %q %s", a.BasePath, why)
		}
	}
	return nil
}

func (a *Addition) entries() []project.Entry {
	var set []project.Entry
	if a.BasePath != "" {
		set = append(set, project.Entry{Name: "x-wso2-basePath", Value: a.BasePath})
	}
	if len(a.Backends) > 0 {
		set = append(set, project.Entry{Name: "x-wso2-production-endpoints", Value: map[string]any{"urls": a.Backends}})
	}
	if a.Tier != "" {
		set = append(set, project.Entry{Name: "x-wso2-throttling-tier", Value: a.Tier})
	}
	if a.DisableSecurity {
		set = append(set, project.Entry{Name: "x-wso2-disable-security", Value: true})
	}
	return set
}

// Add puts a definition into a project and gives its file there. The list says
// why it cannot be read: then nothing is written.
func Add(a Addition) (file string, problems diag.List, err error) {
	doc, problems := project.Parse(a.Name, a.Data)
	switch {
	case problems.Errors() > 0:
		return "", problems, nil
	case !openapi.IsDefinition(doc):
		return "", nil, errors.New(`it is no OpenAPI definition: it has neither "openapi" nor "swagger" at the top`)
	}
	data, err := project.Set(doc, a.Data, a.entries())
	if err != nil {
		return "", nil, err
	}
	root, err := os.OpenRoot(a.Dir)
	if err != nil {
		return "", nil, err
	}
	defer root.Close()
	file = path.Join(project.DefinitionsDir, a.Name)
	if _, err := root.Lstat(file); !a.Replace && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%s %w", file, fs.ErrExist)
	}
	if err := root.MkdirAll(project.DefinitionsDir, 0o777); err != nil {
		return "", nil, err
	}
	return file, nil, replaceFile(root, file, data)
}

// replaceFile writes beside the file and renames, so that what was there stays
// until all is written.
func replaceFile(root *os.Root, name string, data []byte) error {
	temp := path.Join(path.Dir(name), "."+path.Base(name)+".new") // hidden: no build reads it
	err := root.WriteFile(temp, data, 0o666)
	if err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		root.Remove(temp) // what failed is reported
	}
	return err
}
