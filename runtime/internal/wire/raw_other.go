//go:build !linux

package wire

import (
	"errors"
	"net"
	"syscall"
)

// Without Linux's descriptors connections are read through net.Conn alone.

func rawConn(net.Conn) syscall.RawConn { return nil }

func rawRead(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func rawWrite(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func peerClosed(syscall.RawConn) bool { return false }

func rawOpen(uintptr) bool { return true }

func rawQuiet(uintptr) bool { return true }
