package trafficmanager

import (
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"io"
	"log/slog"
	"os"

	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/telemetry"
	"mgw/runtime/policy"
	"mgw/runtime/spec"
	"mgw/runtime/startup"
)

// sample is a configuration with all keys.
//
//go:embed sample.conf
var sample string

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // the configuration, or something it names
	exitUsage   = 2
)

// Program is the command trafficmanager with what it needs of the system.
type Program struct {
	Environ        []string
	Stdout, Stderr io.Writer
}

// Run does what the arguments ask for and gives the exit code. The manager
// serves until ctx ends.
func (p Program) Run(ctx context.Context, args []string) int {
	a, err := parseArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(p.Stderr, "trafficmanager: %v\nRun 'trafficmanager --help' for usage.\n", err)
		return exitUsage
	case a.help:
		fmt.Fprint(p.Stdout, usage)
		return exitOK
	case a.version:
		fmt.Fprintln(p.Stdout, "trafficmanager", spec.Version)
		return exitOK
	case a.printConfig:
		fmt.Fprint(p.Stdout, sample)
		return exitOK
	}
	c, policies, ok := p.load(a)
	switch {
	case !ok:
		return exitFailure
	case a.checkConfig:
		return p.check(c, policies)
	}
	if err := p.serve(ctx, c, policies); err != nil {
		fmt.Fprintln(p.Stderr, "trafficmanager:", err)
		return exitFailure
	}
	return exitOK
}

// load reads the configuration and the policies, and prints every problem of
// both.
func (p Program) load(a arguments) (*config.TrafficManager, spec.Policies, bool) {
	source := config.Source{File: a.config, Overrides: a.overrides, Environ: p.Environ}
	var problems diag.List
	var err error
	if a.config != "" {
		if source.Data, err = os.ReadFile(a.config); err != nil {
			problems.Errorf("", 0, 0, "the configuration cannot be read: %v", err)
		}
	}
	c, list := config.LoadTrafficManager(source)
	problems = append(problems, list...)
	var files []policy.File
	for _, name := range a.policies {
		data, err := os.ReadFile(name)
		if err != nil {
			problems.Add(diag.Problem{
				Msg: "the policies cannot be read: " + err.Error(), Hint: "name the project's policies.yaml by --policies",
			})
			continue
		}
		files = append(files, policy.File{Name: name, Data: data})
	}
	policies, list := policy.Parse(files)
	problems = append(problems, list...)
	if err := diag.Write(p.Stderr, problems, os.ReadFile); err != nil {
		return c, policies, false
	}
	return c, policies, problems.Errors() == 0
}

// check looks at what a start would look at, and makes nothing.
func (p Program) check(c *config.TrafficManager, policies spec.Policies) int {
	if err := check(c, policies); err != nil {
		fmt.Fprintln(p.Stderr, "trafficmanager:", err)
		return exitFailure
	}
	fmt.Fprintln(p.Stdout, "The configuration is valid.")
	return exitOK
}

func check(c *config.TrafficManager, policies spec.Policies) error {
	if _, err := compile(policies, limit.New(limit.Budget{})); err != nil {
		return err
	}
	if l := &c.Listener; l.CertificateFile != "" {
		if _, err := tls.LoadX509KeyPair(l.CertificateFile, l.PrivateKeyFile); err != nil {
			return fmt.Errorf("listener.certificateFile: %w", err)
		}
	}
	if file := c.Store.Redis.CertificateFile; file != "" {
		if _, err := trusting(file); err != nil {
			return fmt.Errorf("store.redis.certificateFile: %w", err)
		}
	}
	if !c.Broker.Enabled {
		return nil
	}
	_, err := brokerOptions(&c.Broker, slog.New(slog.DiscardHandler))
	return err
}

func (p Program) serve(ctx context.Context, c *config.TrafficManager, policies spec.Policies) error {
	log, err := telemetry.NewLogger(p.Stderr, c.Log.Level, c.Log.Format)
	if err != nil {
		return err
	}
	m, err := New(Options{Config: c, Policies: policies, Log: log})
	if err != nil {
		return err
	}
	log.Info("the traffic manager serves", "address", "https://"+m.Address().String(), "broker", c.Broker.Enabled, "store", c.Store.Type,
		"applicationTiers", len(policies.Application), "subscriptionTiers", len(policies.Subscription),
		"resourceTiers", len(policies.Resource), "customPolicies", len(policies.Custom))
	log.Info("limits by address, bursts and concurrency are not counted here: each gateway holds its own")
	if file := m.CertificateFile(); file != "" {
		log.Info("gateways have to trust the manager's own certificate", "certificateFile", file)
	}
	if err := startup.Ready(); err != nil {
		log.Warn(err.Error())
	}
	return m.Run(ctx)
}
