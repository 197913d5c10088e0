// Package grpc_test runs the gRPC sample: a real gRPC client and server with a
// built gateway between them, over both ports and both engines.
package grpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"mgw/samples/grpc/echo"
	"mgw/samples/internal/harness"
)

// sample is what the tests share.
var sample struct {
	harness.Tools
	dir   string
	token string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "mgw-grpc-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(ctx, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build does what the README says.
func build(ctx context.Context, dir string) (err error) {
	sample.dir = dir
	if sample.Tools, err = harness.BuildTools(ctx, dir, "./cmd/mgw", "./cmd/gateway"); err != nil {
		return err
	}
	if _, err := harness.Run(ctx, ".", nil, "go", "build", "-o", filepath.Join(dir, "server"), "./server"); err != nil {
		return err
	}
	definition, err := filepath.Abs("api_definitions/echo.yaml")
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "echo", "-a", definition}, {"build", "echo"}} {
		if _, err := harness.Run(ctx, dir, nil, sample.Path("mgw"), args...); err != nil {
			return err
		}
	}
	out, err := harness.Run(ctx, dir, nil, sample.Path("mgw"), "token", "echo", "--sub", "kim", "--tier", "Unlimited", "--app-tier", "Unlimited")
	sample.token = strings.TrimSpace(out[strings.LastIndexByte(strings.TrimSpace(out), '\n')+1:])
	return err
}

// backend is the server's process.
func backend(t *testing.T) (*harness.Process, string) {
	t.Helper()
	p, err := harness.StartGroup(sample.dir, nil, sample.Path("server"), "-addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	url, err := p.WaitLine(t.Context(), `^grpc://\S+$`)
	if err != nil {
		t.Fatal(err)
	}
	return p, url[0]
}

func gateway(t *testing.T, backend string, flags ...string) *harness.Gateway {
	t.Helper()
	g, err := sample.StartGateway(t.Context(), sample.dir, "echo/target/echo", append(flags, "--echo_prod_endpoint_0="+backend)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Errorf("%v\n%s", err, g.Output())
		}
	})
	return g
}

func dial(t *testing.T, url string) echo.Client {
	t.Helper()
	scheme, address, _ := strings.Cut(url, "://")
	secure := insecure.NewCredentials()
	if scheme == "https" {
		secure = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}) // the gateway made its certificate itself
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(secure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return echo.Client{Conn: conn}
}

// onWays runs a test over both ports and both engines.
func onWays(t *testing.T, test func(t *testing.T, c echo.Client)) {
	for _, engine := range []string{"fast", "standard"} {
		t.Run(engine, func(t *testing.T) {
			_, url := backend(t)
			g := gateway(t, url, "--set", "listenerConfig.engine="+engine)
			t.Run("prior knowledge", func(t *testing.T) { test(t, dial(t, g.HTTP)) })
			t.Run("TLS", func(t *testing.T) { test(t, dial(t, g.HTTPS)) })
		})
	}
}

func TestCallsOfEveryKindPass(t *testing.T) {
	onWays(t, func(t *testing.T, c echo.Client) {
		t.Run("unary", func(t *testing.T) { unary(t, c) })
		t.Run("server streaming", func(t *testing.T) { serverStreaming(t, c) })
		t.Run("client streaming", func(t *testing.T) { clientStreaming(t, c) })
		t.Run("bidirectional", func(t *testing.T) { bidirectional(t, c) })
		t.Run("many at once", func(t *testing.T) { manyAtOnce(t, c) })
		t.Run("cancelled", func(t *testing.T) { cancelled(t, c) })
		t.Run("deadline", func(t *testing.T) { deadline(t, c) })
	})
}

func unary(t *testing.T, c echo.Client) {
	var head, trailer metadata.MD
	large := strings.Repeat("large ", 500_000)
	if text, err := c.Say(t.Context(), "Say", large, grpc.Header(&head), grpc.Trailer(&trailer)); err != nil || text != large {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if got := head.Get("saw-for"); len(got) != 1 || got[0] != "127.0.0.1" {
		t.Errorf("x-forwarded-for: %q", got)
	}
	if got := trailer.Get("said-bin"); len(got) != 1 || got[0] != "\x00\xff" {
		t.Errorf("trailer: %q", got)
	}
	_, err := c.Say(t.Context(), "Say", "fail", grpc.Trailer(&trailer))
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "it was to fail: 100 %" || len(trailer.Get("said-bin")) != 1 {
		t.Errorf("a failure came as %v with %v", err, trailer)
	}
	if _, err := c.Say(t.Context(), "Missing", ""); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that no definition has: %v", err)
	}
}

func withToken(t *testing.T) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+sample.token)
}

