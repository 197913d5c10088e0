package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
	"mgw/runtime/spec"
)

type buildFlags struct {
	output  string
	goos    string
	goarch  string
	format  string
	verbose bool
	quiet   bool
	dryRun  bool
}

func (a *app) buildCommand() *cobra.Command {
	var flags buildFlags
	cmd := &cobra.Command{
		Use:   "build NAME",
		Short: "Build a project's gateway",
		Long: `Reads the project's definitions and tiers and builds target/NAME, one static
executable, with its source in target/gen. Every problem is reported at once; an
executable of an earlier build stays where it is until the new one is complete.

NAME is the name or the path of a project; inside of one it is "."`,
		Example: `  mgw build petstore
  mgw build .
  mgw build petstore --dry-run
  mgw build petstore --goos linux --goarch arm64 -o dist/petstore
  mgw build petstore --format json`,
		Args:              oneProject,
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.build(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.output, "output", "o", "", "write the executable to this `file` (default: target/NAME in the project)")
	f.StringVar(&flags.goos, "goos", "", "build for this operating system (default: this one)")
	f.StringVar(&flags.goarch, "goarch", "", "build for this architecture (default: this one)")
	f.StringVar(&flags.format, "format", formatText, "how to print the result: text or json")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "say more about each step, and print each warning")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print nothing but problems")
	f.BoolVar(&flags.dryRun, "dry-run", false, "build nothing, show what would be served")
	cmd.MarkFlagsMutuallyExclusive("verbose", "quiet")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "output")
	complete(cmd, "format", formatText, formatJSON)
	complete(cmd, "goos", "darwin", "freebsd", "linux", "windows")
	complete(cmd, "goarch", "amd64", "arm64")
	return cmd
}

// complete offers the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag is not there: a mistake in this package
	}
}

func (a *app) build(ctx context.Context, name string, flags buildFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	steps := &progress{printer: a.err, verbose: flags.verbose, now: a.now}
	o := pipeline.Options{Dir: dir, Output: flags.output, GOOS: flags.goos, GOARCH: flags.goarch, CheckOnly: flags.dryRun}
	if !flags.quiet && !flags.dryRun && flags.format == formatText {
		o.Steps, o.Progress = steps.step, steps.detail
	}
	result, err := a.pipeline(ctx, o)
	steps.end()
	if flags.format == formatJSON {
		return a.reportJSON(result, flags.dryRun, err)
	}
	if err := a.reportErrors(dir, result, flags.verbose, err); err != nil {
		return err
	}
	switch {
	case flags.dryRun:
		return toolErrorOrNil(a.out.routes(routes(result.Gateway)))
	case !flags.quiet:
		a.out.success("Build successful for the project - " + result.Project)
		a.out.line("Target: " + fromHere(result.Target))
		if flags.verbose {
			a.out.line(fmt.Sprintf("Size: %.1f MB, content %s", float64(result.Size)/1e6, result.Digest))
		}
	}
	return nil
}

// load reads a project for the commands that look at it. Its warnings are
// check's to tell.
func (a *app) load(ctx context.Context, dir string) (*spec.Gateway, error) {
	result, err := a.pipeline(ctx, pipeline.Options{Dir: dir, CheckOnly: true})
	if err != nil {
		return nil, a.report(dir, result, err)
	}
	return result.Gateway, nil
}
