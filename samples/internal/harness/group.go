package harness

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// StartGroup is Start for a program that starts others: Kill ends them too.
func StartGroup(dir string, env []string, program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return start(cmd)
}

// Kill ends a process of StartGroup, and all that it started, without asking.
func (p *Process) Kill() error {
	if err := syscall.Kill(-p.Pid(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	<-p.done
	return nil
}
