package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgw/build/pipeline"
	"mgw/runtime/diag"
)

// The values of --format.
const (
	formatText = "text"
	formatJSON = "json"
)

func checkFormat(format string) error {
	if format == formatText || format == formatJSON {
		return nil
	}
	return fmt.Errorf("--format %s: it is %s or %s", format, formatText, formatJSON)
}

// report prints what is wrong in a project, with the offending lines, and
// gives the error that the run ends with. Files are shown from where the user
// stands, so that editors find them.
func (a *app) report(dir string, result *pipeline.Result, err error) error {
	shown := make(diag.List, len(result.Problems))
	names := map[string]string{}
	for i, p := range result.Problems {
		if p.File != "" {
			name := filepath.Join(dir, filepath.FromSlash(p.File))
			names[name], p.File = p.File, name
		}
		shown[i] = p
	}
	read := func(name string) ([]byte, error) { return result.ReadFile(names[name]) }
	if err := diag.Write(a.err, shown, read); err != nil {
		return toolError(err)
	}
	return ending(result, err)
}

// reportErrors is report for a build, whose warnings are check's to tell: it
// counts them.
func (a *app) reportErrors(dir string, result *pipeline.Result, verbose bool, err error) error {
	warnings := len(result.Problems) - result.Problems.Errors()
	if verbose || warnings == 0 {
		return a.report(dir, result, err)
	}
	shown := *result
	shown.Problems = slices.DeleteFunc(slices.Clone(result.Problems), func(p diag.Problem) bool { return p.Severity == diag.Warning })
	err = a.report(dir, &shown, err)
	a.err.warning(fmt.Sprintf("%s: 'mgw check %s' shows them", plural(warnings, "warning"), dir))
	return err
}

// ending tells what the user's files cause from what the machine does.
func ending(result *pipeline.Result, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pipeline.ErrProblems):
		return filesError(fmt.Errorf("project %s: %s", result.Project, countText(result.Problems)))
	case errors.Is(err, pipeline.ErrToolchain):
		return toolError(err)
	}
	return filesError(err)
}

// countText says how many problems there are: "2 errors, 1 warning".
func countText(problems diag.List) string {
	errors := problems.Errors()
	text := plural(errors, "error")
	if warnings := len(problems) - errors; warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// fromHere shortens a path that lies below the current folder.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return path
	}
	return rel
}

// buildResult is what --format json prints; fields are only ever added.
type buildResult struct {
	Project  string    `json:"project,omitempty"`
	Success  bool      `json:"success"`
	Target   string    `json:"target,omitempty"`
	Size     int64     `json:"size,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	Error    string    `json:"error,omitempty"`
	Problems diag.List `json:"problems"` // files are relative to the project
	Routes   []route   `json:"routes,omitempty"`
}

// reportJSON prints a run as one document and gives the error it ends with.
func (a *app) reportJSON(result *pipeline.Result, withRoutes bool, err error) error {
	out := buildResult{
		Project: result.Project, Success: err == nil, Problems: result.Problems,
		Target: result.Target, Size: result.Size, Digest: result.Digest,
	}
	if out.Problems == nil {
		out.Problems = diag.List{} // a list is printed
	}
	if err != nil && !errors.Is(err, pipeline.ErrProblems) {
		out.Error = err.Error()
	}
	if err == nil && withRoutes {
		out.Routes = routes(result.Gateway)
	}
	if err := a.out.json(out); err != nil {
		return toolError(err)
	}
	if f, ours := errors.AsType[failure](ending(result, err)); ours {
		return failure{code: f.code} // the document says it all
	}
	return nil
}
