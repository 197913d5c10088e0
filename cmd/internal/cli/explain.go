package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mgw/runtime/gateway"
	"mgw/runtime/spec"
)

type explainFlags struct {
	token   string
	ip      string
	headers []string
	gateway string
	admin   string // file with the admin listener's token
	format  string
}

func (a *app) explainCommand() *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain NAME METHOD PATH",
		Short: "Say what would happen to a request: its route, its caller and each limit",
		Long: `Says where a request would go, as whom its token would be taken, and which limits
it would be charged to, in their order and with their keys. Nothing is charged.

Without --gateway it answers from the project alone, and nobody knows what the
counters say. With --gateway it asks the admin listener of a running gateway
([adminConfig] in conf/micro-gw.conf).`,
		Example: `  mgw explain petstore GET /petstore/v1/pet/1
  mgw explain petstore GET /petstore/v1/user/kim --token "$(mgw token petstore)"
  mgw explain petstore GET /petstore/v1/pet/1 --ip 10.0.0.7 --gateway http://127.0.0.1:9091`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return errors.New("explain takes a project, a method and a path, for example: mgw explain petstore GET /petstore/v1/pet/1")
			}
			return nil
		},
		ValidArgsFunction: completeProjects,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.explain(cmd.Context(), args[0], args[1], args[2], flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.token, "token", "", "access token of the caller")
	f.StringVar(&flags.ip, "ip", "", "address of the caller")
	f.StringArrayVarP(&flags.headers, "header", "H", nil, "a header field, `NAME: VALUE`, for limits with conditions; may be repeated")
	f.StringVar(&flags.gateway, "gateway", "", "`URL` of a running gateway's admin listener")
	f.StringVar(&flags.admin, "admin-token-file", "", "`file` with the admin listener's token (default: conf/admin.token of the project)")
	f.StringVar(&flags.format, "format", formatText, "how to print the result: text or json")
	complete(cmd, "format", formatText, formatJSON)
	return cmd
}

func (a *app) explain(ctx context.Context, name, method, path string, flags explainFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	dir, err := openProject(name)
	if err != nil {
		return err
	}
	q, err := flags.question(method, path)
	if err != nil {
		return err
	}
	var e gateway.Explanation
	if flags.gateway != "" {
		e, err = askGateway(ctx, dir, flags, q)
	} else {
		e, err = a.explainProject(ctx, dir, q)
	}
	if err != nil {
		return err
	}
	if flags.format == formatJSON {
		return a.out.json(e)
	}
	return toolErrorOrNil(a.explanation(e, flags.gateway != ""))
}

func (f explainFlags) question(method, path string) (gateway.Question, error) {
	q := gateway.Question{Method: method, Path: path, Token: f.token, IP: f.ip, Fields: map[string]string{}}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return q, fmt.Errorf("header %q is not written NAME: VALUE", h)
		}
		q.Fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return q, nil
}

func askGateway(ctx context.Context, dir string, flags explainFlags, q gateway.Question) (gateway.Explanation, error) {
	file := flags.admin
	if file == "" {
		file = filepath.Join(dir, "conf", "admin.token")
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return gateway.Explanation{}, filesError(fmt.Errorf("the admin token: %w", err))
	}
	e, err := gateway.Ask(ctx, flags.gateway, strings.TrimSpace(string(token)), q)
	if err != nil {
		return e, filesError(err)
	}
	return e, nil
}

func (a *app) explainProject(ctx context.Context, dir string, q gateway.Question) (gateway.Explanation, error) {
	served, err := a.load(ctx, dir)
	if err != nil {
		return gateway.Explanation{}, err
	}
	conf := filepath.Join(dir, "conf", "micro-gw.conf")
	if _, err := os.Stat(conf); errors.Is(err, os.ErrNotExist) {
		conf = ""
	}
	e, problems, err := gateway.ExplainUnstarted(ctx, served, conf, q)
	if problems.Errors() > 0 {
		err = problems.Err()
	}
	if err != nil {
		return e, filesError(err)
	}
	return e, nil
}

// explanation prints the answer: a fact a line, then the limits.
func (a *app) explanation(e gateway.Explanation, live bool) error {
	facts := [][2]string{{"route", e.Outcome}}
	if e.API != "" {
		facts = [][2]string{{"api", e.API}, {"operation", e.Operation}}
	}
	if len(e.Backend) > 0 {
		facts = append(facts, [2]string{"backend", strings.Join(e.Backend, ", ")})
	}
	if c := e.Caller; c != nil {
		facts = append(facts,
			[2]string{"caller", strings.TrimSpace(c.Kind + " " + c.Subject)},
			[2]string{"application", strings.TrimSpace(c.Application + " " + c.ApplicationTier)},
			[2]string{"subscription", c.SubscriptionTier})
	}
	if e.Fault != nil {
		facts = append(facts, [2]string{"refused", strings.TrimSpace(fmt.Sprintf("code %d %s", e.Fault.Code, e.Fault.Description))})
	}
	for _, f := range facts {
		if _, err := fmt.Fprintf(a.out, "%-13s %s\n", f[0]+":", cells([]string{f[1]})[0]); err != nil {
			return err
		}
	}
	if err := a.limits(e, live); err != nil {
		return err
	}
	return a.backendLimits(e, live)
}

func (a *app) limits(e gateway.Explanation, live bool) error {
	if len(e.Limits) == 0 {
		return nil
	}
	rows := make([][]string, len(e.Limits))
	for i, l := range e.Limits {
		left := "unknown"
		if live {
			left = fmt.Sprintf("%d, renewed in %v", l.Remaining, l.Reset.Round(time.Second))
		}
		text := fmt.Sprint(l.Count, " at once")
		if l.Window > 0 {
			text = limitText(spec.Quota{Count: l.Count, Window: l.Window, Bytes: l.Bytes, Algorithm: spec.Algorithm(l.Algorithm)})
		}
		rows[i] = []string{l.Level, l.Tier, text, l.Key, left}
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	return a.out.table([]string{"LEVEL", "TIER", "LIMIT", "KEY", "LEFT"}, rows)
}

// backendLimits prints what bounds the calls of the backend, and of a running
// gateway how it stands there.
func (a *app) backendLimits(e gateway.Explanation, live bool) error {
	if len(e.BackendLimits) == 0 {
		return nil
	}
	names := []string{"BACKEND LIMIT", "SHAPE", "KEY"}
	if live {
		names = append(names, "GRANTED", "TAKEN", "IN HAND", "RETURNED", "STRANDED", "SHARE", "CALLS", "FAILED", "GATEWAYS")
	}
	var rows [][]string
	for _, l := range e.BackendLimits {
		row := []string{limitText(spec.Quota{Count: l.Count, Window: l.Window}), l.Shape, l.Key}
		if live {
			for _, n := range []int64{l.Granted, l.Taken, l.InHand, l.Returned, l.Stranded, l.Share, l.Calls, l.Failures, l.Nodes} {
				row = append(row, strconv.FormatInt(n, 10))
			}
		}
		rows = append(rows, row)
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	return a.out.table(names, rows)
}
