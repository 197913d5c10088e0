package render

import (
	"fmt"
	"go/token"
	"maps"
	"path"
	"slices"

	"mgw/runtime/spec"
)

// Interceptors is the project's own Go code.
type Interceptors struct {
	Package string            // its import path; "" without any
	Files   map[string][]byte // what is written into the generated module
}

// functions are the interceptors that a gateway names, as main.go lists them.
type functions struct {
	Package           string
	Request, Response []string
}

// functionsOf collects the names. They become Go source, so what is no name of
// an exported function is refused here whatever was checked before.
func functionsOf(g *spec.Gateway, importPath string) (functions, error) {
	request, response := map[string]bool{}, map[string]bool{}
	for i := range g.APIs {
		for j := range g.APIs[i].Operations {
			in := &g.APIs[i].Operations[j].Interceptors
			for _, name := range slices.Concat(in.Classify, in.Request) {
				request[name] = true
			}
			for _, name := range in.Response {
				response[name] = true
			}
		}
	}
	f := functions{Request: slices.Sorted(maps.Keys(request)), Response: slices.Sorted(maps.Keys(response))}
	for _, name := range slices.Concat(f.Request, f.Response) {
		if !token.IsIdentifier(name) || !token.IsExported(name) {
			return f, fmt.Errorf("rendering: %q is not the name of an interceptor", name)
		}
		f.Package = importPath
	}
	if f.Package == "" && len(f.Request)+len(f.Response) > 0 {
		return f, fmt.Errorf("rendering: the gateway names interceptors, and there are none")
	}
	return f, nil
}

// addFiles puts the project's code below the generated module.
func (i Interceptors) addFiles(files map[string][]byte) {
	for name, content := range i.Files {
		files[path.Clean(name)] = content
	}
}
