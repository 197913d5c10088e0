package compile

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeGo writes a go command of a few lines of shell.
func fakeGo(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWithoutAUsableGoOneLineSaysWhatIsNeeded(t *testing.T) {
	for name, tc := range map[string]struct{ command, want string }{
		"missing": {filepath.Join(t.TempDir(), "go"), "Go 1.26.0 or newer (https://go.dev/dl)"},
		"old":     {fakeGo(t, `echo '{"GOVERSION":"go1.22.3"}'`), "is go1.22.3; mgw builds gateways with Go 1.26.0 or newer"},
		"mute":    {fakeGo(t, `exit 3`), "exit status 3"},
		"garbled": {fakeGo(t, `echo hello`), "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := project(t, dir, "petstore")
			o.Go = tc.command
			err := Compile(t.Context(), o)
			if !errors.Is(err, ErrToolchain) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "target")); err == nil {
				t.Error("target was made")
			}
		})
	}
}

func TestTheCompilerGetsAPlainEnvironmentAndTheUsersProxy(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	o := project(t, t.TempDir(), "petstore")
	o.Go = fakeGo(t, `if [ "$1" = env ]; then
	echo '{"GOVERSION":"go1.99 X:y","GOPROXY":"https://proxy.example","GONOSUMDB":"a.example","GOCACHE":"/cache"}'
else
	{ echo "$@"; env; } >`+record+`
	while [ "$1" != -o ]; do shift; done
	: >"$2"
fi`)
	o.GOOS, o.GOARCH = "plan9", "arm"
	t.Setenv("GOFLAGS", "-x")
	t.Setenv("HTTPS_PROXY", "http://tunnel.example")
	if err := Compile(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	said := "\n" + string(data)
	for _, want := range []string{
		"build -v -trimpath -buildvcs=false -ldflags -s -w -o ", "GOENV=off\n", "GOFLAGS=\n", "GOTOOLCHAIN=local\n", "CGO_ENABLED=0\n",
		"GOPROXY=https://proxy.example\n", "GONOSUMDB=a.example\n", "GOCACHE=/cache\n", "GOOS=plan9\n", "GOARCH=arm\n", "HTTPS_PROXY=http://tunnel.example\n",
	} {
		if !strings.Contains(said, "\n"+want) {
			t.Errorf("lacks %q in\n%s", want, said)
		}
	}
}

func TestCancellationEndsTheCompilersToo(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	dir := t.TempDir()
	o := project(t, dir, "petstore")
	o.Go = fakeGo(t, `if [ "$1" = env ]; then echo '{"GOVERSION":"go1.99"}'; exit; fi
sleep 1000 &
echo $! >`+started+`.tmp
mv `+started+`.tmp `+started+`
wait`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		await(t, func() bool { _, err := os.Stat(started); return err == nil })
	}()
	if err := Compile(ctx, o); !errors.Is(err, context.Canceled) || errors.Is(err, ErrToolchain) {
		t.Errorf("error %v", err)
	}
	data, err := os.ReadFile(started)
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(data))
	await(t, func() bool { return !running(pid) })
	if got := entries(t, filepath.Join(dir, "target")); got != "" {
		t.Errorf("target holds %q", got)
	}
}

// running tells whether a process lives; one that only waits to be collected
// does not.
func running(pid string) bool {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	state := strings.TrimSpace(string(out))
	return state != "" && !strings.HasPrefix(state, "Z")
}

// await waits for a condition, within a bound.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("waited in vain")
			return
		}
	}
}
