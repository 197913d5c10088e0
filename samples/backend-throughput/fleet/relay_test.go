package fleet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

func TestRelayCarriesDelaysCutsAndMends(t *testing.T) {
	echo := startEcho(t)
	r, err := NewRelay(echo)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	conn := dial(t, r.Address)
	if _, err := ask(conn); err != nil {
		t.Fatal(err)
	}
	r.Delay(30 * time.Millisecond)
	if took, err := ask(conn); err != nil || took < 60*time.Millisecond {
		t.Errorf("delayed by 30 ms each way: %v, %v", took, err)
	}
	r.Delay(0)
	r.Cut(true)
	for _, c := range []net.Conn{conn, dial(t, r.Address)} {
		if _, err := ask(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("cut off: %v, want no answer", err)
		}
	}
	r.Cut(false)
	if _, err := ask(conn); err == nil {
		t.Error("a connection that lost bytes goes on")
	}
	if _, err := ask(dial(t, r.Address)); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// ask sends a byte and waits a short while for it to come back.
func ask(conn net.Conn) (time.Duration, error) {
	begin := time.Now()
	if err := conn.SetDeadline(begin.Add(500 * time.Millisecond)); err != nil {
		return 0, err
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return 0, err
	}
	_, err := conn.Read(make([]byte, 1))
	return time.Since(begin), err
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func startEcho(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		group.Wait()
	})
	return ln.Addr().String()
}
