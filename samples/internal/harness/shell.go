package harness

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Shell runs commands one after the other as somebody at a terminal would:
// variables that one sets are there for the next.
type Shell struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// NewShell starts a shell in a folder, with the tools first in its path. It
// ends with ctx at the latest.
func (t Tools) NewShell(ctx context.Context, dir string) (*Shell, error) {
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+t.Dir+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C", "NO_COLOR=1")
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a shell: %w", err)
	}
	return &Shell{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// Run gives what a command prints, on standard output and error.
func (s *Shell) Run(command string) (string, error) {
	mark := "end of " + rand.Text()
	if _, err := fmt.Fprintf(s.in, "%s\necho; echo '%s'\n", command, mark); err != nil {
		return "", fmt.Errorf("running %s: %w", command, err)
	}
	var printed strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if strings.TrimSpace(line) == mark {
			return printed.String(), nil
		}
		printed.WriteString(line)
		if err != nil {
			return "", fmt.Errorf("running %s: %w\n%s", command, err, printed.String())
		}
	}
}

// Close ends the shell.
func (s *Shell) Close() error {
	s.in.Close()
	return s.cmd.Wait()
}
