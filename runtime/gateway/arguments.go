package gateway

import (
	"fmt"
	"strings"

	"mgw/runtime/config"
)

const usage = `Usage: %s [flags]

Runs the gateway that this executable holds.

Flags:
  --config PATH       configuration: micro-gw.conf or the folder it lies in
                      (else MGW_CONF_DIR, $MGW_RUNTIME_HOME/conf, the project's
                      conf folder beside target, built-in defaults)
  --set KEY=VALUE     override a key of the configuration; may be repeated
  --KEY=VALUE         the same, for example --listenerConfig.httpPort=8090
  --check-config      read the configuration, report every problem, and end
  --version           print what was built, with the digest of its content
  --help              print this text

A key can also come from the environment, with "_" in place of ".":
listenerConfig_httpPort=8090.

Examples:
  %[1]s --check-config
  %[1]s --set listenerConfig.httpPort=8090 --petstore_prod_endpoint_0=http://127.0.0.1:8080
`

// arguments is the command line of a gateway executable.
type arguments struct {
	config      string
	overrides   []config.Override
	checkConfig bool
	version     bool
	help        bool
}

func parseArguments(args []string) (arguments, error) {
	var a arguments
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		switch name {
		case "--config", "--set":
			if !inline {
				if i++; i == len(args) {
					return a, fmt.Errorf("%s needs a value", name)
				}
				value = args[i]
			}
			if name == "--config" {
				a.config = value
				continue
			}
			o, err := config.ParseOverride(value)
			if err != nil {
				return a, fmt.Errorf("--set: %w", err)
			}
			a.overrides = append(a.overrides, o)
		case "--check-config":
			a.checkConfig = true
		case "--version":
			a.version = true
		case "--help", "-h":
			a.help = true
		default:
			if !inline || !strings.HasPrefix(name, "--") {
				return a, fmt.Errorf("unknown argument %q", args[i])
			}
			o, err := config.ParseOverride(args[i])
			if err != nil {
				return a, err
			}
			a.overrides = append(a.overrides, o)
		}
	}
	return a, nil
}
