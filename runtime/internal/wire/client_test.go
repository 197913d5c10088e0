package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// serving is a proxy whose chain is one stage.
func serving(t testing.TB, o Options, stage exchange.Stage) *proxy {
	o.Chain = &exchange.Chain{
		Request: []exchange.Stage{stage},
		Panic:   func(x *exchange.Exchange, _ any) { x.Response.Reset(); reply.Internal.Send(x) },
	}
	return newProxy(t, "", proxyOptions{server: o})
}

func (p *proxy) dial() net.Conn {
	p.t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	return nc
}

func answerText(x *exchange.Exchange) bool {
	x.Status = 200
	x.Response.SetBodyString("text")
	return false
}

func TestContinueIsSentOnlyToThoseWhoseBodyIsWanted(t *testing.T) {
	p := serving(t, Options{}, func(x *exchange.Exchange) bool {
		if x.Request.Get(exchange.Authorization) == nil {
			x.Status = 401
			return false
		}
		chunk, err := x.Request.Body.Next()
		x.Status = 200
		x.Response.SetBodyString(fmt.Sprint(string(chunk), err))
		return false
	})
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
	if got := p.raw(head + "\r\n"); !strings.HasPrefix(got, "HTTP/1.1 401") || !strings.Contains(got, "Connection: close") {
		t.Errorf("refused: %q", got)
	}
	nc := p.dial()
	io.WriteString(nc, head+"Authorization: x\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(nc)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := r.ReadString('\n'); line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
	io.WriteString(nc, "abc")
	if got, _ := io.ReadAll(r); !strings.HasSuffix(string(got), "abc<nil>") {
		t.Errorf("got %q", got)
	}
	// Who does not wait is not told.
	if got := p.raw(head + "Authorization: x\r\nConnection: close\r\n\r\nabc"); strings.Contains(got, "100 Continue") {
		t.Errorf("got %q", got)
	}
}

func TestAnswersWithoutBody(t *testing.T) {
	for _, tc := range []struct {
		method string
		status int
		body   string
		want   string
	}{
		{"HEAD", 200, "abc", "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"},
		{"GET", 204, "abc", "HTTP/1.1 204 No Content\r\nDate: today\r\nConnection: close\r\n\r\n"},
		{"GET", 304, "", "HTTP/1.1 304 Not Modified\r\nDate: today\r\nConnection: close\r\n\r\n"},
		{"GET", 200, "", "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"GET", 999, "", "HTTP/1.1 999 \r\nDate: today\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	} {
		p := serving(t, Options{}, func(x *exchange.Exchange) bool {
			x.Status = tc.status
			x.Response.Add("Date", "today")
			x.Response.SetBodyString(tc.body)
			return false
		})
		if got := p.raw(tc.method + " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); got != tc.want {
			t.Errorf("%s %d: %q, want %q", tc.method, tc.status, got, tc.want)
		}
	}
}

func TestStagesThatAnswerNothingOrPanicAreAnInternalError(t *testing.T) {
	for name, stage := range map[string]exchange.Stage{
		"nothing": func(*exchange.Exchange) bool { return true },
		"panic":   func(*exchange.Exchange) bool { panic("bug") },
		"status":  func(x *exchange.Exchange) bool { x.Status = 42; return false },
	} {
		p := serving(t, Options{}, stage)
		if got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 500") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestStagesCannotSplitAnswers(t *testing.T) {
	p := serving(t, Options{}, func(x *exchange.Exchange) bool {
		x.Status = 200
		x.Response.Add("Date", "today")
		x.Response.Add("X", "a\r\nSet-Cookie: b\x00")
		x.Response.Add("Y\r\nZ", "1")
		x.Response.Add("", "1")
		return false
	})
	want := "HTTP/1.1 200 OK\r\nDate: today\r\nX: a  Set-Cookie: b \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	if got := p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); got != want {
		t.Errorf("got %q", got)
	}
}

func TestVersionDecidesPersistence(t *testing.T) {
	p := serving(t, Options{}, answerText)
	for _, tc := range []struct{ request, want string }{
		{"GET / HTTP/1.0\r\n\r\n", "close"},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", "keep-alive"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", "close"},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close"},
	} {
		if got := p.raw(tc.request); !strings.Contains(strings.SplitAfter(got, "\r\n\r\n")[0], "Connection: "+tc.want+"\r\n") {
			t.Errorf("%q: %q", tc.request, got)
		}
	}
}

func TestUnreadBodiesAreSkippedOrEndTheConnection(t *testing.T) {
	p := serving(t, Options{}, answerText)
	const next = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		request string
		answers int
	}{
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" + next, 2},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("a", 60000) + next, 2},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + next, 2},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n" + strings.Repeat("a", 600000) + next, 1},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n\r\n" + next, 1},
	} {
		if got := p.raw(tc.request); strings.Count(got, "HTTP/1.1 200 OK") != tc.answers {
			t.Errorf("%.80q: %q", tc.request, got)
		}
	}
}

