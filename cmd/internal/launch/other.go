//go:build !unix

package launch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
)

// become runs the gateway as a child where a process cannot be replaced, and
// gives its exit code.
func become(target string, flags []string) (int, error) {
	cmd := exec.Command(target, flags...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func executable(fs.FileInfo) bool { return true }

// errNoBackground is all that this system gets of the background: its services
// are run by other means.
var errNoBackground = errors.New("running in the background is not supported on this system")

type child struct{}

func spawn(string, []string, *os.File, *os.File) (*child, error) { return nil, errNoBackground }

func (*child) pid() int                    { return 0 }
func (*child) await(context.Context) error { return errNoBackground }
func (*child) terminate()                  {}
func (*child) release()                    {}

func terminate(int) error { return errNoBackground }
func hangUp(int) error    { return errNoBackground }
func lock(*os.File) error { return nil }
