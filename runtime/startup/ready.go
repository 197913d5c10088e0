package startup

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// NotifyVariable names the datagram socket of whoever started this process and
// wants to know when it serves: the launcher's, or systemd's (sd_notify(3)).
const NotifyVariable = "NOTIFY_SOCKET"

// ready is the datagram of sd_notify(3) for "start-up is finished".
const ready = "READY=1"

// Ready tells whoever waits that this process serves. Without anybody waiting
// it does nothing.
func Ready() error {
	path := os.Getenv(NotifyVariable)
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("saying that the gateway serves: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(ready)); err != nil {
		return fmt.Errorf("saying that the gateway serves: %w", err)
	}
	return nil
}

// Waiter hears a child's Ready.
type Waiter struct {
	dir  string
	conn *net.UnixConn
}

// NewWaiter listens on a socket of its own.
func NewWaiter() (*Waiter, error) {
	w, err := waiterIn(os.TempDir())
	if err != nil {
		// The path of a socket has at most some hundred bytes, a folder for
		// temporary files may have a longer name.
		w, err = waiterIn("/tmp")
	}
	return w, err
}

func waiterIn(temp string) (*Waiter, error) {
	dir, err := os.MkdirTemp(temp, "mgw-start-")
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket(dir), Net: "unixgram"})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &Waiter{dir, conn}, nil
}

func socket(dir string) string { return filepath.Join(dir, "ready") }

// Variable is what the child's environment must hold.
func (w *Waiter) Variable() string { return NotifyVariable + "=" + socket(w.dir) }

// Wait returns nil when the child serves, an error when the waiter was closed.
func (w *Waiter) Wait() error {
	buf := make([]byte, 256)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			return err
		}
		if string(buf[:n]) == ready {
			return nil
		}
	}
}

// Close ends Wait and removes the socket.
func (w *Waiter) Close() error {
	defer os.RemoveAll(w.dir)
	return w.conn.Close()
}
