// Package redistest runs a Redis for tests: one of the test's own, on a free
// port of the loopback, without persistence, gone when the test ends. A machine
// without redis-server skips the test, unless it is the one that continuous
// integration runs on.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Server is a redis-server of the test's own.
type Server struct {
	Address string // host:port
	cmd     *exec.Cmd
}

// Start starts a server and waits until it answers.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("left out: ", err)
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: probe.Addr().String()}
	probe.Close()
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// URL is what a configuration names it by.
func (s *Server) URL() string { return "redis://" + s.Address }

// Start starts the server again after Stop; it is empty.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !s.answers(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer after 20 s")
		}
	}
}

func (s *Server) answers() bool {
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	answer := make([]byte, 5)
	n, _ := conn.Read(answer)
	return string(answer[:n]) == "+PONG"
}

// Stop kills the server. What it held is lost.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Log(err)
	}
	s.cmd.Wait() // killed: its error says nothing
}

// Process is the server's, for signals.
func (s *Server) Process() *os.Process { return s.cmd.Process }
