// Package interceptors reads the Go code that a project brings.
//
// The files of interceptors/ come in; the functions that definitions may name
// go out, each with its kind and place, and what a build has to compile: the
// files, and the module that they make when there is an interceptors/go.mod.
// Problems have their places in the user's files.
//
// Only syntax is looked at: how a function is declared decides whether it can
// be an interceptor. What types say beyond that, the compiler finds when it
// builds the gateway. The package reads no files and runs nothing.
package interceptors

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"slices"
	"strings"

	"mgw/build/project"
	"mgw/runtime/diag"
)

// Dir is where the code lies, in the project and in the generated module.
const Dir = project.InterceptorsDir

// Name is that of the package.
const Name = "interceptors"

// Options says what the code is built for, and with.
type Options struct {
	GOOS, GOARCH string // "" means this machine's
	GoMod        []byte // mgw's own go.mod
}

// Code is a project's Go code.
type Code struct {
	Functions map[string]Function
	Files     map[string][]byte // what is compiled, by their paths in the project
	Module    *Module           // nil: the code belongs to the generated module
	First     string            // the first Go file; "" without any
	Broken    bool              // functions may be missing: a file could not be read
}

// Kind is what a function can be used as.
type Kind int

const (
	Other    Kind = iota // not an interceptor
	Request              // func(context.Context, *interceptor.Request) error
	Response             // func(context.Context, *interceptor.Response) error
)

// Function is an exported function.
type Function struct {
	Kind      Kind
	File      string
	Line, Col int
	Why       string // it cannot be named, "" where it can
}

// Read reads the files of a project's interceptors folder.
func Read(files []project.File, o Options) (*Code, diag.List) {
	r := &reader{Code: &Code{Functions: map[string]Function{}, Files: map[string][]byte{}}, fset: token.NewFileSet(), contents: map[string][]byte{}}
	r.target = build.Default
	r.target.CgoEnabled = false
	if o.GOOS != "" {
		r.target.GOOS = o.GOOS
	}
	if o.GOARCH != "" {
		r.target.GOARCH = o.GOARCH
	}
	r.target.OpenFile = r.openFile
	for _, f := range files {
		r.contents[f.Name] = f.Data
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name, "_test.go") {
			continue
		}
		r.Files[f.Name] = f.Data
		if path.Dir(f.Name) == Dir && strings.HasSuffix(f.Name, ".go") && !strings.HasPrefix(path.Base(f.Name), "_") {
			r.read(f)
		}
	}
	r.readModule(o.GoMod)
	return r.Code, r.problems
}

type reader struct {
	*Code
	fset     *token.FileSet
	target   build.Context
	contents map[string][]byte
	problems diag.List
}

func (r *reader) read(f project.File) {
	if r.First == "" {
		r.First = f.Name
	}
	built, err := r.target.MatchFile(Dir, path.Base(f.Name))
	if err == nil && !built {
		r.leftOut(f)
		return
	}
	file, err := parser.ParseFile(r.fset, f.Name, f.Data, parser.AllErrors|parser.SkipObjectResolution)
	if err != nil {
		r.Broken = true
		r.syntax(f.Name, err)
		return
	}
	if file.Name.Name != Name {
		p := r.fset.Position(file.Name.Pos())
		r.problems.Errorf(p.Filename, p.Line, p.Column, "the package must be called %s, not %s", Name, file.Name.Name)
	}
	names := importsOf(file)
	if slices.Contains(names["C"], "C") {
		r.leftOut(f) // gateways are built without cgo
		return
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				r.add(d.Name, names.kindOf(d), "")
			}
		case *ast.GenDecl:
			r.addOthers(d)
		}
	}
}

// leftOut notes the functions of a file that build constraints exclude, so that
// whoever names one learns why it is missing.
func (r *reader) leftOut(f project.File) {
	file, err := parser.ParseFile(r.fset, f.Name, f.Data, parser.SkipObjectResolution)
	if err != nil {
		return
	}
	for _, d := range file.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil {
			r.add(d.Name, Other, "its file is excluded by build constraints (//go:build, the file's name, or import \"C\")")
		}
	}
}

// addOthers notes variables and types, which look like functions to whoever
// calls them.
func (r *reader) addOthers(d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.ValueSpec:
			for _, name := range s.Names {
				r.add(name, Other, "it is a "+d.Tok.String()+", not a function")
			}
		case *ast.TypeSpec:
			r.add(s.Name, Other, "it is a type, not a function")
		}
	}
}

// add keeps what can be named. Of two with one name the usable one stays: files
// for other systems declare a function again.
func (r *reader) add(name *ast.Ident, kind Kind, why string) {
	if before, ok := r.Functions[name.Name]; ok && (why != "" || before.Why == "") {
		return
	}
	p := r.fset.Position(name.Pos())
	r.Functions[name.Name] = Function{kind, p.Filename, p.Line, p.Column, why}
}

func (r *reader) syntax(name string, err error) {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		r.problems.Errorf(name, 0, 0, "%v", err)
		return
	}
	list.RemoveMultiples()
	for _, e := range list {
		r.problems.Errorf(name, e.Pos.Line, e.Pos.Column, "%s", e.Msg)
	}
}
