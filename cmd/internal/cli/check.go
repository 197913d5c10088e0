package cli

import (
	"context"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
)

func (a *app) checkCommand() *cobra.Command {
	var format string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "Say what is wrong in a project, without building it",
		Long: `Reads a project as 'mgw build' does and prints each error and warning with its
place. What a definition does in many places is one warning that counts them;
with -v each place is printed.`,
		Example: `  mgw check petstore
  mgw check -v petstore
  mgw check . --format json`,
		Args:              oneProject,
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd.Context(), args[0], format, verbose)
		},
	}
	cmd.Flags().StringVar(&format, "format", formatText, "how to print the result: text or json")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print every warning, of many of a kind too")
	complete(cmd, "format", formatText, formatJSON)
	return cmd
}

func (a *app) check(ctx context.Context, name, format string, verbose bool) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	result, err := a.pipeline(ctx, pipeline.Options{Dir: dir, CheckOnly: true, EachWarning: verbose})
	if format == formatJSON {
		return a.reportJSON(result, false, err)
	}
	if err := a.report(dir, result, err); err != nil {
		return err
	}
	text := "No problems in the project - " + result.Project
	if n := len(result.Problems); n > 0 {
		text = plural(n, "warning") + " in the project - " + result.Project
	}
	a.out.success(text)
	return nil
}
