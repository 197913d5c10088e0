package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"mgw/build/pipeline"
	"mgw/init/scaffold"
)

type addFlags struct {
	source
	pipeline.Addition
}

func (a *app) addCommand() *cobra.Command {
	var flags addFlags
	cmd := &cobra.Command{
		Use:   "add NAME DEFINITION",
		Short: "Bring an OpenAPI definition into a project",
		Long: `Puts a definition, a file or what a URL gives, into api_definitions of the
project NAME and sets in it the extensions that the flags name. All else in the
file stays as it is, with its comments and its layout. Then the project is
checked: mistakes are printed, and the file stays for you to mend it.`,
		Example: `  mgw add petstore petstore.yaml
  mgw add petstore https://example.com/petstore.yaml --backend https://pets.internal:8443/v1
  mgw add petstore orders.json --base-path /orders/{version} --tier Gold
  mgw add petstore news.yaml --disable-security --force`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("add takes a project and a definition, for example: mgw add petstore petstore.yaml")
			}
			return nil
		},
		ValidArgsFunction: completeDefinition,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.definition = args[1]
			return a.add(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.Backends, "backend", nil, "send requests to this `URL`; of several, in turn (x-wso2-production-endpoints)")
	f.StringVar(&flags.BasePath, "base-path", "", "serve the API at this `path`; {version} is the API's version (x-wso2-basePath)")
	f.StringVar(&flags.Tier, "tier", "", "limit the API to this resource `tier` (x-wso2-throttling-tier)")
	f.BoolVar(&flags.DisableSecurity, "disable-security", false, "let everybody call the API without a credential (x-wso2-disable-security)")
	f.StringVar(&flags.Name, "name", "", "name of the `file` in api_definitions (default: the definition's)")
	f.BoolVarP(&flags.Replace, "force", "f", false, "replace a file of that name")
	flags.addDownload(f)
	return cmd
}

// completeDefinition offers projects, then the files that may be definitions.
func completeDefinition(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return completeProjects(cmd, args, word)
	case 1:
		return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) add(ctx context.Context, name string, flags addFlags) error {
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	if err := flags.Validate(); err != nil {
		return err
	}
	header, err := downloadHeader(flags.source)
	if err != nil {
		return err
	}
	definition, err := bringIn(ctx, flags.source, header)
	if err != nil {
		return filesError(err)
	}
	addition := flags.Addition
	addition.Dir, addition.Data = dir, definition.Data
	if addition.Name, err = scaffold.DefinitionName(flags.Name, definition); err != nil {
		return err
	}
	file, problems, err := pipeline.Add(addition)
	switch {
	case problems.Errors() > 0:
		return filesError(fmt.Errorf("the definition %s: %w", shownSource(flags.definition), problems.Err()))
	case errors.Is(err, fs.ErrExist):
		return filesError(fmt.Errorf("%w in the project; --force replaces it, --name gives the new one another name", err))
	case err != nil:
		return filesError(fmt.Errorf("adding the definition %s: %w", shownSource(flags.definition), err))
	}
	a.out.success("Added " + filepath.Join(dir, filepath.FromSlash(file)))
	result, err := a.pipeline(ctx, pipeline.Options{Dir: dir, CheckOnly: true})
	return a.reportErrors(dir, result, false, err)
}

// shownSource is a definition's name as it may be printed: what follows ? in a
// URL may be a credential.
func shownSource(name string) string {
	if scaffold.IsURL(name) {
		return scaffold.Shown(name)
	}
	return name
}
