package cli

import (
	"strings"
	"testing"
	"time"
)

func TestProgressOffATerminalSpeaksNowAndThen(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &progress{printer: printer{Writer: &out}, now: func() time.Time { return now }}
	p.step("read project", 20*time.Millisecond)
	for range 25 {
		p.detail("some/package")
		now = now.Add(time.Second)
	}
	p.step("compile", 25*time.Second)
	p.end()
	want := "read project  0.0s\ncompiling, 11 so far: some/package\ncompiling, 21 so far: some/package\ncompile  25.0s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestProgressOnATerminalKeepsOneLine(t *testing.T) {
	var out strings.Builder
	p := &progress{printer: printer{Writer: &out, terminal: true}, now: time.Now}
	p.detail("a")
	p.detail(strings.Repeat("long/", 20) + "package")
	p.step("compile", time.Second)
	lines := strings.Split(out.String(), "\r\x1b[K")
	if len(lines) != 3 || lines[0] != "compiling, 1 so far: a" || lines[2] != "compile  1.0s\n" {
		t.Fatalf("%q", lines)
	}
	if len(lines[1]) > 78 || !strings.HasSuffix(lines[1], "/package") {
		t.Errorf("%q", lines[1])
	}
	out.Reset()
	p.detail("a")
	p.end()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("left %q", out.String())
	}
}

func TestColourFollowsTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		env  string
		want bool
	}{
		{"", false},
		{"CLICOLOR_FORCE=1", true},
		{"CLICOLOR_FORCE=0", false},
		{"CLICOLOR_FORCE=1 NO_COLOR=1", false},
	} {
		env := func(name string) string {
			for kv := range strings.FieldsSeq(tc.env) {
				if v, ok := strings.CutPrefix(kv, name+"="); ok {
					return v
				}
			}
			return ""
		}
		if got := newPrinter(&strings.Builder{}, env).colour; got != tc.want {
			t.Errorf("%q: %v", tc.env, got)
		}
	}
}
