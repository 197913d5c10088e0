package wire

import (
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"
)

// rawConn gives direct access to a TCP connection's descriptor, nil for all
// other connections.
func rawConn(nc net.Conn) syscall.RawConn {
	sys, ok := nc.(syscall.Conn)
	if _, tcp := nc.LocalAddr().(*net.TCPAddr); !ok || !tcp {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawRead is one read that does not block. It gives 0 bytes and again when
// there is nothing yet, and 0 bytes and no error at the end.
func rawRead(fd uintptr, b []byte) (n int, again bool, err error) {
	switch n, err := sysRead(fd, b); err {
	case nil:
		return n, false, nil
	case syscall.EAGAIN:
		return 0, true, nil
	default:
		return 0, false, err
	}
}

// rawWrite is one write that does not block: fewer bytes than asked for mean
// that the socket is full.
func rawWrite(fd uintptr, b []byte) (n int, err error) {
	switch n, err := sysWrite(fd, b); err {
	case nil:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	default:
		return 0, err
	}
}

// peerClosed tells whether the other end has closed its side, even when bytes
// that it sent before have not been read: the first byte of struct tcp_info is
// the connection's state.
func peerClosed(raw syscall.RawConn) bool {
	open := false
	err := raw.Control(func(fd uintptr) { open = rawOpen(fd) })
	return !open || err != nil
}

func rawOpen(fd uintptr) bool {
	const established = 1
	var info [4]byte
	state, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	binary.NativeEndian.PutUint32(info[:], uint32(state))
	return err == nil && info[0] == established
}

// rawQuiet tells whether an idle connection is still usable: open, and without
// bytes that nobody asked for.
func rawQuiet(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	return err == syscall.EAGAIN
}