func TestSlowClientsAreNotWaitedForForEver(t *testing.T) {
	o := Options{HeaderTimeout: 50 * time.Millisecond, BodyTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond, MinBodyRate: 1 << 20}
	p := serving(t, o, func(x *exchange.Exchange) bool {
		for x.Request.Body != nil {
			if _, err := x.Request.Body.Next(); err != nil {
				if refusal, ok := errors.AsType[reply.Refusal](err); ok {
					refusal.Fault().Send(x)
					return false
				}
				break
			}
		}
		return answerText(x)
	})
	drip := func(nc net.Conn, stop chan struct{}, b string) {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				if _, err := io.WriteString(nc, b); err != nil {
					return
				}
			}
		}
	}
	for _, tc := range []struct{ name, start, drip, want string }{
		{"nothing", "", "", ""},
		{"half a head", "GET / HTTP/1.1\r\nHo", "", "HTTP/1.1 408"},
		{"a head in drops", "GET / HTTP/1.1\r\nX: ", "a", "HTTP/1.1 408"},
		{"half a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", "", "HTTP/1.1 408"},
		{"a body in drops", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc", "a", "HTTP/1.1 408"},
		{"chunks in drops", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", "HTTP/1.1 408"},
		{"idle after an answer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc := p.dial()
			io.WriteString(nc, tc.start)
			stop := make(chan struct{})
			var dripping sync.WaitGroup
			if tc.drip != "" {
				dripping.Go(func() { drip(nc, stop, tc.drip) })
			}
			got, err := io.ReadAll(nc)
			close(stop)
			dripping.Wait()
			if !strings.HasPrefix(string(got), tc.want) || tc.want == "" && len(got) > 0 || isTimeout(err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestClientsThatNeverAskAreClosedEarly(t *testing.T) {
	p := serving(t, Options{HeaderTimeout: 30 * time.Millisecond, IdleTimeout: time.Minute}, answerText)
	if got, err := io.ReadAll(p.dial()); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
	nc := p.dial()
	for range 2 {
		io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if n, err := nc.Read(make([]byte, 4096)); n == 0 {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond) // longer than a head may take
	}
}

// endlessBody gives the same chunk for ever and counts.
type endlessBody struct {
	chunk []byte
	given int64
	ended chan error
}

func (b *endlessBody) Next() ([]byte, error) { b.given += int64(len(b.chunk)); return b.chunk, nil }
func (b *endlessBody) Rewind() bool          { return false }
func (b *endlessBody) Abort(err error)       { b.ended <- err }

func TestReadersWhoDoNotReadHoldNoMoreThanABuffer(t *testing.T) {
	body := &endlessBody{chunk: make([]byte, 32<<10), ended: make(chan error, 1)}
	p := serving(t, Options{WriteTimeout: 100 * time.Millisecond}, func(x *exchange.Exchange) bool {
		x.Status = 200
		x.Response.Body, x.Response.Length = body, exchange.Unknown
		return false
	})
	nc := p.dial()
	_ = nc.(*net.TCPConn).SetReadBuffer(4096)
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	select {
	case err := <-body.ended:
		if !isTimeout(err) {
			t.Errorf("ended by %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still writing to one who does not read")
	}
	if body.given > 16<<20 {
		t.Errorf("%d bytes were taken from the body", body.given)
	}
}

func TestShutdownFinishesWhatRuns(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	p := serving(t, Options{}, func(x *exchange.Exchange) bool {
		if string(x.Path) == "/slow" {
			close(entered)
			<-leave
		}
		return answerText(x)
	})
	idle, fresh, busy := p.dial(), p.dial(), p.dial()
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	first := make([]byte, 4096)
	if n, err := idle.Read(first); err != nil || strings.Contains(string(first[:n]), "close") {
		t.Fatalf("%q, %v", first[:n], err)
	}
	io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	down := make(chan error)
	go func() { down <- p.server.Shutdown(context.Background()) }()
	for name, nc := range map[string]net.Conn{"idle": idle, "fresh": fresh} {
		if got, err := io.ReadAll(nc); err != nil || len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	select {
	case <-down:
		t.Fatal("did not wait")
	default:
	}
	close(leave)
	got, err := io.ReadAll(busy)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200") || !strings.Contains(string(got), "Connection: close") {
		t.Errorf("busy: %q, %v", got, err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	backend := rawBackend(t, func(nc net.Conn, r *bufio.Reader, _ int) { _, _ = io.Copy(io.Discard, r) })
	entered := make(chan struct{}, 1)
	p := newProxy(t, backend, proxyOptions{stages: []exchange.Stage{func(*exchange.Exchange) bool { entered <- struct{}{}; return true }}})
	nc := p.dial()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if got, _ := io.ReadAll(nc); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestContextEndsWithTheClientAndWithTheExchange(t *testing.T) {
	ended := make(chan error, 1)
	var kept context.Context
	p := serving(t, Options{}, func(x *exchange.Exchange) bool {
		kept = x.Client.Context()
		if string(x.Path) == "/wait" {
			<-kept.Done()
			ended <- kept.Err()
		}
		_ = kept.Done()
		return answerText(x)
	})
	p.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if kept.Err() == nil {
		t.Error("the context outlives its exchange")
	}
	nc := p.dial()
	io.WriteString(nc, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	nc.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the client is gone and nobody is told")
	}
}

func TestKeptSlicesAreFoundByPoison(t *testing.T) {
	var kept []byte
	p := serving(t, Options{}, func(x *exchange.Exchange) bool { kept = x.Path; return answerText(x) })
	p.raw("GET /kept HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	_ = p.server.Shutdown(context.Background())
	if string(kept) == "/kept" {
		t.Error("a slice of the head still reads well after the exchange")
	}
}

func TestConnectionsOverTLS(t *testing.T) {
	backend := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	p := newProxy(t, backend, proxyOptions{})
	helper := httptest.NewUnstartedServer(nil)
	helper.StartTLS()
	defer helper.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", helper.TLS.Clone())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			secure := nc.(*tls.Conn)
			go func() {
				if secure.Handshake() != nil {
					secure.Close()
					return
				}
				state := secure.ConnectionState()
				p.server.ServeConn(secure, &state)
			}()
		}
	}()
	client := helper.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	client.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"http/1.1"}
	defer client.CloseIdleConnections()
	for _, size := range []int{1, 5000, 200_000} {
		for range 3 {
			resp, err := client.Post("https://"+ln.Addr().String()+"/", "", strings.NewReader(strings.Repeat("b", size)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || len(got) != size {
				t.Errorf("%d: %d, %v", size, len(got), err)
			}
		}
	}
}

func TestBackendsOverTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil)
	}))
	defer s.Close()
	pool := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	addr := s.Listener.Addr().String()
	trusting := newProxy(t, addr, proxyOptions{transport: TransportOptions{TLS: &tls.Config{RootCAs: pool}}, target: exchange.Target{Secure: true}})
	for range 2 {
		if got := trusting.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(got, "HTTP/1.1 true") {
			t.Errorf("got %q", got)
		}
	}
	wary := newProxy(t, addr, proxyOptions{target: exchange.Target{Secure: true}})
	if got := wary.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 502") {
		t.Errorf("an unknown certificate was trusted: %q", got)
	}
}
