package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgw/samples/internal/harness"
)

// startGateway starts the petstore sample twice: without an access log, and with
// one.
func (l *lab) startGateway(ctx context.Context) error {
	for _, log := range []string{"", l.path("access.log")} {
		g, err := l.gateway(ctx, l.executable(), log)
		if err != nil {
			return err
		}
		if log == "" {
			l.proxies = append(l.proxies, g)
		} else {
			l.proxies[len(l.proxies)-1].logging = g
		}
	}
	return nil
}

// gateway starts one, with an access log where that is named.
func (l *lab) gateway(ctx context.Context, executable, log string) (*proxy, error) {
	p, err := l.ports()
	if err != nil {
		return nil, err
	}
	p.Log = log
	if _, err := l.fill("micro-gw.conf.tmpl", "petstore/conf/micro-gw.conf", p); err != nil {
		return nil, err
	}
	process, err := l.start(ctx, p.HTTP, executable, "--config", l.path("petstore/conf/micro-gw.conf"),
		fmt.Sprintf("--petstore_prod_endpoint_0=http://127.0.0.1:%d", l.origin))
	if err != nil {
		return nil, err
	}
	return &proxy{name: "gateway", gateway: true, http: p.HTTP, https: p.HTTPS, process: process}, nil
}

func (l *lab) executable() string {
	if l.settings.gateway != "" {
		return l.settings.gateway
	}
	return l.path("petstore/target/petstore")
}

// build makes the gateway as users do. The sample's definition gets a tier
// where a case meets three, and an upload that needs no token.
func (l *lab) build(ctx context.Context) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	definition, err := os.ReadFile(filepath.Join(root, "samples/petstore/api_definitions/petstore.yaml"))
	if err != nil {
		return err
	}
	text := strings.Replace(string(definition), "operationId: getOrderById\n", "operationId: getOrderById\n      x-wso2-throttling-tier: Gold\n", 1)
	text = strings.Replace(text, "operationId: uploadFile\n", "operationId: uploadFile\n      x-wso2-disable-security: true\n", 1)
	if err := os.WriteFile(l.path("petstore.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	tools, err := harness.BuildTools(ctx, l.dir, "./cmd/mgw")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(l.path("petstore")); err != nil {
		return err
	}
	if _, err := harness.Run(ctx, l.dir, nil, tools.Path("mgw"), "init", "petstore", "-a", l.path("petstore.yaml")); err != nil {
		return err
	}
	policies, err := files.ReadFile("policies.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path("petstore/policies.yaml"), policies, 0o644); err != nil {
		return err
	}
	if _, err := harness.Run(ctx, l.dir, nil, tools.Path("mgw"), "build", "petstore"); err != nil {
		return err
	}
	token, err := harness.Run(ctx, l.dir, nil, tools.Path("mgw"), "token", "petstore", "--tier", "Gold", "--app-tier", "Gold", "--expires", "24h")
	l.token = strings.TrimSpace(token)
	return err
}
