// Package harness runs samples as their users do: real tools, real gateways,
// real backends, each a process of its own on a free port of the loopback.
//
// Demos and tests share it. It waits for what a process says or answers, never
// for a time, and ends whatever it has started.
package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopBound is how long a process may take to end after SIGTERM.
const stopBound = 10 * time.Second

// Process is a program that was started and not yet seen to end.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read after done

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced at each line
}

// Start runs a program in a folder. Its environment is this process's and env
// on top; its standard output and error are kept for WaitLine and Output.
func Start(dir string, env []string, program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	return start(cmd)
}

func start(cmd *exec.Cmd) (*Process, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = in, in
	p := &Process{name: cmd.Path, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	err = cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	go p.collect(out)
	return p, nil
}

// collect keeps what the process prints until it has ended.
func (p *Process) collect(out io.ReadCloser) {
	defer out.Close()
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// WaitLine gives the submatches of the first line that fits the pattern.
func (p *Process) WaitLine(ctx context.Context, pattern string) ([]string, error) {
	re := regexp.MustCompile(pattern)
	for seen := 0; ; {
		p.mu.Lock()
		lines, more := p.lines[seen:], p.more
		p.mu.Unlock()
		for _, line := range lines {
			if m := re.FindStringSubmatch(line); m != nil {
				return m, nil
			}
		}
		seen += len(lines)
		select {
		case <-more:
		case <-p.done:
			p.mu.Lock()
			last := len(p.lines)
			p.mu.Unlock()
			if last == seen {
				return nil, fmt.Errorf("%s ended (%v) before it printed %q:\n%s", p.name, p.err, pattern, p.Output())
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s to print %q: %w\n%s", p.name, pattern, ctx.Err(), p.Output())
		}
	}
}

// Output gives all that the process has printed so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Wait gives how the process ended.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Stop ends the process as an operator would, and by force if that takes too
// long. A process that has ended already is fine.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopBound):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v of SIGTERM and was killed", p.name, stopBound)
	}
}
