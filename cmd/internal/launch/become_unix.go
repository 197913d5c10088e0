//go:build unix

package launch

import (
	"io/fs"
	"os"
	"syscall"
)

// become replaces this process by the gateway. One process is left: whoever
// started the launcher (a shell, systemd, a container) signals and awaits the
// gateway itself, and nothing can be lost between two of them. It returns only
// when that failed.
func become(target string, flags []string) (int, error) {
	return 0, syscall.Exec(target, append([]string{target}, flags...), os.Environ())
}

func executable(info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }
