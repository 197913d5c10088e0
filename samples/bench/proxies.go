package main

import (
	"context"
	"crypto/tls"
	"embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"mgw/samples/internal/harness"
)

//go:embed observe.go.tmpl nginx.conf.tmpl haproxy.cfg.tmpl backend.conf.tmpl micro-gw.conf.tmpl policies.yaml
var files embed.FS

// proxy is one of those that are compared.
type proxy struct {
	name    string
	gateway bool
	http    int // ports
	https   int
	process *harness.Process
	logging *proxy // the same gateway with an access log
}

func (p *proxy) serving(w workload) *proxy {
	if w.token && p.logging != nil {
		return p.logging
	}
	return p
}

func (p *proxy) pid(w workload) int { return p.serving(w).process.Pid() }

func (p *proxy) url(w workload) string {
	p = p.serving(w)
	if w.tls {
		return fmt.Sprintf("https://127.0.0.1:%d%s", p.https, w.path)
	}
	return fmt.Sprintf("http://127.0.0.1:%d%s", p.http, w.path)
}

// lab is everything that runs.
type lab struct {
	settings settings
	dir      string
	self     string
	token    string
	backend  *harness.Process
	origin   int // the backend's port
	proxies  []*proxy
	started  []*harness.Process
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// core is where backend and load run.
func (l *lab) core(p placement) int {
	if p.own {
		return l.settings.loadCore
	}
	return l.settings.proxyCore
}

func (l *lab) authorization(w workload) string {
	if w.token {
		return "Bearer " + l.token
	}
	return "-"
}

// open makes what is started later.
func open(ctx context.Context, dir string, s settings) (*lab, error) {
	l := &lab{settings: s, dir: dir}
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	return l, l.build(ctx)
}

// startAll starts backend and proxies, fresh ones for each placement: memory
// that one load has taken is not counted with the next.
func (l *lab) startAll(ctx context.Context) error {
	l.stopAll()
	for _, step := range []func(context.Context) error{l.startBackend, l.startNginx, l.startHAProxy, l.startReverseProxy, l.startGateway} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) prepare(ctx context.Context) (err error) {
	for _, tool := range []string{"nginx", "haproxy", "wrk", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: .ci/setup installs it where that is permitted", tool)
		}
	}
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	if err := l.certificate(); err != nil {
		return err
	}
	return os.WriteFile(l.path("load.lua"), []byte(loadScript), 0o644)
}

// start runs a program on the core of the proxies and waits until its port
// answers.
func (l *lab) start(ctx context.Context, port int, program string, args ...string) (*harness.Process, error) {
	args = append([]string{"-c", strconv.Itoa(l.settings.proxyCore), program}, args...)
	p, err := harness.Start(l.dir, nil, "taskset", args...)
	if err != nil {
		return nil, err
	}
	l.started = append(l.started, p)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		nc, err := net.Dial("tcp", address(port))
		if err == nil {
			return p, nc.Close()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return nil, fmt.Errorf("%s does not answer on its port: %w\n%s", program, err, p.Output())
		}
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// fill writes a configuration from its template.
func (l *lab) fill(name, target string, values any) (string, error) {
	t, err := template.ParseFS(files, name)
	if err != nil {
		return "", err
	}
	f, err := os.Create(l.path(target))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Name(), t.Execute(f, values)
}

// answerSize is how much the backend answers.
const answerSize = 1024

// ports are what a configuration is told.
type ports struct {
	Dir                 string
	HTTP, HTTPS, Origin int
	Log                 string
	Answer              string // what the backend says
}

func (l *lab) ports() (p ports, err error) {
	p = ports{Dir: l.dir, Origin: l.origin, Answer: strings.Repeat("x", answerSize)}
	for _, port := range []*int{&p.HTTP, &p.HTTPS} {
		socket, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer socket.Close()
		*port = socket.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

func (l *lab) startBackend(ctx context.Context) error {
	p, err := l.ports()
	if err != nil {
		return err
	}
	conf, err := l.fill("backend.conf.tmpl", "backend.conf", p)
	if err != nil {
		return err
	}
	l.origin = p.HTTP
	l.backend, err = l.start(ctx, p.HTTP, "nginx", "-p", l.dir, "-c", conf, "-e", "stderr")
	return err
}

func (l *lab) startNginx(ctx context.Context) error {
	return l.startProxy(ctx, "nginx", func(p ports) (string, []string, error) {
		conf, err := l.fill("nginx.conf.tmpl", "nginx.conf", p)
		return "nginx", []string{"-p", l.dir, "-c", conf, "-e", "stderr"}, err
	})
}

func (l *lab) startHAProxy(ctx context.Context) error {
	return l.startProxy(ctx, "HAProxy", func(p ports) (string, []string, error) {
		conf, err := l.fill("haproxy.cfg.tmpl", "haproxy.cfg", p)
		return "haproxy", []string{"-db", "-f", conf}, err
	})
}

func (l *lab) startReverseProxy(ctx context.Context) error {
	return l.startProxy(ctx, "ReverseProxy", func(p ports) (string, []string, error) {
		return l.self, []string{"reverse-proxy", address(p.HTTP), address(p.HTTPS), address(p.Origin), l.path("server.pem"), l.path("server.key")}, nil
	})
}

// startProxy starts one that is told its ports.
func (l *lab) startProxy(ctx context.Context, name string, command func(ports) (string, []string, error)) error {
	p, err := l.ports()
	if err != nil {
		return err
	}
	program, args, err := command(p)
	if err != nil {
		return err
	}
	process, err := l.start(ctx, p.HTTP, program, args...)
	if err != nil {
		return err
	}
	l.proxies = append(l.proxies, &proxy{name: name, http: p.HTTP, https: p.HTTPS, process: process})
	return nil
}

// place moves the backend to its core.
func (l *lab) place(ctx context.Context, p placement) error {
	for _, pid := range family(l.backend.Pid()) {
		if _, err := harness.Run(ctx, l.dir, nil, "taskset", "-apc", strconv.Itoa(l.core(p)), strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return l.probe(ctx)
}

// probe asks each proxy for each case once: what is compared must do the same.
func (l *lab) probe(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}}
	defer client.CloseIdleConnections()
	for _, w := range cases {
		for _, p := range l.proxies {
			request, err := http.NewRequestWithContext(ctx, w.method, p.url(w), strings.NewReader(strings.Repeat("x", w.body)))
			if err != nil {
				return err
			}
			if w.token {
				request.Header.Set("Authorization", l.authorization(w))
			}
			response, err := client.Do(request)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, w.name, err)
			}
			response.Body.Close()
			if response.StatusCode != 200 || response.ContentLength != answerSize {
				return fmt.Errorf("%s, %s: status %d, %d bytes", p.name, w.name, response.StatusCode, response.ContentLength)
			}
		}
	}
	return nil
}

// versions tells what is compared.
func (l *lab) versions(ctx context.Context) string {
	nginx, _ := harness.Run(ctx, l.dir, nil, "nginx", "-v")
	haproxy, _ := harness.Run(ctx, l.dir, nil, "haproxy", "-v")
	golang, _ := harness.Run(ctx, l.dir, nil, "go", "version")
	first := func(s string) string { line, _, _ := strings.Cut(s, "\n"); return strings.TrimSpace(line) }
	return first(nginx) + ", " + first(haproxy) + ", " + first(golang)
}

func (l *lab) stopAll() {
	for _, p := range l.started {
		_ = p.Stop() // how a measured process ends tells nothing
	}
	l.started, l.proxies = nil, nil
}
