package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const readme = "Text\n\n" +
	"```console\n$ A=1\n$ echo $A \\\n    two\n1 two\n$ sleep 1 &\n```\n\n" +
	"```toml\n$ not a command\n```\n\n" +
	"```console\n$ echo one; echo two; echo three\none\n...\nthree\n```\n"

func TestCommandsOfAReadmeRunInOneShell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte(readme), 0o600); err != nil {
		t.Fatal(err)
	}
	steps, err := ReadSteps(file)
	if err != nil || len(steps) != 4 {
		t.Fatalf("%v, %d steps", err, len(steps))
	}
	shell, err := Tools{Dir: t.TempDir()}.NewShell(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if s.Background() {
			continue
		}
		out, err := shell.Run(s.Command)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(out); err != nil {
			t.Error(err)
		}
	}
	if err := shell.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutputThatDiffersIsFound(t *testing.T) {
	for _, tc := range []struct {
		want, printed string
		fits          bool
	}{
		{"one\n", "\none\n\n", true},
		{"a...d", "abcd", true},
		{"", "something", false},
		{"one", "one\ntwo", false},
		{"one\n...\n", "one\ntwo\n", true},
		{"a.c", "abc", false},
	} {
		if err := (Step{Want: tc.want}).Check(tc.printed); (err == nil) != tc.fits {
			t.Errorf("%q and %q: %v", tc.want, tc.printed, err)
		}
	}
}

func TestReadmeThatCannotBeRunIsRefused(t *testing.T) {
	for name, text := range map[string]string{"no end": "```console\n$ ls\n", "no command": "```console\noutput\n```\n"} {
		file := filepath.Join(t.TempDir(), "README.md")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSteps(file); err == nil || !strings.Contains(err.Error(), "README.md") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitsOnlyForAWindowThatEndsSoon(t *testing.T) {
	at := time.Date(2030, 1, 1, 10, 59, 30, 0, time.UTC)
	if wait := UntilWindow(at, time.Hour, time.Minute); wait != 30*time.Second {
		t.Error(wait)
	}
	if wait := UntilWindow(at, time.Hour, 10*time.Second); wait != 0 {
		t.Error(wait)
	}
}
