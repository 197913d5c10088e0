package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
)

func (a *app) routesCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "routes WHAT",
		Short: "List what a project, or a gateway that was built, serves",
		Long: `Lists each operation with its API, what it asks of its caller, its tiers and its
backend. WHAT is a project's folder, an executable that 'mgw build' made, or a
definition.`,
		Example: `  mgw routes petstore
  mgw routes petstore/target/petstore
  mgw routes petstore.yaml --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("routes takes one project, executable or definition, for example: mgw routes petstore")
			}
			return nil
		},
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.routes(cmd.Context(), args[0], format)
		},
	}
	cmd.Flags().StringVar(&format, "format", formatText, "how to print the result: text or json")
	complete(cmd, "format", formatText, formatJSON)
	return cmd
}

func (a *app) routes(ctx context.Context, path, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	result, err := a.inspect(ctx, path)
	if err != nil {
		return err
	}
	all := routes(result.Gateway)
	if format == formatJSON {
		return toolErrorOrNil(a.out.json(map[string]any{"routes": all}))
	}
	return toolErrorOrNil(a.out.routes(all))
}

// inspect reads what may be a project, an executable or a definition, and
// reports what is wrong in it. Warnings are check's to tell.
func (a *app) inspect(ctx context.Context, path string) (*pipeline.Result, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		if path, err = openProject(path); err != nil {
			return nil, err
		}
	}
	result, err := pipeline.Inspect(ctx, path)
	if err == nil {
		return result, nil
	}
	dir := path
	if info != nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	return nil, a.report(dir, result, err)
}
