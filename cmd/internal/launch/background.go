package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Files next to the executable.
const (
	pidSuffix = ".pid"
	logSuffix = ".log"
)

// Bounds of waiting. A gateway that stops finishes its requests first, within
// a bound of its own that is shorter by default.
const (
	startBound = 30 * time.Second
	stopBound  = 60 * time.Second
	pollEvery  = 20 * time.Millisecond
)

// background is a gateway that runs detached from the terminal, or could.
type background struct {
	target         string
	stdout, stderr io.Writer

	startBound, stopBound time.Duration // of waiting
}

func (b background) log() string { return b.target + logSuffix }

func (b background) fail(format string, args ...any) int {
	fmt.Fprintf(b.stderr, "Error: "+format+"\n", args...)
	return exitFailed
}

// start runs the gateway and waits until it serves or has failed.
func (b background) start(ctx context.Context, flags []string) int {
	pids, err := takePIDFile(b.target + pidSuffix)
	if errors.Is(err, errRunning) {
		fmt.Fprintf(b.stdout, "Process is already running%s\n", b.runningPID())
		return exitOK
	}
	if err != nil {
		return b.fail("%v", err)
	}
	defer pids.close()
	log, err := openLog(b.log())
	if err != nil {
		return b.fail("%v", err)
	}
	defer log.Close()
	child, err := spawn(b.target, flags, pids.file, log.File)
	if err != nil {
		pids.remove()
		return b.fail("starting %s: %v", b.target, err)
	}
	defer child.release()
	if err := pids.write(child.pid()); err != nil {
		child.terminate()
		return b.fail("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, b.startBound)
	defer cancel()
	err = child.await(ctx)
	var ended endedError
	switch {
	case err == nil:
		fmt.Fprintf(b.stdout, "Microgateway has been started: pid %d, log %s\n", child.pid(), b.log())
		return exitOK
	case errors.As(err, &ended):
		pids.remove()
		b.fail("%v; the end of %s:\n%s", err, b.log(), log.tail())
		return max(ended.ExitCode(), exitFailed) // -1 stands for a signal
	case errors.Is(err, context.DeadlineExceeded):
		return b.fail("the gateway (pid %d) does not serve after %v; it goes on, see %s", child.pid(), b.startBound, b.log())
	}
	child.terminate()
	return b.fail("interrupted: the gateway (pid %d) was told to end", child.pid())
}

// stop tells the gateway to end and waits until it has.
func (b background) stop(ctx context.Context) int {
	path := b.target + pidSuffix
	ctx, cancel := context.WithTimeout(ctx, b.stopBound)
	defer cancel()
	pid, running, err := runningPID(ctx, path)
	switch {
	case err != nil:
		return b.fail("%v", err)
	case !running:
		clearStale(path)
		fmt.Fprintln(b.stdout, "No running microgateway is available")
		return exitOK
	}
	if err := terminate(pid); err != nil {
		return b.fail("ending the gateway (pid %d): %v", pid, err)
	}
	if err := awaitEnd(ctx, path); err != nil {
		return b.fail("the gateway (pid %d) was told to end and still runs: %v", pid, err)
	}
	clearStale(path)
	fmt.Fprintln(b.stdout, "Microgateway has been stopped successfully")
	return exitOK
}

// restart leaves a running gateway alone when the configuration for the next
// one is of no use.
func (b background) restart(ctx context.Context, flags []string) int {
	if isRunning(b.target + pidSuffix) {
		if code := b.check(ctx, flags); code != exitOK {
			return code
		}
	}
	if code := b.stop(ctx); code != exitOK {
		return code
	}
	return b.start(ctx, flags)
}

// check has the executable read its configuration.
func (b background) check(ctx context.Context, flags []string) int {
	ctx, cancel := context.WithTimeout(ctx, b.startBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.target, append(slices.Clone(flags), "--check-config")...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return exitOK
	}
	return b.fail("the gateway goes on as it is; another one would not start (%v):\n%s", err, strings.TrimRight(string(out), "\n"))
}

// status tells whether the gateway runs.
func (b background) status() int {
	if !isRunning(b.target + pidSuffix) {
		fmt.Fprintln(b.stdout, "No running microgateway is available")
		return exitNotRunning
	}
	fmt.Fprintf(b.stdout, "Process is running%s, log %s\n", b.runningPID(), b.log())
	return exitOK
}

// runningPID gives ": pid N", or nothing while a start is under way.
func (b background) runningPID() string {
	if pid, ok := readPID(b.target + pidSuffix); ok {
		return fmt.Sprintf(": pid %d", pid)
	}
	return ""
}

// endedError says how the gateway ended before it served.
type endedError struct{ *os.ProcessState }

func (e endedError) Error() string { return "the gateway ended at once (" + e.String() + ")" }

// logFile is the log and where this start's part of it begins.
type logFile struct {
	*os.File
	from int64
}

func openLog(path string) (logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o640)
	if err != nil {
		return logFile{}, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return logFile{}, err
	}
	return logFile{f, info.Size()}, nil
}

// Bounds of what a failed start shows of the log.
const (
	tailBytes = 16 << 10
	tailLines = 20
)

// tail gives the last lines that this start wrote.
func (l logFile) tail() string {
	info, err := l.Stat()
	if err != nil {
		return ""
	}
	from := max(l.from, info.Size()-tailBytes)
	data, _ := io.ReadAll(io.NewSectionReader(l, from, info.Size()-from))
	lines := strings.SplitAfter(strings.TrimRight(string(data), "\n"), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return "    " + strings.Join(lines, "    ")
}
