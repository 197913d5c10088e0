package interceptors

import (
	"bytes"
	"go/ast"
	"io"
	"io/fs"
	"path"
	"strconv"
)

// Package is what interceptors import.
const Package = "mgw/runtime/interceptor"

// Signature is how a function of a kind is declared.
func (k Kind) Signature(name string) string {
	what := "Request"
	if k == Response {
		what = "Response"
	}
	return "func " + name + "(ctx context.Context, r *interceptor." + what + ") error"
}

// imports are the packages of a file by the names that it gives them; a dot
// import has the name ".".
type imports map[string][]string

func importsOf(file *ast.File) imports {
	names := imports{}
	for _, s := range file.Imports {
		imported, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(imported)
		if s.Name != nil {
			name = s.Name.Name
		}
		names[name] = append(names[name], imported)
	}
	return names
}

// kindOf tells what a function can be used as.
func (i imports) kindOf(f *ast.FuncDecl) Kind {
	t := f.Type
	if t.TypeParams != nil || t.Results.NumFields() != 1 || !isIdent(t.Results.List[0].Type, "error") {
		return Other
	}
	var params []ast.Expr
	for _, p := range t.Params.List {
		for range max(1, len(p.Names)) {
			params = append(params, p.Type)
		}
	}
	if len(params) != 2 || !i.is(params[0], "context", "Context") {
		return Other
	}
	pointer, ok := params[1].(*ast.StarExpr)
	switch {
	case ok && i.is(pointer.X, Package, "Request"):
		return Request
	case ok && i.is(pointer.X, Package, "Response"):
		return Response
	}
	return Other
}

// is tells whether an expression names a type of a package.
func (i imports) is(e ast.Expr, pkg, name string) bool {
	from, e := ".", ast.Unparen(e)
	if s, ok := e.(*ast.SelectorExpr); ok {
		x, ok := s.X.(*ast.Ident)
		if !ok {
			return false
		}
		from, e = x.Name, s.Sel
	}
	if !isIdent(e, name) {
		return false
	}
	for _, imported := range i[from] {
		if imported == pkg {
			return true
		}
	}
	return false
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && id.Name == name
}

// openFile lets go/build read constraints of files that are in memory.
func (r *reader) openFile(name string) (io.ReadCloser, error) {
	data, ok := r.contents[Dir+"/"+path.Base(name)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
