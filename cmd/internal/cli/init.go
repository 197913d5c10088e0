package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgw/init/scaffold"
)

// downloadTimeout bounds the whole of a download.
const downloadTimeout = time.Minute

type initFlags struct {
	force bool
	source
}

// source is where a definition comes from.
type source struct {
	definition string
	headers    []string
	values     []string
	insecure   bool
}

// addDownload adds the flags for a definition from a URL.
func (s *source) addDownload(f *pflag.FlagSet) {
	f.StringSliceVar(&s.headers, "headers", nil, "`names` of header fields to send with the download, separated by commas")
	f.StringSliceVar(&s.values, "values", nil, "their `values`, in the same order")
	f.BoolVarP(&s.insecure, "insecure", "k", false, "download without checking the server's certificate")
}

func (a *app) initCommand() *cobra.Command {
	var flags initFlags
	cmd := &cobra.Command{
		Use:   "init NAME",
		Short: "Make a new project",
		Long: `Makes a project in the folder NAME: where definitions go, tiers, a commented
configuration, a development key (see 'mgw token') and a token for the admin
listener. NAME may be a path; its last element names the project.

A folder that exists is refused. With --force the files in it that nobody edited
are renewed; beside each file that somebody did edit, the new version is put as
FILE.new. Nothing is deleted.`,
		Example: `  mgw init petstore
  mgw init petstore -a petstore.yaml
  mgw init work/petstore -a https://example.com/petstore.yaml
  mgw init petstore -a https://example.com/private.yaml --headers Authorization --values "Bearer $TOKEN"
  mgw init -f petstore`,
		Args:              oneProject,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.init(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&flags.force, "force", "f", false, "renew the unedited files of a project that exists")
	f.StringVarP(&flags.definition, "api-definition", "a", "", "bring in this OpenAPI definition: a `FILE or URL`")
	flags.addDownload(f)
	return cmd
}

func (a *app) init(ctx context.Context, name string, flags initFlags) error {
	place, err := scaffold.Locate(name)
	if err != nil {
		return err
	}
	header, err := downloadHeader(flags.source)
	if err != nil {
		return err
	}
	if err := place.Free(flags.force); err != nil {
		return filesError(err)
	}
	definition, err := bringIn(ctx, flags.source, header)
	if err != nil {
		return filesError(err)
	}
	result, err := scaffold.Create(scaffold.Options{Place: place, Force: flags.force, Definition: definition})
	if err != nil {
		return filesError(err)
	}
	for _, b := range result.Beside {
		a.err.warning(fmt.Sprintf("%s was edited and stays as it is; the new version is %s", b.File, b.New))
	}
	a.out.success(fmt.Sprintf("Project '%s' is initialized successfully.", place.Name))
	a.out.line("")
	if definition == nil {
		a.out.line(fmt.Sprintf("Next: put your OpenAPI definitions into %s/api_definitions, then", place))
	} else {
		a.out.line("Next:")
	}
	a.out.line(fmt.Sprintf("  mgw build %s", place))
	return nil
}

// downloadHeader joins --headers and --values. What a value is does not show in
// errors: it may be a credential.
func downloadHeader(flags source) (http.Header, error) {
	switch {
	case len(flags.headers) != len(flags.values):
		return nil, fmt.Errorf("--headers names %d fields, --values has %d values; the numbers must be the same", len(flags.headers), len(flags.values))
	case len(flags.headers) > 0 && !scaffold.IsURL(flags.definition):
		return nil, errors.New("--headers and --values are for a definition from a URL")
	case flags.insecure && !scaffold.IsURL(flags.definition):
		return nil, errors.New("-k is for a definition from a URL")
	}
	header := http.Header{}
	for i, name := range flags.headers {
		if name = strings.TrimSpace(name); name == "" {
			return nil, fmt.Errorf("--headers: name %d is empty", i+1)
		}
		header.Add(name, flags.values[i])
	}
	return header, nil
}

func bringIn(ctx context.Context, flags source, header http.Header) (*scaffold.Definition, error) {
	switch {
	case flags.definition == "":
		return nil, nil
	case scaffold.IsURL(flags.definition):
		return scaffold.Fetch{
			URL: flags.definition, Header: header, Insecure: flags.insecure, Timeout: downloadTimeout,
		}.Do(ctx)
	}
	return scaffold.ReadDefinition(flags.definition)
}
