//go:build !unix

package compile

import "os/exec"

// asGroup does nothing where there are no process groups: cancellation ends
// the go command, its compilers end when they notice.
func asGroup(*exec.Cmd) {}
