package cli

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"mgw/runtime/spec"
)

// version is what `mgw version --json` prints; fields are only ever added.
type version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Format   int    `json:"format"` // of the content that a build embeds
}

func currentVersion(info *debug.BuildInfo) version {
	v := version{
		Version:  spec.Version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Format:   spec.Format,
	}
	if info == nil {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		}
	}
	return v
}

func (v version) String() string {
	parts := []string{v.Go, v.Platform}
	if v.Commit != "" {
		parts = append([]string{v.Commit, v.Date}, parts...)
	}
	return "mgw " + v.Version + " (" + strings.Join(parts, ", ") + ")"
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of mgw",
		Example: `  mgw version
  mgw version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			v := currentVersion(info)
			if !asJSON {
				a.out.line(v.String())
				return nil
			}
			return a.out.json(v)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (p printer) json(v any) error {
	enc := json.NewEncoder(p)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
