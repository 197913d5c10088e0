// Package render turns a gateway into the source of a Go module.
//
// A spec.Gateway comes in; a map from path to content goes out, which the
// caller writes below target/gen: a main of a dozen lines, its go.mod, and
// gateway.json, which main embeds. All that users have written, names included,
// travels in gateway.json, never as Go source: a hostile name cannot break out,
// and a definition with thousands of operations costs the compiler nothing.
//
// The same gateway gives the same bytes. Nothing here touches the disk.
package render

import (
	"bytes"
	"fmt"
	"go/format"
	"path"
	"regexp"
	"strings"
	"text/template"

	"mgw/runtime/spec"
	"mgw/templates"
)

// Content is the name of the file that holds the gateway.
const Content = "gateway.json"

// Module is the path of the generated module. It is the same for every
// project: a project's name may be anything, a module's may not.
const Module = "mgw.local/gateway"

// Options is what the generated module must know of the mgw that builds it.
type Options struct {
	GoVersion    string // of mgw's own go.mod
	Interceptors Interceptors
}

var goVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+|rc[0-9]+)?$`)

// Render gives the files of the generated module by their slash-separated
// paths.
func Render(g *spec.Gateway, o Options) (map[string][]byte, error) {
	if !goVersion.MatchString(o.GoVersion) {
		return nil, fmt.Errorf("rendering: %q is not a Go version", o.GoVersion)
	}
	content, err := spec.Encode(g)
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", Content, err)
	}
	named, err := functionsOf(g, o.Interceptors.Package)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{Content: content}
	if named.Package != "" {
		o.Interceptors.addFiles(files)
	}
	all, err := template.ParseFS(templates.Gateway, "gateway/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("rendering: %w", err)
	}
	for _, t := range all.Templates() {
		name := strings.TrimSuffix(t.Name(), ".tmpl")
		if files[name], err = renderFile(t, name, o.GoVersion, named); err != nil {
			return nil, fmt.Errorf("rendering %s: %w", name, err)
		}
	}
	return files, nil
}

// renderFile executes one template; Go source comes out as gofmt has it.
func renderFile(t *template.Template, name, goVersion string, named functions) ([]byte, error) {
	var out bytes.Buffer
	data := struct {
		Module, GoVersion string
		Interceptors      functions
	}{Module, goVersion, named}
	if err := t.Execute(&out, data); err != nil {
		return nil, err
	}
	if path.Ext(name) != ".go" {
		return out.Bytes(), nil
	}
	return format.Source(out.Bytes())
}
