package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// cost is what one of many idle connections costs the gateway, in bytes.
type cost struct{ own, resident int64 }

// idleConnections opens many, has each of them served once, and sees what they
// cost while they wait.
func (l *lab) idleConnections(ctx context.Context, g *proxy, look func() (*observed, error)) (c cost, err error) {
	before, err := look()
	if err != nil {
		return c, err
	}
	n := l.settings.idle
	open := make([]net.Conn, 0, n)
	defer func() {
		for _, nc := range open {
			_ = nc.Close()
		}
	}()
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", pet)
	for range n {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", address(g.http))
		if err != nil {
			return c, err
		}
		open = append(open, nc)
		if err := served(nc, request); err != nil {
			return c, err
		}
	}
	time.Sleep(2 * time.Second)
	after, err := look()
	if err != nil {
		return c, err
	}
	c.own = (int64(after.Heap+after.Stacks) - int64(before.Heap+before.Stacks)) / int64(n)
	c.resident = (after.resident - before.resident) / int64(n)
	return c, nil
}

// served sends a request and reads the answer.
func served(nc net.Conn, request string) error {
	if _, err := io.WriteString(nc, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("an idle connection was answered %d", response.StatusCode)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
