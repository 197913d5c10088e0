package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mgw/init/scaffold"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// defaultSubject is also who owns the application.
const defaultSubject = "developer"

type tokenFlags struct {
	subject   string
	app       string
	appTier   string
	tier      string
	apis      []string
	scopes    []string
	roles     []string
	roleClaim string
	keyType   string
	expires   time.Duration
	claims    []string
}

func (a *app) tokenCommand() *cobra.Command {
	var flags tokenFlags
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Print a token to call a project's APIs with, for development",
		Long: `Prints a JWT signed with the development key that 'mgw init' made. A gateway
accepts it as long as the project's configuration trusts that key.

Without --api the token subscribes its application to every API of the project.`,
		Example: `  mgw token petstore
  mgw token petstore --app shop --app-tier Gold --tier Silver
  mgw token petstore --sub alice --scope read:pets --role staff --expires 8h
  mgw token petstore --api Petstore:1.0.0 --key-type SANDBOX --claim plan=free
  curl -H "Authorization: Bearer $(mgw token petstore)" http://localhost:9090/petstore/v1/pet/1`,
		Args:              oneProject,
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.token(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.subject, "sub", defaultSubject, "the user")
	f.StringVar(&flags.app, "app", "DefaultApplication", "the application; tokens of one name share its limit")
	f.StringVar(&flags.appTier, "app-tier", "", "the application's `tier` (default: not limited at this level)")
	f.StringVar(&flags.tier, "tier", "", "the `tier` of the subscriptions (default: the tier named Default)")
	f.StringArrayVar(&flags.apis, "api", nil, "subscribe to this `NAME:VERSION` only; may be repeated")
	f.StringSliceVar(&flags.scopes, "scope", nil, "scopes, separated by commas; may be repeated")
	f.StringSliceVar(&flags.roles, "role", nil, "roles, separated by commas; may be repeated")
	f.StringVar(&flags.roleClaim, "role-claim", "roles", "the `claim` that carries the roles, the roleClaim of the issuer in micro-gw.conf")
	f.StringVar(&flags.keyType, "key-type", "PRODUCTION", "PRODUCTION or SANDBOX")
	f.DurationVar(&flags.expires, "expires", time.Hour, "how long the token is valid")
	f.StringArrayVar(&flags.claims, "claim", nil, "another claim, `k=v` for text or k:=v for JSON; wins over the others; may be repeated")
	complete(cmd, "key-type", "PRODUCTION", "SANDBOX")
	return cmd
}

func (a *app) token(ctx context.Context, name string, flags tokenFlags) error {
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	extra, err := parseClaims(flags.claims)
	if err != nil {
		return err
	}
	if flags.keyType = strings.ToUpper(flags.keyType); flags.keyType != "PRODUCTION" && flags.keyType != "SANDBOX" {
		return fmt.Errorf("--key-type %s: it is PRODUCTION or SANDBOX", flags.keyType)
	}
	if flags.expires <= 0 {
		return fmt.Errorf("--expires %s: it must be more than nothing", flags.expires)
	}
	keyFile := filepath.Join(dir, filepath.FromSlash(scaffold.IssuerKeyFile))
	text, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return filesError(fmt.Errorf("project %s has no development key (%s); 'mgw init -f %s' makes one", name, scaffold.IssuerKeyFile, name))
	}
	if err != nil {
		return filesError(err)
	}
	key, err := scaffold.ParseIssuerKey(text)
	if err != nil {
		return filesError(fmt.Errorf("%s: %w", keyFile, err))
	}
	subscriptions, err := a.subscriptions(ctx, dir, flags)
	if err != nil {
		return err
	}
	claims := tokenClaims(flags, subscriptions, a.now())
	maps.Copy(claims, extra)
	signed, err := sign(claims, key)
	if err != nil {
		return toolError(err)
	}
	if len(signed) > longToken {
		a.err.warning(fmt.Sprintf("warning: the token has %d bytes; a gateway takes 8192 for all fields together unless told otherwise: name the APIs with --api", len(signed)))
	}
	a.out.line(signed)
	return nil
}

// longToken leaves a kibibyte of maxHeaderSize (contract section 8) for the
// other fields of a request.
const longToken = 7 << 10

// subscriptions are those that --api names, else one for each API. A project
// that cannot be read matters only in the second case.
func (a *app) subscriptions(ctx context.Context, dir string, flags tokenFlags) ([]subscription, error) {
	subs, err := parseSubscriptions(flags.apis)
	if err != nil {
		return nil, err
	}
	gateway, err := a.load(ctx, dir)
	if err != nil {
		if _, ours := errors.AsType[failure](err); ours && len(subs) > 0 && ctx.Err() == nil {
			return withTier(subs, flags.tier), nil
		}
		return nil, err
	}
	if len(subs) == 0 {
		for _, api := range gateway.APIs {
			subs = append(subs, subscription{Name: api.Name, Version: api.Version})
		}
	}
	for i := range subs {
		a.describe(&subs[i], gateway.APIs)
	}
	a.checkTier("--tier", flags.tier, gateway.Policies.Subscription)
	a.checkTier("--app-tier", flags.appTier, gateway.Policies.Application)
	return withTier(subs, flags.tier), nil
}

// describe adds what the project knows of a subscription's API. One that it
// does not know is signed all the same: it may be what somebody wants to test.
func (a *app) describe(s *subscription, apis []spec.API) {
	var known []string
	for _, api := range apis {
		if api.Name == s.Name && (api.Version == s.Version || s.Version == "*") {
			s.Context, s.Publisher = api.Context, api.Owner
			return
		}
		known = append(known, api.Name+":"+api.Version)
	}
	a.doubt(fmt.Sprintf("the project has no API %s:%s", s.Name, s.Version), s.Name+":"+s.Version, known)
}

// checkTier only warns: a traffic manager may know a tier that the project
// does not.
func (a *app) checkTier(flag, name string, tiers []spec.Tier) {
	var known []string
	for _, t := range tiers {
		known = append(known, t.Name)
		if t.Name == name {
			return
		}
	}
	if name != "" && name != spec.TierUnlimited {
		a.doubt(fmt.Sprintf("%s: policies.yaml has no such tier %q in its list", flag, name), name, known)
	}
}

func (a *app) doubt(text, word string, known []string) {
	if hint := diag.DidYouMean(word, known); hint != "" {
		text += "; " + hint
	}
	a.err.warning("warning: " + text)
}
