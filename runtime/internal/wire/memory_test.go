//go:build linux

package wire

import (
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// rawClient is a connection that costs this process nothing but a descriptor.
func rawClient(tb testing.TB, addr string) int {
	tb.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	to := &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	if err := syscall.Connect(fd, to); err != nil {
		tb.Fatal(err)
	}
	return fd
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// BenchmarkIdleConnections tells what a connection that has been served and
// waits costs: 8,000 of them, after a collection.
func BenchmarkIdleConnections(b *testing.B) {
	const count = 8000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*count+200 {
		b.Skip("too few descriptors")
	}
	withoutPoison(b)
	p := serving(b, Options{}, answerText)
	request := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	for b.Loop() {
		before := inUse()
		clients := make([]int, 0, count)
		answer := make([]byte, 4096)
		for range count {
			fd := rawClient(b, p.addr)
			clients = append(clients, fd)
			if _, err := syscall.Write(fd, request); err != nil {
				b.Fatal(err)
			}
			if _, err := syscall.Read(fd, answer); err != nil {
				b.Fatal(err)
			}
		}
		each := (inUse() - before) / count
		b.ReportMetric(float64(each), "B/conn")
		if each > 8<<10 {
			b.Errorf("an idle connection costs %d bytes", each)
		}
		for _, fd := range clients {
			_ = syscall.Close(fd)
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			p.server.watch.mu.Lock()
			left := len(p.server.watch.watched)
			p.server.watch.mu.Unlock()
			if left == 0 {
				break
			}
			if time.Now().After(deadline) {
				b.Fatalf("%d connections are left", left)
			}
		}
	}
}
