package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
)

// exitDiffers is what --exit-code makes of changes: neither a mistake in the
// files (1) nor wrong usage (2).
const exitDiffers = 3

type diffFlags struct {
	format   string
	exitCode bool
}

func (a *app) diffCommand() *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what changes for callers from one gateway to another",
		Long: `Compares what two gateways serve: operations that were added and removed, and for
the others what they ask of callers, their limits, their backends. OLD and NEW
are projects, executables that 'mgw build' made, or definitions. Names of path
parameters make no difference.

A definition alone says nothing about tiers, and perhaps nothing about backends:
what one side does not know is not compared.

Exit codes: 0, also when something changed; with --exit-code 3 when something
changed; 1 and 2 as everywhere.`,
		Example: `  mgw diff petstore/target/petstore petstore
  mgw diff old/petstore.yaml petstore.yaml --format json
  mgw diff --exit-code petstore/target/petstore petstore || echo "something changed"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("diff takes two projects, executables or definitions, for example: mgw diff petstore/target/petstore petstore")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return projects("."), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diff(cmd.Context(), args[0], args[1], flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.format, "format", formatText, "how to print the result: text or json")
	f.BoolVar(&flags.exitCode, "exit-code", false, "end with 3 when something changed")
	complete(cmd, "format", formatText, formatJSON)
	return cmd
}

func (a *app) diff(ctx context.Context, from, to string, flags diffFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	var sides [2]*pipeline.Result
	for i, path := range []string{from, to} {
		var err error
		if sides[i], err = a.inspect(ctx, path); err != nil {
			return err
		}
	}
	d := compare(sides[0].Gateway, sides[1].Gateway, sides[0].Alone || sides[1].Alone)
	print := a.printDifference
	if flags.format == formatJSON {
		print = func(d difference) error { return a.out.json(d) }
	}
	if err := print(d); err != nil {
		return toolError(err)
	}
	if flags.exitCode && d.some() {
		return failure{code: exitDiffers}
	}
	return nil
}

// printDifference prints a line for each operation and tier, and one below for
// each thing that changed in it.
func (a *app) printDifference(d difference) error {
	if !d.some() {
		a.out.line("Nothing changes for callers.")
		return nil
	}
	for _, c := range d.APIs {
		a.printChange(c, c.Kind+" "+c.Name)
	}
	for _, c := range d.Routes {
		a.printChange(c, fmt.Sprintf("%-7s %s", c.Method, c.Path))
	}
	for _, c := range d.Tiers {
		a.printChange(c, c.Kind+" "+c.Name)
	}
	counts := map[string]int{}
	for _, list := range [][]change{d.APIs, d.Routes, d.Tiers} {
		for _, c := range list {
			counts[c.Change]++
		}
	}
	a.out.line(fmt.Sprintf("%d removed, %d added, %d changed", counts[removed], counts[added], counts[changed]))
	return nil
}

func (a *app) printChange(c change, what string) {
	what = cells([]string{what})[0]
	switch c.Change {
	case removed:
		a.out.problem("- " + what)
	case added:
		a.out.success("+ " + what)
	default:
		a.out.warning("~ " + what)
	}
	for _, f := range c.Fields {
		values := cells([]string{f.Old, f.New})
		a.out.line(fmt.Sprintf("    %-9s %s -> %s", f.Field, values[0], values[1]))
	}
}
