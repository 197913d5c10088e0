//go:build !race

package wire

import (
	"syscall"
	"unsafe"
)

// The calls below go to the kernel without telling the scheduler: descriptors
// of net are non-blocking, so they never wait. Told, it takes the processor away
// from a call that the kernel has interrupted, and moves the other goroutines to
// another thread, which costs more than the call.

func sysRead(fd uintptr, b []byte) (int, error)  { return sysCall(syscall.SYS_READ, fd, b) }
func sysWrite(fd uintptr, b []byte) (int, error) { return sysCall(syscall.SYS_WRITE, fd, b) }

// sysCall gives a read's or write's result, tried again when it is interrupted.
func sysCall(trap, fd uintptr, b []byte) (int, error) {
	for {
		n, _, err := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch err {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}
