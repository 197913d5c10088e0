package cli

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mgw": func() {
			os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs one script for each behaviour; a script tells exit codes 1
// and 2 apart with `code`.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup:              setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   exitCode,
			"serve":  serve,
			"claims": showClaims,
		},
	})
}

// setup lets scripts compile with this machine's caches. $MGW_BIN is the
// folder that mgw is in, and nothing else.
func setup(env *testscript.Env) error {
	bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
	env.Setenv("MGW_BIN", bin)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return err
		}
		env.Setenv(name, strings.TrimSpace(string(value)))
	}
	return nil
}
