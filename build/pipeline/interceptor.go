package pipeline

import (
	"errors"
	"strings"

	"mgw/build/compile"
	"mgw/build/interceptors"
	"mgw/build/render"
	"mgw/runtime/diag"
)

// readCode reads the project's Go code.
func (b *build) readCode() error {
	own, err := compile.GoMod()
	if err != nil {
		return err
	}
	code, problems := interceptors.Read(b.source.Interceptors, interceptors.Options{GOOS: b.GOOS, GOARCH: b.GOARCH, GoMod: own})
	b.code = code
	b.report(problems)
	return nil
}

// warnUnused tells of code that nothing names: it is not compiled in. A name
// that was refused is a name, too.
func (b *build) warnUnused() {
	if b.code.First == "" || b.Problems.Errors() > 0 {
		return
	}
	for i := range b.Gateway.APIs {
		for j := range b.Gateway.APIs[i].Operations {
			if in := &b.Gateway.APIs[i].Operations[j].Interceptors; len(in.Classify)+len(in.Request)+len(in.Response) > 0 {
				return
			}
		}
	}
	b.Problems.Warnf(b.code.First, 0, 0, "no definition names a function of %s/: the code is left out (x-wso2-request-interceptor: NAME)", interceptors.Dir)
}

// interceptors is the code as the generated module has it.
func (b *build) interceptors() render.Interceptors {
	if b.code.First == "" {
		return render.Interceptors{}
	}
	i := render.Interceptors{Package: render.Module + "/" + interceptors.Dir, Files: b.code.Files}
	if b.code.Module != nil {
		i.Package = b.code.Module.Path
	}
	return i
}

// joinCode tells the compiler which of the files are the user's.
func (b *build) joinCode(o *compile.Options) {
	if _, compiled := b.files[b.code.First]; !compiled {
		return
	}
	o.User = interceptors.Dir
	if m := b.code.Module; m != nil {
		o.Module, o.GoVersion = true, m.GoVersion
	}
}

// ofUser reports what the compiler found in the user's code as problems of the
// project.
func (b *build) ofUser(err error) error {
	var source *compile.SourceError
	if !errors.As(err, &source) {
		return err
	}
	for _, m := range source.Mistakes {
		p := diag.Problem{File: m.File, Line: m.Line, Col: m.Col, Msg: m.Msg}
		if strings.Contains(m.Msg, "no required module provides") {
			p.Hint = "in " + interceptors.Dir + "/: go mod init, where there is no go.mod yet, and go get"
		}
		b.Problems.Add(p)
	}
	b.Problems.Sort()
	return ErrProblems
}
