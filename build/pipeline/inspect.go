package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgw/build/openapi"
	"mgw/build/plan"
	"mgw/build/project"
	"mgw/build/render"
	"mgw/runtime/spec"
)

// Inspect gives the gateway that a path stands for: a project's folder, an
// executable that mgw built, or a definition alone, whose tiers and backend may
// be defined elsewhere. With ErrProblems comes a Result that has them.
func Inspect(ctx context.Context, path string) (*Result, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return new(Result), err
	case info.IsDir():
		return Build(ctx, Options{Dir: path, CheckOnly: true})
	case slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
		return inspectDefinition(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return new(Result), err
	}
	gateway, err := render.Extract(data)
	if err != nil {
		return new(Result), fmt.Errorf("%s is neither a project, nor a definition (.yaml, .yml, .json), nor a gateway that this mgw can read: %w", path, err)
	}
	return &Result{Project: gateway.Project, Root: filepath.Dir(path), Gateway: gateway}, nil
}

func inspectDefinition(path string) (*Result, error) {
	source, problems, err := project.ReadOne(path)
	if err != nil {
		return new(Result), err
	}
	r := &Result{Project: source.Name, Root: source.Root, Problems: problems, Alone: true, source: source}
	apis, problems := openapi.Read(source.Definitions, openapi.Options{Open: source.Open})
	r.Problems = append(r.Problems, problems...)
	r.Gateway, problems = plan.Make(source.Name, apis, spec.Policies{}, plan.Options{Alone: true})
	r.Problems = append(r.Problems, problems...)
	r.Problems.Sort()
	if r.Problems.Errors() > 0 {
		return r, ErrProblems
	}
	return r, nil
}