func open(t *testing.T, ctx context.Context, c echo.Client, method string) grpc.ClientStream {
	t.Helper()
	stream, err := c.Stream(ctx, method)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

const many = 10_000

func serverStreaming(t *testing.T, c echo.Client) {
	stream := open(t, t.Context(), c, "Count")
	if err := errors.Join(stream.SendMsg(wrapperspb.Int64(many)), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	got := new(wrapperspb.Int64Value)
	for want := int64(1); want <= many; want++ {
		if err := stream.RecvMsg(got); err != nil || got.Value != want {
			t.Fatalf("message %d: %d, %v", want, got.Value, err)
		}
	}
	if err := stream.RecvMsg(got); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func clientStreaming(t *testing.T, c echo.Client) {
	stream := open(t, t.Context(), c, "Sum")
	for n := int64(1); n <= many; n++ {
		if err := stream.SendMsg(wrapperspb.Int64(n)); err != nil {
			t.Fatal(err)
		}
	}
	got := new(wrapperspb.Int64Value)
	if err := errors.Join(stream.CloseSend(), stream.RecvMsg(got)); err != nil || got.Value != many*(many+1)/2 {
		t.Errorf("%d, %v", got.Value, err)
	}
}

// bidirectional sends a message when the one before has come back, then many
// without waiting.
func bidirectional(t *testing.T, c echo.Client) {
	stream := open(t, t.Context(), c, "Chat")
	got := new(wrapperspb.StringValue)
	for _, text := range []string{"one", "two", "three"} {
		if err := errors.Join(stream.SendMsg(wrapperspb.String(text)), stream.RecvMsg(got)); err != nil || got.Value != text {
			t.Fatalf("%q, %v", got.Value, err)
		}
	}
	sent := make(chan error, 1)
	go func() {
		for n := range many {
			if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(n))); err != nil {
				sent <- err
				return
			}
		}
		sent <- stream.CloseSend()
	}()
	for n := range many {
		if err := stream.RecvMsg(got); err != nil || got.Value != fmt.Sprint(n) {
			t.Fatalf("message %d: %q, %v", n, got.Value, err)
		}
	}
	if err := stream.RecvMsg(got); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// manyAtOnce is more calls than a connection takes at a time.
func manyAtOnce(t *testing.T, c echo.Client) {
	var all sync.WaitGroup
	for n := range 600 {
		all.Go(func() {
			if text, err := c.Say(withToken(t), "Mine", fmt.Sprint(n)); err != nil || text != fmt.Sprint(n) {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	all.Wait()
}

func cancelled(t *testing.T, c echo.Client) {
	ctx, cancel := context.WithCancel(t.Context())
	stream := open(t, ctx, c, "Count")
	if err := errors.Join(stream.SendMsg(wrapperspb.Int64(0)), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	got := new(wrapperspb.Int64Value)
	for range 100 {
		if err := stream.RecvMsg(got); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	var err error
	for err == nil {
		err = stream.RecvMsg(got)
	}
	if status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	if _, err := c.Say(t.Context(), "Say", "still there"); err != nil {
		t.Errorf("after a cancelled call: %v", err)
	}
}

func deadline(t *testing.T, c echo.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	stream := open(t, ctx, c, "Chat")
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
}

func TestRefusalsAreStatuses(t *testing.T) {
	onWays(t, func(t *testing.T, c echo.Client) {
		if _, err := c.Say(t.Context(), "Mine", "x"); status.Code(err) != codes.Unauthenticated {
			t.Errorf("without a token: %v", err)
		}
		var head metadata.MD
		if text, err := c.Say(withToken(t), "Mine", "x", grpc.Header(&head)); err != nil || text != "x" {
			t.Errorf("with a token: %q, %v", text, err)
		}
		if got := head.Get("saw-authorization"); len(got) != 1 || got[0] != "" {
			t.Errorf("the backend saw the token: %q", got)
		}
	})
}

func TestASpentTierIsResourceExhausted(t *testing.T) {
	_, url := backend(t)
	c := dial(t, gateway(t, url).HTTP)
	time.Sleep(harness.UntilWindow(time.Now(), time.Minute, 20*time.Second))
	for n := range 7 {
		var trailer metadata.MD
		_, err := c.Say(t.Context(), "Few", "x", grpc.Trailer(&trailer))
		s := status.Convert(err)
		switch {
		case n < 5 && err != nil:
			t.Fatalf("call %d: %v", n+1, err)
		case n >= 5 && (s.Code() != codes.ResourceExhausted || s.Message() != "Message throttled out" || len(trailer.Get("retry-after")) != 1):
			t.Fatalf("call %d: %v, %v", n+1, err, trailer)
		}
	}
}

func TestAKilledBackendIsUnavailable(t *testing.T) {
	p, url := backend(t)
	c := dial(t, gateway(t, url).HTTP)
	stream := open(t, t.Context(), c, "Chat")
	got := new(wrapperspb.StringValue)
	if err := errors.Join(stream.SendMsg(wrapperspb.String("x")), stream.RecvMsg(got)); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := stream.RecvMsg(got); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream under way: %v after %v", err, time.Since(begun))
	}
	if _, err := c.Say(t.Context(), "Say", "x"); status.Code(err) != codes.Unavailable {
		t.Errorf("the next call: %v", err)
	}
}

// What is under way when a gateway is told to stop ends as it would have.
func TestCallsUnderWayOutliveTheSignalToStop(t *testing.T) {
	_, url := backend(t)
	g := gateway(t, url)
	stream := open(t, t.Context(), dial(t, g.HTTP), "Chat")
	got := new(wrapperspb.StringValue)
	say := func(text string) error {
		return errors.Join(stream.SendMsg(wrapperspb.String(text)), stream.RecvMsg(got))
	}
	if err := say("before"); err != nil {
		t.Fatal(err)
	}
	if err := g.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := g.WaitLine(t.Context(), "shutting down"); err != nil {
		t.Fatal(err)
	}
	if err := say("after"); err != nil || got.Value != "after" {
		t.Errorf("%q, %v", got.Value, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if err := stream.RecvMsg(got); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}
