package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mgw/runtime/startup"
)

// This test's binary is three programs by its name: the tests, the launcher
// ("gateway") and what it launches ("petstore").
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gateway": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
		},
		"petstore": petstore,
	})
}

// petstore behaves as its flags say.
func petstore() {
	args := os.Args[1:]
	fmt.Printf("arguments %q\n", args)
	has := func(flag string) bool { return slices.Contains(args, flag) }
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go reloads(hangups, has("--refuse"))
	for _, arg := range args {
		if code, ok := strings.CutPrefix(arg, "--exit="); ok {
			n, _ := strconv.Atoi(code)
			fmt.Fprintln(os.Stderr, "cannot listen")
			os.Exit(n)
		}
	}
	if has("--check-config") {
		if has("--broken") {
			fmt.Println("cannot be read")
			os.Exit(1)
		}
		return
	}
	if has("--stubborn") {
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ignoring SIGTERM")
	}
	if has("--serve") {
		fmt.Println("serving, pid", os.Getpid())
		if err := startup.Ready(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if has("--serve") || has("--silent") {
		fmt.Println("ended by", <-signals)
		if has("--slow") {
			time.Sleep(200 * time.Millisecond)
		}
		os.Exit(5)
	}
}

// reloads says what a gateway says at each hangup.
func reloads(hangups <-chan os.Signal, refuse bool) {
	for range hangups {
		if refuse {
			fmt.Println("conf:1:1: unknown key")
			fmt.Println(startup.ConfigurationRefused)
			continue
		}
		fmt.Println(startup.ConfigurationReloaded)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // each process would sleep a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"install": install,
			"exits":   exits,
			"kill9":   kill9,
		},
	})
}

// install FILE...: puts the petstore there.
func install(ts *testscript.TestScript, _ bool, files []string) {
	self, err := os.Executable()
	ts.Check(err)
	data, err := os.ReadFile(self)
	ts.Check(err)
	for _, file := range files {
		path := ts.MkAbs(file)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, data, 0o755))
	}
}

// exits CODE COMMAND...: runs a command that must end with the exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// kill9 FILE: kills the process that a pid file names and waits for its end.
func kill9(ts *testscript.TestScript, _ bool, args []string) {
	pid, ok := readPID(ts.MkAbs(args[0]))
	if !ok {
		ts.Fatalf("no process id in %s", args[0])
	}
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ts.Check(awaitEnd(ctx, ts.MkAbs(args[0])))
}
