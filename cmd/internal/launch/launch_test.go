package launch

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommandLinesAreUnderstood(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string // verb path flags, or the error
	}{
		{"target/petstore", " target/petstore []"},
		{"target/petstore --a=b start", " target/petstore [--a=b start]"},
		{"start x", "start x []"},
		{"--start x -y", "start x [-y]"},
		{"-stop x", "stop x []"},
		{"version", "version  []"},
		{"--version", "version  []"},
		{"-h", "help  []"},
		{"--help", "help  []"},
		{"./start", " ./start []"},
		{"", "the path of a gateway is missing"},
		{"stop", "stop needs the path of a gateway"},
		{"restart --config x", "restart needs the path of a gateway"},
		{"--config x target/petstore", `unknown command "--config": the path of the gateway comes before its flags`},
	} {
		c, err := parse(strings.Fields(tc.args))
		got := fmt.Sprintf("%s %s %s", c.verb, c.path, c.flags)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.args, got, tc.want)
		}
	}
}

func TestTheLastConfigFlagCounts(t *testing.T) {
	for args, want := range map[string]string{
		"":                           "",
		"--config x":                 "x",
		"--config=x":                 "x",
		"--config x --config=y":      "y",
		"--config":                   "",
		"--configuration x --set a=": "",
	} {
		if got := configFlag(strings.Fields(args)); got != want {
			t.Errorf("%q: %q", args, got)
		}
	}
}
