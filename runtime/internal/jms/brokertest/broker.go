// Package brokertest runs a RabbitMQ for tests: one of the test's own, on a
// free port of the loopback, that may be killed and started again and is gone
// when the test ends. A machine without RabbitMQ skips the test, unless it is
// the one that continuous integration runs on.
package brokertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Broker is a RabbitMQ of the test's own.
type Broker struct {
	Port int
	dir  string
	cmd  *exec.Cmd
}

// Start starts a broker and waits until it listens.
func Start(t testing.TB) *Broker {
	t.Helper()
	b := StartIn(t, t.TempDir())
	t.Cleanup(func() { b.Stop(t) })
	return b
}

// StartIn is Start for a broker that several tests share: it lives in a folder
// of the caller's until the caller stops it.
func StartIn(t testing.TB, dir string) *Broker {
	t.Helper()
	if _, err := exec.LookPath("rabbitmq-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("left out: ", err)
	}
	b := &Broker{dir: dir, Port: freePort(t)}
	b.Start(t)
	return b
}

// freePort gives a port whose distribution port, 20000 above, exists too.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		if port+20000 < 65536 {
			return port
		}
	}
	t.Fatal("no port below 45536 is free")
	return 0
}

// Start starts the broker again after Stop, with what it has stored.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	log, err := os.Create(filepath.Join(b.dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b.cmd = exec.Command(script(), fmt.Sprint(b.Port), filepath.Join(b.dir, "broker"))
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(90 * time.Second); !b.listens(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			output, _ := os.ReadFile(log.Name())
			t.Fatalf("the broker does not listen after 90 s:\n%s", output)
		}
	}
}

// listens tells whether the broker answers. One that is still starting accepts
// and closes.
func (b *Broker) listens() bool {
	conn, err := net.Dial("tcp", b.Address())
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return false
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 1))
	return n == 1 && err == nil
}

// script is the project's own, found from this file's place.
func script() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../../../.ci/rabbitmq")
}

// Stop kills the broker and everything it started.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	if err := b.Kill(); err != nil {
		t.Error(err)
	}
}

// Kill is Stop where there is no test any more.
func (b *Broker) Kill() error {
	err := syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	b.cmd.Wait() // killed: its error says nothing
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Address is host:port.
func (b *Broker) Address() string { return fmt.Sprintf("127.0.0.1:%d", b.Port) }

// URL is a provider URL of the default virtual host.
func (b *Broker) URL() string {
	return "amqp://guest:guest@mgw/?brokerlist='tcp://" + b.Address() + "'"
}

// Control runs rabbitmqctl.
func (b *Broker) Control(args ...string) (string, error) {
	cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"-n", fmt.Sprintf("mgw-%d@localhost", b.Port)}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(b.dir, "broker"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
