package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// A pid file is locked by the process whose id it holds, from its start to its
// end. The lock, not the number, says that the gateway runs: the system drops
// it with the process, however that ends, so a file left behind is recognised
// even when its number belongs to another process by now.

// errRunning says that another process holds the pid file.
var errRunning = errors.New("the gateway is running")

// pidFile is a pid file whose lock is ours, until the gateway inherits it.
type pidFile struct{ file *os.File }

// takeTries bounds how often a busy lock is tried again: who only asks whether
// the gateway runs holds it for a moment too.
const takeTries = 10

// takePIDFile creates and locks the file.
func takePIDFile(path string) (*pidFile, error) {
	for tries := 1; ; tries++ {
		p, err := tryPIDFile(path)
		if p != nil || err != nil && !errors.Is(err, errRunning) || tries == takeTries {
			return p, err
		}
		time.Sleep(pollEvery)
	}
}

func tryPIDFile(path string) (*pidFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	// Between opening and locking the file may have been removed: the lock of
	// a file that nobody else can open is worth nothing.
	ours, err := f.Stat()
	named, err2 := os.Stat(path)
	if err := errors.Join(err, err2); err != nil || !os.SameFile(ours, named) {
		f.Close()
		return nil, errRunning
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	return &pidFile{f}, nil
}

func (p *pidFile) write(pid int) error {
	_, err := p.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

// remove takes the file away while its lock is still ours.
func (p *pidFile) remove() { os.Remove(p.file.Name()) }

// close leaves the lock to the gateway that inherited it.
func (p *pidFile) close() { p.file.Close() }

// isRunning tells whether a process holds the file.
func isRunning(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(lock(f), errRunning)
}

// readPID gives the number in the file.
func readPID(path string) (int, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(data)))
	return pid, err == nil && pid > 1
}

// runningPID gives the id of the process that holds the file. While a start is
// under way the file is empty for a moment.
func runningPID(ctx context.Context, path string) (pid int, running bool, err error) {
	for {
		if _, err := os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, false, err
		}
		if !isRunning(path) {
			return 0, false, nil
		}
		if pid, ok := readPID(path); ok {
			return pid, true, nil
		}
		if err := pause(ctx); err != nil {
			return 0, false, fmt.Errorf("%s is locked and holds no process id: %w", path, err)
		}
	}
}

// awaitEnd waits until nobody holds the file.
func awaitEnd(ctx context.Context, path string) error {
	for isRunning(path) {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clearStale removes the file of a gateway that has ended.
func clearStale(path string) {
	if _, err := os.Stat(path); err != nil {
		return
	}
	if p, err := tryPIDFile(path); err == nil {
		p.remove()
		p.close()
	}
}

// pause lets some time pass.
func pause(ctx context.Context) error {
	select {
	case <-time.After(pollEvery):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
