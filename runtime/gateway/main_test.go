package gateway

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

// runProgram runs a gateway executable's main in this process.
func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	content, err := spec.Encode(served("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	p := program{content: content, name: "pets", stdout: &out, stderr: &errs}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // whoever serves stops at once
	code = p.run(ctx, args)
	return code, out.String(), errs.String()
}

func TestTheExecutablesFlags(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "micro-gw.conf")
	if err := os.WriteFile(conf, []byte("[listenerConfig]\nhttpPort = 0\nhtpsPort = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loopback := []string{"--set", "listenerConfig.host=127.0.0.1", "--listenerConfig.httpPort=0", "--set=listenerConfig.httpsPort=0"}
	for name, tc := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"help":                   {[]string{"--help"}, 0, "Usage: pets [flags]", ""},
		"version":                {[]string{"--version"}, 0, "Pets 1 at /pets, 3 operations", ""},
		"unknown flag":           {[]string{"--nothing"}, 2, "", `unknown argument "--nothing"`},
		"no value":               {[]string{"--config"}, 2, "", "--config needs a value"},
		"broken override":        {[]string{"--set", "x"}, 2, "", "KEY=VALUE"},
		"unknown key":            {[]string{"--listenerConfig.htpPort=1"}, 1, "", "htpPort"},
		"missing configuration":  {[]string{"--config", "/nowhere/micro-gw.conf"}, 1, "", "/nowhere/micro-gw.conf"},
		"mistake with its place": {[]string{"--config", conf, "--check-config"}, 1, "", "micro-gw.conf:3:1: "},
		"valid":                  {append([]string{"--check-config"}, loopback...), 0, "The configuration is valid.", ""},
		"serves and stops":       {loopback, 0, "", "HTTP listener is active on port "},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runProgram(t, tc.args...)
			if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("code %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
}

func TestContentOfAnotherFormatIsRefused(t *testing.T) {
	var errs bytes.Buffer
	p := program{content: []byte(`{"format":99,"project":"x","apis":[],"endpoints":[],"policies":{}}`), name: "pets", stdout: &errs, stderr: &errs}
	if code := p.run(t.Context(), nil); code != 1 || !strings.Contains(errs.String(), "format 99") {
		t.Errorf("code %d: %s", code, errs.String())
	}
}
