package fleet

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"mgw/samples/internal/harness"
)

// Redis is a redis-server of the sample's own, which keeps nothing on disk.
type Redis struct {
	*harness.Process
	Address string // host:port
	dir     string
}

// StartRedis starts a server on a free port, and waits until it answers.
func (p *Project) StartRedis(ctx context.Context) (*Redis, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := ln.Addr().String()
	ln.Close()
	r := &Redis{Address: address, dir: filepath.Join(p.Dir, "redis")}
	return r, r.Restart(ctx)
}

// Restart starts the server again where it was, empty.
func (r *Redis) Restart(ctx context.Context) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		return err
	}
	r.Process, err = harness.StartGroup(r.dir, nil, "redis-server", "--bind", host, "--port", port,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", r.dir)
	if err != nil {
		return err
	}
	return await(ctx, func() error {
		client := r.client()
		defer client.Close()
		if err := client.Ping(ctx).Err(); err != nil {
			return fmt.Errorf("waiting for redis-server: %w\n%s", err, r.Output())
		}
		return nil
	})
}

// Freeze makes the server hang until it is thawed.
func (r *Redis) Freeze() error { return r.Signal(syscall.SIGSTOP) }

// Thaw lets the server go on.
func (r *Redis) Thaw() error { return r.Signal(syscall.SIGCONT) }

// Calls gives how often the server has run a script since it started: each
// call of a gateway about a limit is one.
func (r *Redis) Calls(ctx context.Context) (int64, error) {
	client := r.client()
	defer client.Close()
	info, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_evalsha:calls="); ok {
			digits, _, _ := strings.Cut(rest, ",")
			return strconv.ParseInt(digits, 10, 64)
		}
	}
	return 0, nil
}

func (r *Redis) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: r.Address, Protocol: 2, DisableIdentity: true})
}
