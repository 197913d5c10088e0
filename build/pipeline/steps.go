package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"mgw/build/compile"
	"mgw/build/interceptors"
	"mgw/build/openapi"
	"mgw/build/plan"
	"mgw/build/project"
	"mgw/build/render"
	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/policy"
)

// build is one build under way.
type build struct {
	Options
	*Result
	apis  []openapi.API
	code  *interceptors.Code
	files map[string][]byte
}

// step is a part of a build that its user sees by name.
type step struct {
	name string
	do   func(context.Context) error
}

// run does the steps in turn until one fails.
func (b *build) run(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := s.do(ctx); err != nil {
			return err
		}
		if b.Steps != nil {
			b.Steps(s.name, time.Since(start))
		}
	}
	return nil
}

func (b *build) report(problems diag.List) { b.Problems = append(b.Problems, problems...) }

func (b *build) read(context.Context) error {
	p, problems, err := project.Read(b.Dir)
	b.report(problems)
	if err != nil {
		return err
	}
	b.source, b.Project, b.Root = p, p.Name, p.Root
	return b.readCode()
}

func (b *build) definitions(context.Context) error {
	apis, problems := openapi.Read(b.source.Definitions, openapi.Options{Open: b.source.Open, Each: b.EachWarning})
	b.apis = apis
	b.report(problems)
	return nil
}

func (b *build) plan(context.Context) error {
	var files []policy.File
	for _, f := range b.source.Policies {
		files = append(files, policy.File(f))
	}
	policies, problems := policy.Parse(files)
	b.report(problems)
	b.Gateway, problems = plan.Make(b.Project, b.apis, policies, b.planOptions())
	b.report(problems)
	b.noteCode()
	return nil
}

// planOptions are what the project's configuration says about its tiers. The
// configuration is read again when the gateway starts, and may be another one
// then: nothing else of it enters the build, but its mistakes are reported
// while somebody looks.
func (b *build) planOptions() plan.Options {
	if b.source.Config == nil {
		return plan.Options{Code: b.code, Each: b.EachWarning}
	}
	cfg, problems := config.Load(config.Source{File: project.ConfigFile, Data: b.source.Config, TextOnly: true})
	b.report(problems)
	return plan.Options{Code: b.code, Each: b.EachWarning, TrafficManager: cfg.Throttling.Manager.Enabled, RefuseUnlimited: !cfg.Throttling.EnableUnlimitedTier}
}

func (b *build) render(context.Context) error {
	version, err := compile.GoVersion()
	if err != nil {
		return err
	}
	b.files, err = render.Render(b.Gateway, render.Options{GoVersion: version, Interceptors: b.interceptors()})
	return err
}

func (b *build) compile(ctx context.Context) error {
	compiler := b.Compile
	if compiler == nil {
		compiler = compile.Compile
	}
	output, err := filepath.Abs(b.output())
	if err != nil {
		return err
	}
	o := compile.Options{
		Files: b.files, Gen: filepath.Join(b.Root, "target", "gen"), Output: output,
		GOOS: b.GOOS, GOARCH: b.GOARCH, Progress: b.Progress,
	}
	b.joinCode(&o)
	if err := b.ofUser(compiler(ctx, o)); err != nil {
		return err
	}
	info, err := os.Stat(output)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b.files[render.Content])
	b.Target, b.Size, b.Digest = output, info.Size(), "sha256:"+hex.EncodeToString(sum[:])
	return nil
}

// output is where the executable goes: what the user says, relative to the
// working folder, or target/NAME in the project.
func (b *build) output() string {
	if b.Output != "" {
		return b.Output
	}
	name := b.Project
	if b.GOOS == "windows" || b.GOOS == "" && runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.Root, "target", name)
}
