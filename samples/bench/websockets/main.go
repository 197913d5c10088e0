// Command websockets tells what an idle WebSocket costs a built gateway: it
// opens many through it, sends a message each way over each, leaves them alone
// for a while, and looks at the gateway's resident memory; then each must still
// carry a message.
//
//	go run ./samples/bench/websockets -count 8000 -idle 30s [-tls] [-engine standard] [-most 30]
//
// It exits with 1 when a connection costs more than -most KiB. The machine must
// allow twice as many descriptors as connections.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"mgw/samples/internal/harness"
)

type options struct {
	count  int
	idle   time.Duration
	secure bool
	engine string
	most   float64 // KiB
}

func main() {
	var o options
	flag.IntVar(&o.count, "count", 8000, "connections")
	flag.DurationVar(&o.idle, "idle", 30*time.Second, "how long they are left alone")
	flag.BoolVar(&o.secure, "tls", false, "clients come over TLS")
	flag.StringVar(&o.engine, "engine", "fast", "listenerConfig.engine")
	flag.Float64Var(&o.most, "most", 30, "KiB that each may cost")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "websockets:", err)
		os.Exit(1)
	}
}

const definition = `openapi: 3.0.3
info: {title: Sockets, version: 1.0.0}
x-wso2-basePath: /ws
x-wso2-disable-security: true
x-wso2-production-endpoints: {urls: ["http://%s"]}
paths:
  /echo:
    get:
      responses: {default: {description: A WebSocket}}
`

const policies = `resourcePolicies: []
applicationPolicies: []
subscriptionPolicies:
  - Unauthenticated: {count: 1000000, unitTime: 1, timeUnit: min}
`

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "mgw-websockets-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer backend.Close()
	go mirror(backend)
	g, err := start(ctx, o, dir, backend.Addr().String())
	if err != nil {
		return err
	}
	err = measure(o, g)
	return errors.Join(err, g.Stop())
}

// start builds and runs a gateway before the backend.
func start(ctx context.Context, o options, dir, backend string) (*harness.Gateway, error) {
	tools, err := harness.BuildTools(ctx, dir, "./cmd/mgw", "./cmd/gateway")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sockets.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, definition, backend), 0o600); err != nil {
		return nil, err
	}
	if _, err := harness.Run(ctx, dir, nil, tools.Path("mgw"), "init", "sockets", "-a", file); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "sockets", "policies.yaml"), []byte(policies), 0o600); err != nil {
		return nil, err
	}
	if _, err := harness.Run(ctx, dir, nil, tools.Path("mgw"), "build", "sockets"); err != nil {
		return nil, err
	}
	return tools.StartGateway(ctx, dir, "sockets/target/sockets", "--set", "listenerConfig.engine="+o.engine, "--set", "listenerConfig.timeouts.idle=5s")
}

// measure opens the connections and says what they cost.
func measure(o options, g *harness.Gateway) error {
	address := strings.TrimPrefix(g.HTTP, "http://")
	if o.secure {
		address = strings.TrimPrefix(g.HTTPS, "https://")
	}
	process, err := gatewayPid(g)
	if err != nil {
		return err
	}
	before, err := resident(process)
	if err != nil {
		return err
	}
	clients := make([]net.Conn, o.count)
	began := time.Now()
	if err := each(clients, func(i int) (err error) {
		clients[i], err = open(address, o.secure)
		return err
	}); err != nil {
		return err
	}
	fmt.Printf("%d WebSockets in %v\n", o.count, time.Since(began).Round(time.Millisecond))
	busy, err := resident(process)
	if err != nil {
		return err
	}
	time.Sleep(o.idle)
	quiet, err := resident(process)
	if err != nil {
		return err
	}
	cost := float64(quiet-before) / 1024 / float64(o.count)
	fmt.Printf("resident: %d KiB before, %d KiB when all were open, %d KiB after %v of silence: %.1f KiB each\n",
		before>>10, busy>>10, quiet>>10, o.idle, cost)
	if err := each(clients, func(i int) error { return say(clients[i], "still there?") }); err != nil {
		return err
	}
	fmt.Println("each still carries messages")
	for _, c := range clients {
		_ = c.Close()
	}
	if cost > o.most {
		return fmt.Errorf("a WebSocket costs %.1f KiB, more than %v", cost, o.most)
	}
	return nil
}

// each runs f for all connections, 64 at a time.
func each(clients []net.Conn, f func(i int) error) error {
	var group sync.WaitGroup
	errs := make([]error, 64)
	for worker := range errs {
		group.Go(func() {
			for i := worker; i < len(clients) && errs[worker] == nil; i += len(errs) {
				errs[worker] = f(i)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// open makes a WebSocket and sends a message over it.
func open(address string, secure bool) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /ws/echo HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nOrigin: https://app.example\r\n\r\n", address)
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return conn, say(conn, "hello")
}

// say sends a message and wants it back.
func say(conn net.Conn, text string) error {
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("%q came back as %q", text, got)
	}
	return nil
}

// mirror is the backend: what has been upgraded gets back what it sends.
func mirror(socket net.Listener) {
	for {
		conn, err := socket.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			r := bufio.NewReaderSize(conn, 1024)
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
			room := make([]byte, 512)
			for {
				n, err := r.Read(room)
				if err != nil {
					return
				}
				if _, err := conn.Write(room[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// gatewayPid is the executable's number; the launcher has become it.
func gatewayPid(g *harness.Gateway) (int, error) {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", g.Pid()))
	if err == nil && filepath.Base(exe) != "sockets" {
		err = fmt.Errorf("process %d is %s, not the gateway", g.Pid(), exe)
	}
	return g.Pid(), err
}

// resident gives a process's memory in bytes.
func resident(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
