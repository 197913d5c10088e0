//go:build unix

package launch

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"mgw/runtime/startup"
)

// child is a gateway in the background that this launcher has started.
type child struct {
	cmd    *exec.Cmd
	waiter *startup.Waiter
	ready  chan struct{} // closed when it serves or the waiter is closed
	ended  chan struct{} // closed when it has ended
	heard  bool          // after ready: it serves
}

// spawn starts the gateway in a session of its own: it outlives the terminal.
// It inherits the locked pid file, which it need not know.
func spawn(target string, flags []string, pids, log *os.File) (*child, error) {
	waiter, err := startup.NewWaiter()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(target, flags...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{pids}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, startup.NotifyVariable+"=") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, waiter.Variable())
	if err := cmd.Start(); err != nil {
		waiter.Close()
		return nil, err
	}
	c := &child{cmd: cmd, waiter: waiter, ready: make(chan struct{}), ended: make(chan struct{})}
	go func() { // ends with release
		c.heard = waiter.Wait() == nil
		close(c.ready)
	}()
	go func() { // ends with the gateway, or with this process
		cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// await waits until the gateway serves. The error is an endedError when it has
// ended instead, or the context's.
func (c *child) await(ctx context.Context) error {
	select {
	case <-c.ready:
		if !c.heard {
			return errors.New("the socket for the gateway's sign was lost")
		}
		return nil
	case <-c.ended:
		return endedError{c.cmd.ProcessState}
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *child) terminate() { terminate(c.pid()) }

// release stops listening to the gateway, which goes on.
func (c *child) release() {
	c.waiter.Close()
	<-c.ready
}

// terminate asks a process to end.
func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

// hangUp asks a gateway to read its configuration anew.
func hangUp(pid int) error { return syscall.Kill(pid, syscall.SIGHUP) }

// lock takes the lock of an open file, or errRunning if another has it. The
// lock belongs to the open file: it passes to a child with it, and is gone when
// the last process that has it open is.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errRunning
	}
	return err
}
