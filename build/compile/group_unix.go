//go:build unix

package compile

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// asGroup gives the command a process group of its own, and has cancellation
// end all of it: killing go alone leaves its compilers running.
func asGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
