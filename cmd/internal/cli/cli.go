// Package cli is the mgw command: flags, help, and how results and problems
// are printed.
//
// Arguments and streams come in, an exit code goes out: 0 for success, 1 when
// the user's files or what they point to are not right, 2 for wrong usage or a
// broken tool chain. Data goes to standard output, everything said about the
// work to standard error. The package decides nothing about projects: init is
// scaffold's, building and checking is the pipeline's. It never ends the
// process and keeps nothing between two runs.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
	"mgw/runtime/diag"
)

// Exit codes.
const (
	exitOK          = 0
	exitFiles       = 1
	exitUsage       = 2
	exitInterrupted = 130 // what shells report for an interrupt
)

// app is one run: its streams and what it knows of the world outside.
type app struct {
	in  io.Reader
	out printer
	err printer
	now func() time.Time

	pipeline func(context.Context, pipeline.Options) (*pipeline.Result, error)
}

// Run runs one mgw command line, without the program's name.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{
		in:  stdin,
		out: newPrinter(stdout, os.Getenv),
		err: newPrinter(stderr, os.Getenv),
		now: time.Now,

		pipeline: pipeline.Build,
	}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return a.exit(ctx, cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mgw",
		Short: "Build API gateways from OpenAPI definitions and throttling tiers",
		Long: `mgw turns OpenAPI definitions and throttling tiers into a gateway: one
executable that secures, limits and forwards requests.`,
		Example: `  mgw init petstore -a petstore.yaml
  mgw build petstore
  gateway target/petstore`,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(a.initCommand(), a.buildCommand(), a.checkCommand(), a.addCommand(), a.routesCommand(), a.diffCommand(), a.tokenCommand(), a.tiersCommand(), a.explainCommand(), a.versionCommand())
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	addCompletionExamples(root)
	return root
}

// helpCommand is cobra's, but an unknown topic is wrong usage.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Say what a command does",
		Example: "  mgw help build",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("unknown help topic %q", strings.Join(args, " "))
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}

// addCompletionExamples gives cobra's own command what ours have: examples,
// and an error for a shell it does not know.
func addCompletionExamples(root *cobra.Command) {
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	completion.Example = "  source <(mgw completion bash)"
	// A command that runs refuses arguments; one that does not answers them with help.
	completion.RunE = func(*cobra.Command, []string) error { return completion.Help() }
	for _, shell := range completion.Commands() {
		shell.Example = "  mgw completion " + shell.Name()
	}
}

// failure is an error of the work itself; every other error that a command
// returns is cobra's, about usage.
type failure struct {
	code int
	err  error // nil when everything has been said
}

func (f failure) Error() string { return fmt.Sprint(f.err) }
func (f failure) Unwrap() error { return f.err }

// filesError is a failure that the user's files or their sources cause.
func filesError(err error) error { return failure{exitFiles, err} }

// toolError is a failure of the tool chain or of mgw itself.
func toolError(err error) error { return failure{exitUsage, err} }

func toolErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return toolError(err)
}

func (a *app) exit(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	f, ours := errors.AsType[failure](err)
	switch {
	case ctx.Err() != nil:
		a.err.line("mgw: interrupted")
		return exitInterrupted
	case !ours:
		a.err.problem("mgw: " + err.Error())
		a.err.line(fmt.Sprintf("Run '%s --help' for usage.", cmd.CommandPath()))
		return exitUsage
	case f.err != nil:
		a.err.problem("mgw: " + f.err.Error())
	}
	return f.code
}

// oneProject asks for exactly one NAME.
func oneProject(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("%s needs the name of a project", cmd.CommandPath())
	case 1:
		return nil
	}
	return fmt.Errorf("%s takes one project, not %d: %q", cmd.CommandPath(), len(args), args)
}

// openProject gives the folder of an existing project. An empty or misspelt
// name is wrong usage; what is inside is the build's to judge.
func openProject(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case path == "":
		return "", errors.New("the name of the project is empty")
	case errors.Is(err, os.ErrNotExist):
		if hint := diag.DidYouMean(filepath.Base(path), projects(filepath.Dir(path))); hint != "" {
			return "", fmt.Errorf("project %s does not exist; %s", path, hint)
		}
		return "", fmt.Errorf("project %s does not exist; 'mgw init %s' makes it", path, path)
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s is a file; a project is a folder", path)
	}
	return filepath.Clean(path), nil
}

// projects lists the projects in a folder.
func projects(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, "*", "api_definitions"))
	for i, f := range found {
		found[i] = filepath.Base(filepath.Dir(f))
	}
	return found
}

// completeProjects offers the projects in the current folder, or any other.
func completeProjects(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return projects("."), cobra.ShellCompDirectiveDefault
}
