package launch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
		defer cancel()
		awaitLog(t, target, "arguments")
	}()
	var stdout, stderr strings.Builder
	b := background{target, &stdout, &stderr, time.Minute, time.Minute}
	if code := b.start(ctx, []string{"--silent"}); code != exitFailed || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	end, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := awaitEnd(end, target+pidSuffix); err != nil {
		t.Error(err)
	}
}

// TestWaitingIsBounded uses a gateway that neither serves nor ends.
func TestWaitingIsBounded(t *testing.T) {
	target := copySelf(t)
	var stdout, stderr strings.Builder
	b := background{target, &stdout, &stderr, 300 * time.Millisecond, 300 * time.Millisecond}
	if code := b.start(t.Context(), []string{"--silent", "--stubborn"}); code != exitFailed || !strings.Contains(stderr.String(), "does not serve after 300ms; it goes on") {
		t.Errorf("start: exit code %d, %s", code, stderr.String())
	}
	pid, running := readPID(target + pidSuffix)
	if !running || b.status() != exitOK {
		t.Fatalf("it does not go on: %s%s", stdout.String(), stderr.String())
	}
	awaitLog(t, target, "ignoring SIGTERM")
	if code := b.stop(t.Context()); code != exitFailed || !strings.Contains(stderr.String(), "was told to end and still runs") {
		t.Errorf("stop: exit code %d, %s", code, stderr.String())
	}
	if code := b.restart(t.Context(), nil); code != exitFailed {
		t.Errorf("restart: exit code %d: a second gateway beside the first", code)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// TestManyStartsGiveOneGateway lets launchers race.
func TestManyStartsGiveOneGateway(t *testing.T) {
	target := copySelf(t)
	const launchers = 6
	said := make(chan string, launchers)
	for range launchers {
		go func() {
			var stdout, stderr strings.Builder
			b := background{target, &stdout, &stderr, time.Minute, time.Minute}
			b.start(t.Context(), []string{"--serve"})
			said <- stdout.String() + stderr.String()
		}()
	}
	started := 0
	for range launchers {
		switch line := <-said; {
		case strings.HasPrefix(line, "Microgateway has been started"):
			started++
		case !strings.HasPrefix(line, "Process is already running"):
			t.Error(line)
		}
	}
	if started != 1 {
		t.Errorf("%d gateways were started", started)
	}
	var stdout, stderr strings.Builder
	b := background{target, &stdout, &stderr, time.Minute, time.Minute}
	if code := b.stop(t.Context()); code != exitOK {
		t.Error(stderr.String())
	}
}

// awaitLog waits until a gateway in the background has said something.
func awaitLog(t *testing.T, target, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if log, _ := os.ReadFile(target + logSuffix); strings.Contains(string(log), text) {
			return
		}
	}
	t.Errorf("it never said %q", text)
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
