package fronttest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

var upgrading = []behaviour{
	{"an upgraded connection carries bytes both ways", upgraded},
	{"bytes that a client sends ahead are not lost", sentAhead},
	{"each side of an upgraded connection closes on its own", halfClosed},
	{"a client that leaves an upgraded connection ends it", leavesUpgraded},
	{"an upgraded connection may be silent for longer than all else", silentTunnel},
	{"an upgraded connection that is silent for too long ends", endlessSilence},
	{"a refused upgrade is an answer like others", refusedUpgrade},
	{"a switch to another protocol is a 502", otherProtocol},
}

const handshake = "GET /ws HTTP/1.1\nHost: a\nConnection: keep-alive, Upgrade\nUpgrade: WebSocket\nSec-WebSocket-Key: x\n\n"

// webSocket is a backend that switches and then runs f.
func webSocket(t *testing.T, f func(conn net.Conn, r *bufio.Reader)) string {
	return rawBackend(t, func(conn net.Conn, r *bufio.Reader) {
		head := strings.ToLower(readHead(r))
		if !strings.Contains(head, "connection: upgrade\r\n") || !strings.Contains(head, "upgrade: websocket\r\n") {
			t.Errorf("the backend got\n%s", head)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n")
		f(conn, r)
	})
}

func mirror(conn net.Conn, r *bufio.Reader) { _, _ = io.Copy(conn, r) }

func (c *caller) upgrade() {
	c.t.Helper()
	response := c.read("GET")
	if response.StatusCode != 101 || !strings.EqualFold(response.Header.Get("Upgrade"), "websocket") ||
		!strings.EqualFold(response.Header.Get("Connection"), "upgrade") || response.Header.Get("Sec-WebSocket-Accept") != "y" {
		c.t.Fatalf("%v", response)
	}
}

func (c *caller) expect(text string) {
	c.t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != text {
		c.t.Fatalf("%q, %v; want %q", got, err, text)
	}
}

func upgraded(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(webSocket(t, mirror)))
	c := dial(t, address)
	c.send(handshake)
	c.upgrade()
	for _, text := range []string{"hello", strings.Repeat("x", 100_000), "bye"} {
		go func() { _, _ = io.WriteString(c, text) }()
		c.expect(text)
	}
	_ = c.Close()
	if done := seen.wait(t, 1); done[0].status != 101 || done[0].out != 100_008 {
		t.Errorf("done as %+v", done)
	}
}

func sentAhead(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(webSocket(t, mirror)))
	c := dial(t, address)
	c.send(handshake + "ahead")
	c.upgrade()
	c.expect("ahead")
}

func halfClosed(t *testing.T, s Stack) {
	address, seen := gateway(t, s, endpoint(webSocket(t, func(conn net.Conn, r *bufio.Reader) {
		all, _ := io.ReadAll(r) // until the client's side is closed
		_, _ = conn.Write(append(all, '!'))
	})))
	c := dial(t, address)
	c.send(handshake)
	c.upgrade()
	c.send("last words")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.expect("last words!")
	c.ended()
	seen.wait(t, 1)
}

func leavesUpgraded(t *testing.T, s Stack) {
	ended := make(chan error, 1)
	address, seen := gateway(t, s, endpoint(webSocket(t, func(_ net.Conn, r *bufio.Reader) {
		_, err := io.Copy(io.Discard, r)
		ended <- err
	})))
	c := dial(t, address)
	c.send(handshake)
	c.upgrade()
	_ = c.Close()
	if err := within(t, "the backend's side ends", ended); err != nil && !errors.Is(err, io.EOF) {
		t.Log(err)
	}
	seen.wait(t, 1)
}

// silence is longer than the time-outs of the front and of the endpoint.
const silence = 300 * time.Millisecond

func silentTunnel(t *testing.T, s Stack) {
	e := endpoint(webSocket(t, mirror))
	e.Advanced.TimeoutMillis = int(silence/time.Millisecond) / 3
	address, _ := gatewayWith(t, s, e, Front{BodyTimeout: silence / 3}, false)
	c := dial(t, address)
	c.send(handshake)
	c.upgrade()
	for _, text := range []string{"one", strings.Repeat("x", 5000), "two"} {
		time.Sleep(silence)
		c.send(text)
		c.expect(text)
	}
}

func endlessSilence(t *testing.T, s Stack) {
	ended := make(chan error, 1)
	address, seen := gatewayWith(t, s, endpoint(webSocket(t, func(conn net.Conn, r *bufio.Reader) {
		_, err := io.Copy(conn, r)
		ended <- err
	})), Front{TunnelTimeout: silence}, false)
	c := dial(t, address)
	c.send(handshake)
	c.upgrade()
	for range 4 { // what is said in time keeps it open
		time.Sleep(silence / 3)
		c.send("x")
		c.expect("x")
	}
	_ = within(t, "the backend's side ends", ended)
	c.ended()
	seen.wait(t, 1)
}

func refusedUpgrade(t *testing.T, s Stack) {
	address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")))
	c := dial(t, address)
	for range 2 {
		if a := c.ask(handshake); a.StatusCode != 403 || a.body != "no" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
}

func otherProtocol(t *testing.T, s Stack) {
	for _, fields := range []string{"Upgrade: other\r\n", "Upgrade: websocket\r\nUpgrade: other\r\n", ""} {
		address, _ := gateway(t, s, endpoint(answering(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"+fields+"\r\n")))
		if a := dial(t, address).ask(handshake); a.StatusCode != 502 || a.body != unreachable {
			t.Errorf("%q: %d %q", fields, a.StatusCode, a.body)
		}
	}
}
