// Package pipeline is the story of a build: a project is read, its definitions
// and policies are joined to a gateway, the gateway becomes source, the source
// an executable.
//
// A project's folder comes in; a Result goes out, with every problem of the
// project in one list. Nothing is written before the project is found right,
// and what was built before stays until the new executable is complete. The
// package prints nothing.
package pipeline

import (
	"context"
	"errors"
	"os"
	"time"

	"mgw/build/compile"
	"mgw/build/project"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// ErrProblems says that the project's files hold errors: Result.Problems has
// them.
var ErrProblems = errors.New("the project has errors")

// ErrToolchain is matched when the fault is the machine's.
var ErrToolchain = compile.ErrToolchain

// Options says what is built.
type Options struct {
	Dir          string // the project's folder
	Output       string // the executable; "" means target/NAME in the project (NAME.exe for Windows)
	GOOS, GOARCH string // "" means this machine's
	CheckOnly    bool   // end when the gateway is known; write nothing
	EachWarning  bool   // not one for all of a kind

	// Steps is called after each step; Progress with each package compiled and
	// each module fetched, which takes minutes when the caches are empty. Both
	// may be nil.
	Steps    func(name string, took time.Duration)
	Progress func(what string)

	Compile func(context.Context, compile.Options) error // nil means compile.Compile
}

// Result is what a build has found and made. Gateway is fit for use when Build
// gave no error.
type Result struct {
	Project  string // its name
	Root     string // its folder, absolute
	Gateway  *spec.Gateway
	Problems diag.List // sorted; files are relative to Root
	Alone    bool      // of a definition without a project, see Inspect

	// Of the executable; empty after CheckOnly.
	Target string // its path, absolute
	Size   int64
	Digest string // of the content in it, as its --version prints it

	source *project.Project
}

// ReadFile gives a file that a problem names, for excerpts.
func (r *Result) ReadFile(name string) ([]byte, error) {
	if r.source == nil {
		return nil, os.ErrNotExist
	}
	return r.source.ReadFile(name)
}

// Build builds a project. With an error comes the Result as far as it got.
func Build(ctx context.Context, o Options) (*Result, error) {
	b := &build{Options: o, Result: new(Result)}
	err := b.run(ctx,
		step{"read project", b.read},
		step{"read definitions", b.definitions},
		step{"plan gateway", b.plan},
	)
	b.Problems.Sort()
	if err == nil && b.Problems.Errors() > 0 {
		err = ErrProblems
	}
	if err != nil || o.CheckOnly {
		return b.Result, err
	}
	return b.Result, b.run(ctx,
		step{"render source", b.render},
		step{"compile", b.compile},
	)
}
