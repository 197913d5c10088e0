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
	for _, arg := range args {
		if code, ok := strings.CutPrefix(arg, "--exit="); ok {
			n, _ := strconv.Atoi(code)
			fmt.Fprintln(os.Stderr, "cannot listen")
			os.Exit(n)
		}
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

func TestCommandLinesAreUnderstood(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string // verb path flags, or the error
	}{
		{"target/petstore", " target/petstore []"},
		{"target/petstore --a=b start", " target/petstore [--a=b start]"},
		{"start x", "start x []"},
		{"--start x -y", "start x [-y]"},
		{"-stop x", "stop x []"},
		{"version", "version  []"},
		{"--version", "version  []"},
		{"-h", "help  []"},
		{"--help", "help  []"},
		{"./start", " ./start []"},
		{"", "the path of a gateway is missing"},
		{"stop", "stop needs the path of a gateway"},
		{"restart --config x", "restart needs the path of a gateway"},
		{"--config x target/petstore", `unknown command "--config": the path of the gateway comes before its flags`},
	} {
		c, err := parse(strings.Fields(tc.args))
		got := fmt.Sprintf("%s %s %s", c.verb, c.path, c.flags)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.args, got, tc.want)
		}
	}
}

func TestTheLastConfigFlagCounts(t *testing.T) {
	for args, want := range map[string]string{
		"":                           "",
		"--config x":                 "x",
		"--config=x":                 "x",
		"--config x --config=y":      "y",
		"--config":                   "",
		"--configuration x --set a=": "",
	} {
		if got := configFlag(strings.Fields(args)); got != want {
			t.Errorf("%q: %q", args, got)
		}
	}
}

// TestTheGatewayTakesTheLaunchersProcess shows that signals and exit code need
// no passing on.
func TestTheGatewayTakesTheLaunchersProcess(t *testing.T) {
	target := copySelf(t)
	cmd := exec.Command("gateway", target, "--serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	want := fmt.Sprintf("serving, pid %d\n", cmd.Process.Pid)
	for buf := make([]byte, 256); !strings.Contains(said.String(), "serving, pid "); {
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, said.String())
		}
	}
	if !strings.HasSuffix(said.String(), want) {
		t.Errorf("it says %q, want %q", said.String(), want)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d, want the gateway's 5", code)
	}
}

// TestAnInterruptedStartEndsTheGateway uses one that never serves.
func TestAnInterruptedStartEndsTheGateway(t *testing.T) {
	target := copySelf(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(pollEvery) {
			if log, _ := os.ReadFile(target + logSuffix); strings.Contains(string(log), "arguments") {
				break
			}
		}
		cancel()
	}()
	var stdout, stderr strings.Builder
	b := background{target, &stdout, &stderr}
	if code := b.start(ctx, []string{"--silent"}); code != exitFailed || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	end, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := awaitEnd(end, target+pidSuffix); err != nil {
		t.Error(err)
	}
}

// copySelf puts this binary where it is the petstore.
func copySelf(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "petstore")
	if err := os.WriteFile(target, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return target
}
