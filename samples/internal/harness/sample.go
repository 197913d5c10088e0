package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Sample is a sample whose README was followed: each command was run and
// printed what it should; the programs that it leaves running still run.
//
// Three things differ from what the README says. It is followed in a folder of
// its own, in which the samples are links; programs that it starts with `go
// run` are built first; and every port is one that was free.
type Sample struct {
	Tools
	Dir     string
	Shell   *Shell
	Gateway *Gateway
	Admin   string             // URL of the gateway's admin listener
	Servers map[string]*Server // by program
}

// Server is a program that a sample started with `go run`.
type Server struct {
	*Process
	URL string
}

// where the READMEs say that the gateway listens.
const (
	shownHTTP  = "http://localhost:9090"
	shownHTTPS = "https://localhost:9095"
	shownAdmin = "http://127.0.0.1:9091"
)

// Follow runs the commands of a README in the working folder, which is a
// sample's. Settle ends what it has started, also after an error.
func Follow(ctx context.Context, readme string) (*Sample, error) {
	s := &Sample{Servers: map[string]*Server{}}
	steps, err := ReadSteps(readme)
	if err != nil {
		return s, err
	}
	if err := s.prepare(ctx, steps); err != nil {
		return s, err
	}
	shown := []string{}
	for _, step := range steps {
		step.Command = strings.NewReplacer(shown...).Replace(step.Command)
		if step.Background() {
			shown, err = s.background(ctx, step, shown)
		} else {
			err = s.foreground(step)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// Followed follows README.md, runs tests with the sample and ends it. It gives
// the tests' exit code, or 1 where something else failed.
func Followed(tests func(*Sample) int) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := Follow(ctx, "README.md")
	defer func() {
		if err := s.Settle(); err != nil {
			fmt.Fprintln(os.Stderr, "ending the sample:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return tests(s)
}

// prepare makes the folder and builds the programs.
func (s *Sample) prepare(ctx context.Context, steps []Step) (err error) {
	if s.Dir, err = os.MkdirTemp("", "mgw-sample-"); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.Symlink(here, filepath.Join(s.Dir, filepath.Base(here))); err != nil {
		return err
	}
	programs := []string{"./cmd/mgw", "./cmd/gateway"}
	for _, step := range steps {
		if m := goRun.FindStringSubmatch(step.Command); m != nil {
			programs = append(programs, "./samples/"+m[1])
		}
	}
	bin := filepath.Join(s.Dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	if s.Tools, err = BuildTools(ctx, bin, programs...); err != nil {
		return err
	}
	s.Shell, err = s.NewShell(ctx, s.Dir)
	return err
}

// goRun is how a README starts a program of the samples.
var goRun = regexp.MustCompile(`^go run \./(\S+)`)

func (s *Sample) foreground(step Step) error {
	command := step.Command
	if m := goRun.FindStringSubmatch(command); m != nil {
		command = filepath.Base(m[1]) + command[len(m[0]):] // built, and in the path
	}
	out, err := s.Shell.Run(command)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", step.File, step.Line, err)
	}
	return step.Check(out)
}

// background starts a program, and adds where it listens to the list of what
// the README shows and what is so here.
func (s *Sample) background(ctx context.Context, step Step, shown []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // to listen
	defer cancel()
	words := strings.Fields(strings.TrimSuffix(step.Command, " &"))
	var env []string
	for len(words) > 0 && strings.Contains(words[0], "=") {
		env, words = append(env, words[0]), words[1:]
	}
	switch {
	case len(words) == 5 && words[0] == "go" && words[3] == "-addr":
		name := filepath.Base(words[2])
		p, err := Start(s.Dir, env, s.Path(name), "-addr", "127.0.0.1:0")
		if err != nil {
			return shown, err
		}
		s.Servers[name] = &Server{Process: p}
		url, err := p.WaitLine(ctx, `^http://\S+$`)
		if err != nil {
			return shown, err
		}
		s.Servers[name].URL = url[0]
		return append(shown, "http://"+words[4], url[0]), nil
	case len(words) == 2 && words[0] == "gateway":
		return s.gateway(ctx, env, words[1], shown)
	}
	return shown, fmt.Errorf("%s:%d: only programs of the samples with -addr, and the gateway, may go on in the background", step.File, step.Line)
}

func (s *Sample) gateway(ctx context.Context, env []string, executable string, shown []string) ([]string, error) {
	if echo := s.Servers["echo"]; echo != nil {
		env = append(env, "echo_prod_endpoint_0="+echo.URL)
	}
	var err error
	if s.Gateway, err = s.StartGatewayIn(ctx, s.Dir, env, executable); err != nil {
		return shown, err
	}
	if s.Admin, err = s.Gateway.Admin(ctx); err != nil {
		return shown, err
	}
	return append(shown, shownHTTP, s.Gateway.HTTP, shownHTTPS, s.Gateway.HTTPS, shownAdmin, s.Admin), nil
}

// Settle ends what Follow has started and removes the folder.
func (s *Sample) Settle() error {
	var all []error
	if s.Shell != nil {
		all = append(all, s.Shell.Close())
	}
	if s.Gateway != nil {
		if err := s.Gateway.Stop(); err != nil {
			all = append(all, fmt.Errorf("gateway: %w\n%s", err, s.Gateway.Output()))
		}
	}
	for name, server := range s.Servers {
		if err := server.Stop(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(append(all, os.RemoveAll(s.Dir))...)
}
