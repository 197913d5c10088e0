package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mgw/samples/internal/harness"
)

// trial is one definition on its way through the tools.
type trial struct {
	definition
	tools   harness.Tools
	dir     string // where its project is
	file    string
	backend string
}

// result is a line of the table.
type result struct {
	definition
	size       int64
	operations int
	warnings   int
	read       usage // mgw build --dry-run: reading and planning
	build      usage // mgw build
	start      usage
	checked    int // operations that requests were sent for
}

type usage struct {
	took time.Duration
	cpu  time.Duration
	peak int64 // bytes
}

// own is what limits hold for: where other programs keep the machine busy, the
// clock says less than the processor's time.
func (u usage) own() time.Duration { return min(u.took, u.cpu) }

// plan is what `mgw build --dry-run --format json` prints.
type plan struct {
	Problems []struct{ Severity string } `json:"problems"`
	Routes   []route                     `json:"routes"`
}

type route struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

// policies let as many requests through as there are operations.
const policies = `resourcePolicies: []
subscriptionPolicies:
  - Unauthenticated: {count: 1000000, unitTime: 1, timeUnit: min}
  - Default: {count: 1000000, unitTime: 1, timeUnit: min}
`

func (t trial) run(ctx context.Context) (r result, err error) {
	r.definition = t.definition
	info, err := os.Stat(t.file)
	if err != nil {
		return r, err
	}
	r.size = info.Size()
	if err := t.project(ctx); err != nil {
		return r, err
	}
	var p plan
	if p, r.read, err = t.plan(ctx); err != nil {
		return r, err
	}
	r.operations, r.warnings = len(p.Routes), len(p.Problems)
	if err := t.within(r.read); err != nil {
		return r, err
	}
	if !t.start && !t.every {
		return r, nil
	}
	if _, r.build, err = t.mgw(ctx, "build", "-q", t.name); err != nil {
		return r, err
	}
	var slow error
	if r.start, slow = t.fastestStart(ctx); t.every {
		r.checked, err = t.everyOperation(ctx, p.Routes)
	}
	return r, errors.Join(slow, err)
}

// project makes a project of the definition, open to everybody, before the backend.
func (t trial) project(ctx context.Context) error {
	if _, _, err := t.mgw(ctx, "init", t.name); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(t.dir, t.name, "policies.yaml"), []byte(policies), 0o666); err != nil {
		return err
	}
	_, _, err := t.mgw(ctx, "add", t.name, t.file, "--backend", t.backend, "--base-path", "/"+t.name, "--disable-security")
	return err
}

func (t trial) plan(ctx context.Context) (p plan, used usage, err error) {
	out, used, err := t.mgw(ctx, "build", "--dry-run", "--format", "json", t.name)
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err == nil && len(p.Routes) == 0 {
		err = errors.New("nothing is served")
	}
	return p, used, err
}

// mgw runs a command and gives what it printed and used.
func (t trial) mgw(ctx context.Context, args ...string) ([]byte, usage, error) {
	cmd := exec.CommandContext(ctx, t.tools.Path("mgw"), args...)
	cmd.Dir = t.dir
	start := time.Now()
	out, err := cmd.Output()
	used := usage{took: time.Since(start)}
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return out, used, fmt.Errorf("mgw %s: %w\n%.2000s%s", args[0], err, out, failed.Stderr)
	} else if err != nil {
		return out, used, err
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.peak = r.Maxrss << 10 // of the compiler, where that takes more
		used.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return out, used, nil
}

func (t trial) within(used usage) error {
	limit := t.limit
	if limit == 0 {
		limit = anyLimit
	}
	switch {
	case used.own() > limit:
		return fmt.Errorf("reading took %v, at most %v was to be", used.own(), limit)
	case used.peak > memoryLimit:
		return fmt.Errorf("reading took %d MiB, at most %d was to be", used.peak>>20, memoryLimit>>20)
	}
	return nil
}

// fastestStart is the best of three: what it takes until the gateway listens.
func (t trial) fastestStart(ctx context.Context) (best usage, err error) {
	for i := range 3 {
		start := time.Now()
		g, err := t.tools.StartGateway(ctx, t.dir, filepath.Join(t.name, "target", t.name))
		if err != nil {
			return best, err
		}
		used := usage{took: time.Since(start), cpu: cpuOf(g.Pid())}
		if i == 0 || used.own() < best.own() {
			best = used
		}
		if err := g.Stop(); err != nil {
			return best, err
		}
	}
	if t.start && best.own() > startLimit {
		return best, fmt.Errorf("the gateway took %v to start, at most %v was to be", best.own(), startLimit)
	}
	return best, nil
}

// cpuOf is the processor's time that a process has used, as Linux tells it;
// elsewhere an hour, so that only the clock counts.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return time.Hour
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return time.Hour
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return time.Hour
	}
	return time.Duration(user+system) * 10 * time.Millisecond // ticks of a hundredth
}
