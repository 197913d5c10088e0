package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

type tiersFlags struct {
	roles  []string
	api    string
	format string
}

func (a *app) tiersCommand() *cobra.Command {
	var flags tiersFlags
	cmd := &cobra.Command{
		Use:   "tiers NAME",
		Short: "List the tiers that subscribers see, or the limits of an API's operations",
		Long: `Lists the subscription tiers of a project and which roles may use them. With
--role it lists what a subscriber with those roles would see: a tier that allows
everybody or one of the roles, and denies none of them.

With --api it shows the throttle info of each operation of an API instead: the
resource tier that its callers share.`,
		Example: `  mgw tiers petstore
  mgw tiers petstore --role partner --role staff
  mgw tiers petstore --api Petstore
  mgw tiers petstore --api Petstore:1.0.0 --format json`,
		Args:              oneProject,
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tiers(cmd.Context(), args[0], flags, cmd.Flags().Changed("role"))
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&flags.roles, "role", nil, "roles of the subscriber, separated by commas; may be repeated; \"\" is one without roles")
	f.StringVar(&flags.api, "api", "", "show the operations of this API: its `NAME or NAME:VERSION`")
	f.StringVar(&flags.format, "format", formatText, "how to print the result: text or json")
	cmd.MarkFlagsMutuallyExclusive("role", "api")
	complete(cmd, "format", formatText, formatJSON)
	return cmd
}

func (a *app) tiers(ctx context.Context, name string, flags tiersFlags, filtered bool) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	gateway, err := a.load(ctx, dir)
	if err != nil {
		return err
	}
	if flags.api != "" {
		apis := findAPI(gateway.APIs, flags.api)
		if len(apis) == 0 {
			return unknownAPI(gateway, flags.api)
		}
		return toolErrorOrNil(a.throttleInfo(gateway, apis, flags.format))
	}
	var shown []spec.Tier
	for _, t := range gateway.Policies.Subscription {
		if !filtered || subscribable(t) && visible(t.Permissions, flags.roles) {
			shown = append(shown, t)
		}
	}
	return toolErrorOrNil(a.subscriptionTiers(shown, flags.format))
}

func (a *app) subscriptionTiers(tiers []spec.Tier, format string) error {
	if format == formatJSON {
		all := []tierJSON{} // not nil: a list is printed
		for _, t := range tiers {
			all = append(all, tierAsJSON(t))
		}
		return a.out.json(map[string]any{"tiers": all})
	}
	rows := make([][]string, len(tiers))
	for i, t := range tiers {
		rows[i] = []string{t.Name, tierText(t), permissionsText(t.Permissions)}
	}
	return a.out.table([]string{"TIER", "LIMIT", "FOR"}, rows)
}

// findAPI gives the APIs of a name, of all versions or of one.
func findAPI(apis []spec.API, name string) []spec.API {
	var found []spec.API
	for _, api := range apis {
		if name == api.Name || name == api.Name+":"+api.Version {
			found = append(found, api)
		}
	}
	return found
}

func unknownAPI(g *spec.Gateway, name string) error {
	var known []string
	for _, api := range g.APIs {
		known = append(known, api.Name, api.Name+":"+api.Version)
	}
	text := fmt.Sprintf("project %s has no API %s", g.Project, name)
	if hint := diag.DidYouMean(name, known); hint != "" {
		return fmt.Errorf("%s; %s", text, hint)
	}
	return fmt.Errorf("%s; it has %s", text, strings.Join(known, ", "))
}

// throttleInfo is the limit of one operation.
type throttleInfo struct {
	API     string    `json:"api"`
	Version string    `json:"version"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Level   string    `json:"level"` // api, resource, none
	Tier    string    `json:"tier,omitempty"`
	Limit   *tierJSON `json:"limit,omitempty"` // not there for a tier that only a traffic manager knows

	Policies []string `json:"throttlePolicies,omitempty"` // by address or role
}

func (a *app) throttleInfo(g *spec.Gateway, apis []spec.API, format string) error {
	infos := []throttleInfo{} // not nil: a list is printed
	var rows [][]string
	for _, api := range apis {
		for _, op := range api.Operations {
			name, level := operationTier(api, op)
			info := throttleInfo{API: api.Name, Version: api.Version, Method: op.Method, Path: api.BasePath + op.Path + op.Query, Level: level, Tier: name}
			text := "the traffic manager's"
			if t, known := resourceTier(g.Policies.Resource, name); known {
				text = tierText(t)
				asJSON := tierAsJSON(t)
				info.Limit = &asJSON
			}
			info.Policies = throttlePolicies(api, op)
			if len(info.Policies) > 0 {
				text = withPolicies(text, info.Policies)
			}
			infos = append(infos, info)
			rows = append(rows, []string{op.Method, info.Path, name, level, text})
		}
	}
	if format == formatJSON {
		return a.out.json(map[string]any{"operations": infos})
	}
	return a.out.table([]string{"METHOD", "PATH", "TIER", "LEVEL", "LIMIT"}, rows)
}

// withPolicies adds throttle policies to what a tier allows.
func withPolicies(limit string, names []string) string {
	policies := "policy " + strings.Join(names, ", ")
	if limit == limitText(spec.Quota{Unlimited: true}) {
		return policies
	}
	return limit + "; " + policies
}

// operationTier gives the tier that an operation's requests are counted under:
// the API's, for all operations together, or else its own.
func operationTier(api spec.API, op spec.Operation) (name, level string) {
	switch {
	case api.Tier != "":
		return api.Tier, "api"
	case op.Tier != "":
		return op.Tier, "resource"
	}
	return "", "none"
}

// resourceTier finds a tier. No tier and Unlimited need no entry.
func resourceTier(tiers []spec.Tier, name string) (t spec.Tier, known bool) {
	for _, t := range tiers {
		if t.Name == name {
			return t, true
		}
	}
	unlimited := name == "" || name == spec.TierUnlimited
	return spec.Tier{Name: name, Quota: spec.Quota{Unlimited: unlimited}}, unlimited
}
