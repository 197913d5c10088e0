package interceptors

import (
	"errors"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// Module is what interceptors/go.mod says.
type Module struct {
	Path      string
	GoVersion string // "" when it names none
}

// readModule reads interceptors/go.mod. What it raises of mgw's own modules is
// a warning: the gateway is built with it then, and was not tested so.
func (r *reader) readModule(own []byte) {
	const name = Dir + "/go.mod"
	data, ok := r.contents[name]
	if !ok {
		return
	}
	mod, err := modfile.Parse(name, data, nil)
	if err != nil {
		r.badModule(name, err)
		return
	}
	if mod.Module == nil {
		r.problems.Errorf(name, 1, 1, "the file has no module line: module example.com/interceptors")
		return
	}
	r.Module = &Module{Path: mod.Module.Mod.Path}
	if mod.Go != nil {
		r.Module.GoVersion = mod.Go.Version
	}
	if path := r.Module.Path; path == "mgw" || strings.HasPrefix(path, "mgw/") || strings.HasPrefix(path, "mgw.local/") {
		r.problems.Errorf(name, mod.Module.Syntax.Start.Line, 1, "the module cannot be called %s: mgw itself has that name", path)
	}
	r.compare(name, mod, own)
	r.checkReplacements(name, mod)
}

func (r *reader) badModule(name string, err error) {
	var list modfile.ErrorList
	if !errors.As(err, &list) {
		r.problems.Errorf(name, 0, 0, "%v", err)
		return
	}
	for _, e := range list {
		r.problems.Errorf(name, e.Pos.Line, e.Pos.LineRune, "%v", e.Err)
	}
}

func (r *reader) compare(name string, mod *modfile.File, own []byte) {
	ours := map[string]string{}
	if m, err := modfile.ParseLax("go.mod", own, nil); err == nil {
		for _, q := range m.Require {
			ours[q.Mod.Path] = q.Mod.Version
		}
	}
	for _, q := range mod.Require {
		if have := ours[q.Mod.Path]; have != "" && semver.Compare(q.Mod.Version, have) > 0 {
			r.problems.Warnf(name, q.Syntax.Start.Line, 1, "%s %s is above the %s that mgw was tested with: the gateway is built with the newer one",
				q.Mod.Path, q.Mod.Version, have)
		}
	}
	for _, q := range mod.Replace {
		if ours[q.Old.Path] != "" {
			r.problems.Warnf(name, q.Syntax.Start.Line, 1, "the replacement of %s holds for mgw, too: the gateway is built with what mgw was not tested with", q.Old.Path)
		}
	}
}

// checkReplacements refuses folders that a build does not copy.
func (r *reader) checkReplacements(name string, mod *modfile.File) {
	for _, q := range mod.Replace {
		if q.New.Version == "" && (!strings.HasPrefix(q.New.Path, "./") || strings.Contains(q.New.Path, "..")) {
			r.problems.Errorf(name, q.Syntax.Start.Line, 1, "%s is replaced by a folder outside %s/, which a build does not take along: copy it below",
				q.Old.Path, Dir)
		}
	}
}
