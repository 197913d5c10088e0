package trafficmanager

import (
	"fmt"
	"strings"

	"mgw/runtime/config"
)

const usage = `Usage: trafficmanager [flags]

Counts the requests of a cluster of gateways by the tiers of policies.yaml and
tells all of them which keys have spent their limit.

Flags:
  --config FILE       configuration (default: built-in values)
  --policies FILE     policies.yaml, or a WS-Policy document; may be repeated
                      (default: policies.yaml)
  --set KEY=VALUE     override a key of the configuration; may be repeated
  --check-config      read configuration and policies, report every problem, end
  --print-config      print a configuration with all keys and their defaults, end
  --version           print the version
  --help              print this text

Examples:
  trafficmanager --print-config > traffic-manager.conf
  trafficmanager --config traffic-manager.conf --policies petstore/policies.yaml
  trafficmanager --set listener.port=9444 --set store.folder=/var/lib/traffic-manager

SIGTERM and SIGINT end it gracefully, a second one at once.
`

// arguments is the command line.
type arguments struct {
	config      string
	policies    []string
	overrides   []config.Override
	checkConfig bool
	printConfig bool
	version     bool
	help        bool
}

func parseArguments(args []string) (arguments, error) {
	var a arguments
	flags := map[string]*bool{
		"--check-config": &a.checkConfig, "--print-config": &a.printConfig, "--version": &a.version,
		"--help": &a.help, "-h": &a.help,
	}
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		if flag := flags[name]; flag != nil && !inline {
			*flag = true
			continue
		}
		if name != "--config" && name != "--policies" && name != "--set" {
			return a, fmt.Errorf("unknown argument %s", args[i])
		}
		if !inline {
			if i++; i == len(args) {
				return a, fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		if err := a.valued(name, value); err != nil {
			return a, err
		}
	}
	if len(a.policies) == 0 {
		a.policies = []string{"policies.yaml"}
	}
	return a, nil
}

// valued takes a flag that has a value.
func (a *arguments) valued(name, value string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s needs a value", name)
	case name == "--config":
		a.config = value
	case name == "--policies":
		a.policies = append(a.policies, value)
	default:
		o, err := config.ParseOverride(value)
		if err != nil {
			return fmt.Errorf("--set: %w", err)
		}
		a.overrides = append(a.overrides, o)
	}
	return nil
}
