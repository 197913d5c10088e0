// Package launch is the launcher: it finds a gateway executable and its
// configuration and runs it, in the foreground or in the background.
//
// A command line comes in; an exit code goes out. In the foreground the
// launcher becomes the gateway: the executable takes over the process, so that
// signals, streams, exit code and process id need no passing on. In the
// background the gateway gets a session of its own, a pid file and a log next
// to the executable; the pid file is locked as long as the gateway lives.
//
// The launcher never reads the configuration and knows no flag of the gateway
// but --config.
package launch

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"mgw/runtime/startup"
)

// Exit codes of the launcher itself. In the foreground the gateway's own come
// instead.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3 // of status, as service managers have it (LSB)
)

const usage = `Usage: gateway PATH [flags]
       gateway start|stop|restart|reload|status PATH [flags]
       gateway version

Runs a gateway that mgw build made. PATH is the executable; where target/NAME
is not there, NAME/target/NAME is taken.

Commands:
  start     run in the background; returns when the gateway serves. The process
            id goes to PATH.pid, what it prints to PATH.log
  stop      end the gateway in the background, requests under way first
  restart   stop, then start with the flags given; the one that runs goes on when
            the configuration is of no use
  reload    have it read its configuration anew, without a request lost; a broken
            one is shown, and the one before stays
  status    tell whether it runs; exit code 3 when it does not
  version   print the launcher's version
  help      print this text

Configuration, the first that is there:
  --config PATH             the file, or the folder of micro-gw.conf
  MGW_CONF_DIR              folder of micro-gw.conf
  $MGW_RUNTIME_HOME/conf    the same
  conf beside target        of the project that the executable lies in
  built-in defaults

All other flags go to the gateway: gateway PATH --help lists them.

Examples:
  gateway target/petstore
  gateway petstore/target/petstore --set listenerConfig.httpPort=8090
  gateway start target/petstore --config /etc/mgw
  gateway stop target/petstore
`

var verbs = []string{"start", "stop", "restart", "reload", "status", "version", "help"}

// call is a command line, understood.
type call struct {
	verb  string // "" runs in the foreground
	path  string
	flags []string // for the gateway
}

// parse understands a command line. Verbs may have leading dashes, as the
// original's (contract 1.8).
func parse(args []string) (call, error) {
	if len(args) == 0 {
		return call{}, fmt.Errorf("the path of a gateway is missing")
	}
	first := args[0]
	word := strings.TrimPrefix(strings.TrimPrefix(first, "-"), "-")
	if first == "-h" {
		word = "help"
	}
	if !slices.Contains(verbs, word) {
		if strings.HasPrefix(first, "-") {
			return call{}, fmt.Errorf("unknown command %q: the path of the gateway comes before its flags", first)
		}
		return call{path: first, flags: args[1:]}, nil
	}
	if word == "version" || word == "help" {
		return call{verb: word}, nil
	}
	if len(args) == 1 || strings.HasPrefix(args[1], "-") {
		return call{}, fmt.Errorf("%s needs the path of a gateway", word)
	}
	return call{verb: word, path: args[1], flags: args[2:]}, nil
}

// Main does what the arguments say and gives the exit code. Cancelling the
// context ends the waiting of start and stop.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "Error: %v\n\n%s", err, usage)
		return exitUsage
	}
	switch c.verb {
	case "help":
		fmt.Fprint(stdout, usage)
		return exitOK
	case "version":
		fmt.Fprintf(stdout, "gateway %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return exitOK
	}
	target, instead, err := locate(c.path)
	if err != nil {
		fmt.Fprintf(stderr, "Error: %v\n", err)
		return exitUsage
	}
	if instead != "" {
		fmt.Fprintf(stderr, "%s is not there: using %s\n", c.path, instead)
	}
	b := background{target: target, stdout: stdout, stderr: stderr, startBound: startBound, stopBound: stopBound}
	switch c.verb {
	case "stop":
		return b.stop(ctx)
	case "reload":
		return b.reload(ctx)
	case "status":
		return b.status()
	}
	return run(ctx, c, b)
}

// run starts the gateway, with the configuration that was found.
func run(ctx context.Context, c call, b background) int {
	if err := runnable(b.target); err != nil {
		fmt.Fprintf(b.stderr, "Error: %v\n", err)
		return exitUsage
	}
	flags, err := withConfig(b.target, c.flags)
	if err != nil {
		fmt.Fprintf(b.stderr, "Error: %v\n", err)
		return exitFailed
	}
	switch c.verb {
	case "start":
		return b.start(ctx, flags)
	case "restart":
		return b.restart(ctx, flags)
	}
	code, err := become(b.target, flags)
	if err != nil {
		fmt.Fprintf(b.stderr, "Error: starting %s: %v\n", b.target, err)
		return exitFailed
	}
	return code
}

// withConfig puts the configuration that was found before the flags. One that
// the flags name stays as it is, but must be there.
func withConfig(target string, flags []string) ([]string, error) {
	given := configFlag(flags)
	file, err := startup.Search{Flag: given, Getenv: os.Getenv, Executable: target}.Find()
	if err != nil || file == "" || given != "" {
		return flags, err
	}
	return append([]string{"--config", file}, flags...), nil
}

// configFlag gives the value of --config, the last one counting.
func configFlag(flags []string) string {
	value := ""
	for i, flag := range flags {
		if v, ok := strings.CutPrefix(flag, "--config="); ok {
			value = v
		} else if flag == "--config" && i+1 < len(flags) {
			value = flags[i+1]
		}
	}
	return value
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "(unknown)"
}
