package scaffold

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"mgw/templates"
)

// file is one file of a project.
type file struct {
	path string // slashes, below the project
	data []byte
	mode fs.FileMode
}

// keep is the file that makes version control see an empty folder.
const keep = ".keep"

// projectFiles gives the files of a project that are the same for everybody.
func projectFiles(name string) ([]file, error) {
	const top = "project"
	var files []file
	err := fs.WalkDir(templates.Project, top, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := templates.Project.ReadFile(p)
		if err != nil {
			return err
		}
		target := strings.TrimPrefix(p, top+"/")
		if base, ok := strings.CutPrefix(path.Base(target), "dot-"); ok {
			target = path.Join(path.Dir(target), "."+base)
		}
		if plain, ok := strings.CutSuffix(target, ".tmpl"); ok {
			target = plain
			if data, err = fill(data, name); err != nil {
				return fmt.Errorf("template %s: %w", p, err)
			}
		}
		files = append(files, file{target, data, 0o644})
		return nil
	})
	return files, err
}

func fill(text []byte, name string) ([]byte, error) {
	t, err := template.New("").Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ Name string }{name})
	return out.Bytes(), err
}
