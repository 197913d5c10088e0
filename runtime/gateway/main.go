package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/interceptor"
	"mgw/runtime/internal/telemetry"
	"mgw/runtime/spec"
	"mgw/runtime/startup"
)

// Exit codes of a gateway executable.
const (
	exitOK      = 0
	exitFailure = 1 // the configuration, or something it names
	exitUsage   = 2
)

// Main runs the gateway that an executable holds and gives its exit code.
// content is what the build embedded, functions are the project's interceptors
// that it names. SIGTERM and SIGINT end it gracefully, a
// second one at once.
func Main(content []byte, functions interceptor.Functions) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // from then on a signal has its default effect
	defer stop()
	p := program{content: content, functions: functions, name: filepath.Base(os.Args[0]), environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	return p.run(ctx, os.Args[1:])
}

// program is a gateway executable with what it needs of the system.
type program struct {
	content        []byte
	functions      interceptor.Functions
	name           string
	environ        []string
	stdout, stderr io.Writer
}

func (p *program) run(ctx context.Context, args []string) int {
	a, err := parseArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(p.stderr, "%s: %v\nRun '%[1]s --help' for usage.\n", p.name, err)
		return exitUsage
	case a.help:
		fmt.Fprintf(p.stdout, usage, p.name)
		return exitOK
	}
	served, err := spec.Decode(p.content)
	if err != nil {
		return p.fail(err)
	}
	if a.version {
		p.printVersion(served)
		return exitOK
	}
	cfg, problems, err := p.loadConfig(a)
	if err != nil {
		return p.fail(err)
	}
	if err := diag.Write(p.stderr, problems, os.ReadFile); err != nil {
		return p.fail(err)
	}
	if problems.Errors() > 0 {
		return exitFailure
	}
	return p.serve(ctx, served, cfg, a.checkConfig)
}

func (p *program) serve(ctx context.Context, served *spec.Gateway, cfg *config.Config, checkOnly bool) int {
	log, err := telemetry.NewLogger(p.stderr, cfg.Log.Level, cfg.Log.Format)
	if err != nil {
		return p.fail(err)
	}
	g, err := New(Options{Spec: served, Config: cfg, Log: log, Digest: p.digest(), Functions: p.functions, CheckOnly: checkOnly})
	if err != nil {
		return p.fail(err)
	}
	if checkOnly {
		g.close()
		fmt.Fprintln(p.stdout, "The configuration is valid.")
		return exitOK
	}
	log.Info("the gateway starts", "project", served.Project, "version", spec.Version, "digest", p.digest(),
		"configuration", cmp.Or(cfg.File, "built-in defaults"))
	if err := startup.Ready(); err != nil {
		log.Warn(err.Error())
	}
	if err := g.Run(ctx); err != nil {
		return p.fail(err)
	}
	return exitOK
}

// loadConfig finds and reads the configuration. Its paths are shown relative to
// the working folder, where that is shorter.
func (p *program) loadConfig(a arguments) (*config.Config, diag.List, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	file, err := startup.Search{Flag: a.config, Getenv: os.Getenv, Executable: executable}.Find()
	if err != nil {
		return nil, nil, err
	}
	source := config.Source{File: file, Overrides: a.overrides, Environ: p.environ, Home: os.Getenv(startup.HomeVariable)}
	if file != "" {
		if source.Data, err = os.ReadFile(file); err != nil {
			return nil, nil, err
		}
	}
	cfg, problems := config.Load(source)
	return cfg, problems, nil
}

func (p *program) fail(err error) int {
	fmt.Fprintf(p.stderr, "%s: %v\n", p.name, err)
	return exitFailure
}

// digest names the embedded content: equal for equal builds.
func (p *program) digest() string {
	sum := sha256.Sum256(p.content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (p *program) printVersion(served *spec.Gateway) {
	fmt.Fprintf(p.stdout, "%s gateway, mgw %s, %s %s/%s\ncontent %s\n",
		served.Project, spec.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.digest())
	for _, api := range served.APIs {
		fmt.Fprintf(p.stdout, "  %s %s at %s, %d operations\n", api.Name, api.Version, api.Context, len(api.Operations))
	}
}
