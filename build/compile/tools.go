package compile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// download is where a user without Go is sent.
const download = "https://go.dev/dl"

// settings are the user's choices that reach the compiler: where modules come
// from and where caches lie. They change what is fetched, never what is built.
var settings = []string{
	"GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH",
	"GOCACHE", "GOMODCACHE",
}

// tools is a go command that is new enough.
type tools struct {
	command string
	env     []string
}

// findTools finds the go command and asks it for the user's settings.
func findTools(ctx context.Context, command, least string) (*tools, error) {
	needs := "mgw builds gateways with Go " + least + " or newer (" + download + ")"
	if command == "" {
		command = "go"
	}
	path, err := exec.LookPath(command)
	if err != nil {
		return nil, fmt.Errorf("%w: there is no %q in PATH; %s", ErrToolchain, command, needs)
	}
	values, err := goEnv(ctx, path)
	if err != nil {
		return nil, err
	}
	if have, _, _ := strings.Cut(values["GOVERSION"], " "); version.IsValid(have) && version.Compare(have, "go"+least) < 0 {
		return nil, fmt.Errorf("%w: %s is %s; %s", ErrToolchain, path, have, needs)
	}
	env := withoutGo(os.Environ())
	for _, name := range settings {
		if value := values[name]; value != "" {
			env = append(env, name+"="+value)
		}
	}
	return &tools{path, env}, nil
}

// goEnv reads what the user has set, in the environment or by go env -w. The
// folder is one without go.mod: a module there that asks for a newer Go would
// make the command fail.
func goEnv(ctx context.Context, command string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, command, append([]string{"env", "-json", "GOVERSION"}, settings...)...)
	cmd.Dir = os.TempDir()
	cmd.Env = append(withoutGo(os.Environ()), "GOWORK=off", "GOTOOLCHAIN=local")
	for _, name := range append([]string{"GOENV", "GOPATH"}, settings...) {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	asGroup(cmd)
	cmd.WaitDelay = killDelay
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	values := map[string]string{}
	if err == nil {
		err = json.Unmarshal(out, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s env: %w%s", ErrToolchain, command, err, indented(stderr.String()))
	}
	return values, nil
}

// withoutGo drops the variables that steer the go command: what is left of
// them would make two machines build two different executables.
func withoutGo(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "GO") && !strings.HasPrefix(entry, "CGO_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// killDelay bounds the wait for the pipes of a compiler that was killed.
const killDelay = 5 * time.Second

// build runs the compiler. Symbol table and debugging information are left out
// (-s -w): a third of the size; stack traces do not need them.
func (t *tools) build(ctx context.Context, w *workspace, o Options) error {
	cmd := exec.CommandContext(ctx, t.command, "build", "-v", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w", "-o", w.executable(), ".")
	cmd.Dir = w.gen
	cmd.Env = append(t.env, "GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local", "CGO_ENABLED=0",
		"GOWORK="+filepath.Join(w.gen, "go.work"),
		// A compiler that is killed leaves its files here, and they go with the
		// work space.
		"GOTMPDIR="+w.temp)
	if o.GOOS != "" {
		cmd.Env = append(cmd.Env, "GOOS="+o.GOOS)
	}
	if o.GOARCH != "" {
		cmd.Env = append(cmd.Env, "GOARCH="+o.GOARCH)
	}
	asGroup(cmd)
	cmd.WaitDelay = killDelay
	said := &messages{progress: o.Progress}
	cmd.Stdout, cmd.Stderr = said, said
	err := cmd.Run()
	said.flush()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("compiling: %w", ctx.Err())
	case sourceError(o.User, said.trouble) != nil:
		return sourceError(o.User, said.trouble)
	case len(said.trouble) > 0:
		return fmt.Errorf("%w:%s", ErrToolchain, indented(strings.Join(said.trouble, "\n")))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: go build: %w", ErrToolchain, err)
	}
	return fmt.Errorf("%w: %w", ErrToolchain, err)
}

// indented gives a program's output as it stands below a line of ours.
func indented(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return "\n    " + strings.ReplaceAll(text, "\n", "\n    ")
}
