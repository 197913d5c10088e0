package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
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
// that it names. SIGTERM and SIGINT end it gracefully, a second one at once;
// SIGHUP makes it reload its configuration.
func Main(content []byte, functions interceptor.Functions) int {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // from then on a signal has its default effect
	defer stop()
	p := program{
		content: content, functions: functions, name: filepath.Base(os.Args[0]), environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr,
		hangups: hangups,
	}
	return p.run(ctx, os.Args[1:])
}

// program is a gateway executable with what it needs of the system.
type program struct {
	content        []byte
	functions      interceptor.Functions
	name           string
	environ        []string
	stdout, stderr io.Writer
	hangups        <-chan os.Signal
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
	file, err := findConfig(a)
	if err != nil {
		return p.fail(err)
	}
	load := func() (*config.Config, diag.List, error) { return p.loadConfig(file, a.overrides) }
	cfg, problems, err := load()
	if err != nil {
		return p.fail(err)
	}
	if err := diag.Write(p.stderr, problems, os.ReadFile); err != nil {
		return p.fail(err)
	}
	if problems.Errors() > 0 {
		return exitFailure
	}
	return p.serve(ctx, Options{Spec: served, Config: cfg, CheckOnly: a.checkConfig, Load: load})
}

func (p *program) serve(ctx context.Context, o Options) int {
	cfg := o.Config
	level, err := telemetry.ParseLevel(cfg.Log.Level)
	if err != nil {
		return p.fail(err)
	}
	o.Level = new(slog.LevelVar)
	o.Level.Set(level)
	if o.Log, err = telemetry.NewLeveledLogger(p.stderr, o.Level, cfg.Log.Format); err != nil {
		return p.fail(err)
	}
	o.Digest, o.Functions, o.Hangups = p.digest(), p.functions, p.hangups
	g, err := New(o)
	if err != nil {
		return p.fail(err)
	}
	if o.CheckOnly {
		g.close()
		fmt.Fprintln(p.stdout, "The configuration is valid.")
		return exitOK
	}
	log := o.Log
	log.Info("the gateway starts", "project", o.Spec.Project, "version", spec.Version, "digest", p.digest(),
		"configuration", cmp.Or(cfg.File, "built-in defaults"))
	if err := startup.Ready(); err != nil {
		log.Warn(err.Error())
	}
	if err := g.Run(ctx); err != nil {
		return p.fail(err)
	}
	return exitOK
}

// findConfig gives the configuration file that the gateway reads, now and at
// each reload; "" for the built-in defaults.
func findConfig(a arguments) (string, error) {
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	return startup.Search{Flag: a.config, Getenv: os.Getenv, Executable: executable}.Find()
}

// loadConfig reads the configuration.
func (p *program) loadConfig(file string, overrides []config.Override) (*config.Config, diag.List, error) {
	source := config.Source{File: file, Overrides: overrides, Environ: p.environ, Home: os.Getenv(startup.HomeVariable)}
	if file != "" {
		var err error
		if source.Data, err = os.ReadFile(file); err != nil {
			return nil, nil, err
		}
	}
	cfg, problems := config.Load(source)
	return cfg, problems, nil
}

// fail reports why the gateway does not go on: problems with what they are
// about, else an error.
func (p *program) fail(err error) int {
	if problems := diag.Listed(err); problems != nil {
		if err = diag.Write(p.stderr, problems, os.ReadFile); err == nil {
			return exitFailure
		}
	}
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
