// Package nodes runs the parts of the cluster sample, each as a process of its
// own on free ports of the loopback: a RabbitMQ, traffic managers, gateways of
// one project. Test, demo and measurement share it.
//
// It waits for what a part says or answers, never for a time. Whoever starts a
// part ends it.
package nodes

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mgw/samples/internal/harness"
)

// Project is the sample, built in a folder of its own.
type Project struct {
	harness.Tools
	Dir  string
	root string // of the module
}

// Build makes the tools and the sample's project in a new folder. Remove ends
// it.
func Build(ctx context.Context) (*Project, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mgw-cluster-")
	if err != nil {
		return nil, err
	}
	p := &Project{Dir: dir, root: root}
	if err := p.build(ctx); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return p, nil
}

func (p *Project) build(ctx context.Context) (err error) {
	p.Tools, err = harness.BuildTools(ctx, p.Dir, "./cmd/mgw", "./cmd/gateway", "./cmd/trafficmanager")
	if err != nil {
		return err
	}
	if _, err := harness.Run(ctx, p.Dir, nil, p.Path("mgw"), "init", "demo"); err != nil {
		return err
	}
	sample := filepath.Join(p.root, "samples/cluster")
	for _, name := range []string{"api_definitions/tickets.yaml", "policies.yaml", "conf/micro-gw.conf", "conf/traffic-manager.conf"} {
		data, err := os.ReadFile(filepath.Join(sample, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.Dir, "demo", name), data, 0o600); err != nil {
			return err
		}
	}
	_, err = harness.Run(ctx, p.Dir, nil, p.Path("mgw"), "build", "demo")
	return err
}

// Remove deletes the folder.
func (p *Project) Remove() error { return os.RemoveAll(p.Dir) }

// Token makes a token of an application with a tier, as a user would.
func (p *Project) Token(ctx context.Context, app, tier string) (string, error) {
	out, err := harness.Run(ctx, p.Dir, nil, p.Path("mgw"), "token", "demo", "--app", app, "--app-tier", tier, "--tier", "Unlimited", "--expires", "3h")
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n") // a warning may stand before it
	return lines[len(lines)-1], nil
}

// Account is what managers of the sample take, on the loopback only.
const Account = "admin:admin"

// Where says how a gateway reaches the rest of the cluster: host:port each.
// Without a Manager it counts alone.
type Where struct{ Broker, Manager string }

// ProviderURL is how the sample's processes name a broker.
func ProviderURL(address string) string {
	return "amqp://guest:guest@mgw/?brokerlist='tcp://" + address + "'"
}

// StartGateway starts a gateway of the project and waits until it listens.
func (p *Project) StartGateway(ctx context.Context, backend string, w Where, flags ...string) (*harness.Gateway, error) {
	const table = "--throttlingConfig."
	all := []string{"--box_prod_endpoint_0=" + backend}
	if w.Manager == "" {
		all = append(all, table+"enabledGlobalTMEventPublishing=false", table+"certificateFile=")
	} else {
		all = append(all,
			table+"throttleEndpointUrl=https://"+w.Manager+"/endpoints",
			table+"dataRetriever.serverUrl=https://"+w.Manager+"/internal/data/v1",
			table+"jmsConnectionProviderUrl="+ProviderURL(w.Broker))
	}
	return p.Tools.StartGateway(ctx, p.Dir, "demo/target/demo", append(all, flags...)...)
}

// Manager is a running traffic manager.
type Manager struct {
	*harness.Process
	Address string // host:port, HTTPS
}

// StartManager starts the traffic manager on a port, and waits until it serves.
func (p *Project) StartManager(ctx context.Context, port int, broker string, flags ...string) (*Manager, error) {
	all := append([]string{
		"--config", "demo/conf/traffic-manager.conf", "--policies", "demo/policies.yaml",
		"--set", fmt.Sprintf("listener.port=%d", port), "--set", "broker.providerUrl=" + ProviderURL(broker),
	}, flags...)
	process, err := harness.StartGroup(p.Dir, nil, p.Path("trafficmanager"), all...)
	if err != nil {
		return nil, err
	}
	m, err := process.WaitLine(ctx, `the traffic manager serves.*\baddress=https://(\S+)`)
	if err != nil {
		process.Kill()
		return nil, err
	}
	return &Manager{process, m[1]}, nil
}

// Broker is a running RabbitMQ.
type Broker struct {
	*harness.Process
	Address string
	dir     string
	port    int
}

// StartBroker starts a RabbitMQ on a port of FreePort's; its data stay in the
// project's folder for the next start.
func (p *Project) StartBroker(ctx context.Context, port int) (*Broker, error) {
	b := &Broker{Address: fmt.Sprintf("127.0.0.1:%d", port), dir: filepath.Join(p.Dir, "broker"), port: port}
	var err error
	if b.Process, err = harness.StartGroup(p.Dir, nil, filepath.Join(p.root, ".ci/rabbitmq"), fmt.Sprint(port), b.dir); err != nil {
		return nil, err
	}
	for ; !answers(b.Address); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil {
			b.Kill()
			return nil, fmt.Errorf("the broker does not listen:\n%s", b.Output())
		}
	}
	return b, nil
}

// answers tells whether a broker does. One that is still starting accepts and
// closes.
func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
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

// Queues counts the broker's queues: one for each gateway that listens.
func (b *Broker) Queues(ctx context.Context) (int, error) {
	out, err := harness.Run(ctx, b.dir, []string{"HOME=" + b.dir}, "/usr/lib/rabbitmq/bin/rabbitmqctl",
		"-n", fmt.Sprintf("mgw-%d@localhost", b.port), "list_queues", "--quiet", "--no-table-headers", "name")
	return len(strings.Fields(out)), err
}

// FreePort gives a port that is free, and below those that a RabbitMQ on it
// needs too.
func FreePort() (int, error) {
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		if port+20000 < 65536 {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port below 45536 is free")
}
