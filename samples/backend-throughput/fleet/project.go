// Package fleet runs the parts of the sample, each as a process of its own on
// free ports of the loopback: Redis, gateways of one project, the backend that
// they protect. Test and measurement share it.
//
// It waits for what a part says or answers, never for a time. Whoever starts a
// part ends it.
package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgw/samples/internal/harness"
)

// Project is the sample, built in a folder of its own.
type Project struct {
	harness.Tools
	Dir string
	// Limit is what /levels and /prices let through in a second.
	Limit int
}

// Build makes the tools and the sample's project in a new folder, with another
// limit than a thousand a second where the machine is too small for it. Remove
// ends it.
func Build(ctx context.Context, limit int) (*Project, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mgw-throughput-")
	if err != nil {
		return nil, err
	}
	p := &Project{Dir: dir, Limit: limit}
	if err := p.build(ctx, filepath.Join(root, "samples/backend-throughput")); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return p, nil
}

func (p *Project) build(ctx context.Context, sample string) (err error) {
	p.Tools, err = harness.BuildTools(ctx, p.Dir, "./cmd/mgw", "./cmd/gateway", "./samples/backend-throughput/backend")
	if err != nil {
		return err
	}
	if _, err := harness.Run(ctx, p.Dir, nil, p.Path("mgw"), "init", "demo"); err != nil {
		return err
	}
	for _, name := range []string{"api_definitions/stock.yaml", "policies.yaml", "conf/micro-gw.conf"} {
		data, err := os.ReadFile(filepath.Join(sample, name))
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), "{count: 1000, timeUnit: sec", fmt.Sprintf("{count: %d, timeUnit: sec", p.Limit))
		if err := os.WriteFile(filepath.Join(p.Dir, "demo", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	_, err = harness.Run(ctx, p.Dir, nil, p.Path("mgw"), "build", "demo")
	return err
}

// Remove deletes the folder.
func (p *Project) Remove() error { return os.RemoveAll(p.Dir) }
