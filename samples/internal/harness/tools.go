package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tools are the project's programs, built.
type Tools struct {
	Dir string // where the binaries lie
}

// BuildTools compiles the named commands of the module into a folder, with the
// flags that `make build` uses.
func BuildTools(ctx context.Context, dir string, packages ...string) (Tools, error) {
	root, err := Root()
	if err != nil {
		return Tools{}, err
	}
	for _, pkg := range packages {
		target := filepath.Join(dir, filepath.Base(pkg))
		if _, err := Run(ctx, root, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-o", target, pkg); err != nil {
			return Tools{}, err
		}
	}
	return Tools{dir}, nil
}

// Path gives a program's path.
func (t Tools) Path(name string) string { return filepath.Join(t.Dir, name) }

// Root finds the module's folder from any folder below it.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(data), "module mgw\n") {
			return dir, nil
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", fmt.Errorf("no module mgw above the working folder")
	}
}

// Run runs a program to its end and gives what it printed.
func Run(ctx context.Context, dir string, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}
