//go:build race

package wire

import "syscall"

// The race detector takes input and output for synchronisation, as these calls
// tell it.

func sysRead(fd uintptr, b []byte) (int, error) {
	return again(func() (int, error) { return syscall.Read(int(fd), b) })
}

func sysWrite(fd uintptr, b []byte) (int, error) {
	return again(func() (int, error) { return syscall.Write(int(fd), b) })
}

func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}
