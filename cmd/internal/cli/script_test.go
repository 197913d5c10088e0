package cli

import (
	"context"
	"encoding/json"
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
	settings := compilerSettings(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			for name, value := range settings {
				env.Setenv(name, value)
			}
			// The folder that mgw is in, and nothing else.
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("MGW_BIN", bin)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   exitCode,
			"serve":  serve,
			"claims": showClaims,
		},
	})
}

// compilerSettings are this machine's caches and proxy, with which scripts
// compile.
func compilerSettings(t *testing.T) map[string]string {
	t.Helper()
	text, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	return settings
}
