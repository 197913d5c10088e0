package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// noteCode puts a digest of the code into the gateway that names functions of
// it. Code that nothing names is not compiled in, which a warning says, unless a
// name was refused.
func (b *build) noteCode() {
	switch {
	case b.code.First == "":
	case b.namesFunctions():
		b.Gateway.Code = digestOf(b.code.Files)
	case b.Problems.Errors() == 0:
		b.Problems.Warnf(b.code.First, 0, 0, "no definition names a function of %s/: the code is left out (x-wso2-request-interceptor: NAME)", interceptors.Dir)
	}
}

func (b *build) namesFunctions() bool {
	for i := range b.Gateway.APIs {
		for j := range b.Gateway.APIs[i].Operations {
			if in := &b.Gateway.APIs[i].Operations[j].Interceptors; len(in.Classify)+len(in.Request)+len(in.Response) > 0 {
				return true
			}
		}
	}
	return false
}

func digestOf(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(files[name]))
		h.Write(files[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// interceptors is the code as the generated module has it.
func (b *build) interceptors() render.Interceptors {
	if b.Gateway.Code == "" {
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
	if b.Gateway.Code == "" {
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
