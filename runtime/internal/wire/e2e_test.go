package wire

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/internal/clock"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

func TestMain(m *testing.M) {
	exchange.Poison = true
	goleak.VerifyTestMain(m)
}

// withoutPoison measures what is not a test's own cost.
func withoutPoison(tb testing.TB) {
	exchange.Poison = false
	tb.Cleanup(func() { exchange.Poison = true }) // after all that was started since
}

// forward is the least last stage that is a proxy.
func forward(u exchange.Upstream) exchange.Stage {
	return func(x *exchange.Exchange) bool {
		// As the backend room does it.
		var protocol []byte
		if x.Request.HasToken(exchange.Connection, "upgrade") {
			protocol = bytes.Clone(x.Request.Get(exchange.Upgrade))
		}
		x.Request.StripHop()
		if protocol != nil {
			x.Request.Add("Connection", "Upgrade")
			x.Request.AddBytes("Upgrade", protocol)
		}
		err := u.RoundTrip(x.Client.Context(), x, x.Target)
		attempt, _ := errors.AsType[*exchange.AttemptError](err)
		switch {
		case err == nil:
			return false
		case attempt.Timeout:
			reply.BackendTimeout.Send(x)
		default:
			reply.BackendUnreachable.Send(x)
			if refusal, ok := errors.AsType[reply.Refusal](attempt.Body); ok {
				refusal.Fault().Send(x)
			}
		}
		return false
	}
}

// proxy is a server with one backend behind it.
type proxy struct {
	t      testing.TB
	addr   string
	server *Server
}

type proxyOptions struct {
	server    Options
	transport TransportOptions
	target    exchange.Target
	stages    []exchange.Stage
	done      func(*exchange.Exchange)
}

func newProxy(t testing.TB, backend string, o proxyOptions) *proxy {
	t.Helper()
	transport := NewTransport(o.transport)
	o.target.Address = backend
	o.target.Host = cmp.Or(o.target.Host, backend)
	target := transport.Open(o.target)
	if o.server.Chain == nil {
		chain := &exchange.Chain{
			Request: append(o.stages, forward(target)),
			Panic:   func(x *exchange.Exchange, r any) { t.Error(r); reply.Internal.Send(x) },
		}
		if o.done != nil {
			chain.Done = append(chain.Done, o.done)
		}
		o.server.Chain = chain
	}
	if o.server.Clock == nil {
		o.server.Clock = clock.New()
	}
	o.server.Panic = func(r any) { panic(r) }
	server, err := NewServer(o.server)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go server.ServeConn(nc, nil)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-accepted
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = server.Shutdown(ctx)
		transport.Close()
	})
	return &proxy{t: t, addr: ln.Addr().String(), server: server}
}

func backendOf(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// raw sends text and gives all that comes back until the connection ends or
// nothing has come for a while.
func (p *proxy) raw(text string) string {
	p.t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, text); err != nil {
		p.t.Fatal(err)
	}
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	got, err := io.ReadAll(nc)
	if err != nil {
		return string(got) + "\n" + err.Error()
	}
	return string(got)
}

func TestProxyPassesRequestsAndAnswers(t *testing.T) {
	backend := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %d", r.Method, r.RequestURI, r.Host, len(body)))
		if r.URL.Path == "/chunked" {
			w.Header().Set("Trailer", "X-Sum")
			for range 3 {
				io.WriteString(w, strings.Repeat("x", 1000))
				w.(http.Flusher).Flush()
			}
			w.Header().Set("X-Sum", "3000")
			return
		}
		w.Write(body)
	})
	p := newProxy(t, backend, proxyOptions{})
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for _, size := range []int{0, 1, 1000, 10_000, 20_000, 100_000, 3 << 20} {
		for _, unknown := range []bool{false, true} {
			for range 3 {
				var body io.Reader = strings.NewReader(strings.Repeat("b", size))
				if unknown {
					body = io.MultiReader(body)
				}
				resp, err := client.Post("http://"+p.addr+"/a%2fb?q=1;2", "text/plain", body)
				if err != nil {
					t.Fatalf("%d: %v", size, err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || len(got) != size {
					t.Fatalf("%d: got %d bytes, %v", size, len(got), err)
				}
				if want := fmt.Sprintf("POST /a%%2fb?q=1;2 %s %d", backend, size); resp.Header.Get("X-Seen") != want {
					t.Fatalf("seen %q, want %q", resp.Header.Get("X-Seen"), want)
				}
			}
		}
	}
	resp, err := client.Get("http://" + p.addr + "/chunked")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || len(got) != 3000 || resp.Trailer.Get("X-Sum") != "3000" {
		t.Errorf("%d bytes, %v, trailers %v", len(got), err, resp.Trailer)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	backend := backendOf(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	p := newProxy(t, backend, proxyOptions{})
	var sent strings.Builder
	for i := range 50 {
		fmt.Fprintf(&sent, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", i)
	}
	sent.WriteString("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(strings.NewReader(p.raw(sent.String())))
	for i := range 51 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if want := fmt.Sprintf("/%d", i); string(body) != want && i < 50 || i == 50 && string(body) != "/last" {
			t.Fatalf("%d: %q", i, body)
		}
	}
}

// Answers fill the sockets while the client still sends; heads end anywhere in
// the buffer, alone or with the next one behind them.
func TestAPipelineThatIsReadLateLosesNothing(t *testing.T) {
	const count = 2000
	p := serving(t, Options{}, func(x *exchange.Exchange) bool {
		x.Status = 200
		x.Response.SetBodyString(string(x.Path) + strings.Repeat("x", 2000))
		return false
	})
	nc := p.dial()
	sent := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(nc, 10_007)
		for i := range count {
			fmt.Fprintf(w, "GET /%d HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", i, strings.Repeat("y", i*37%3000))
		}
		sent <- w.Flush()
	}()
	time.Sleep(20 * time.Millisecond) // a client that reads late, not a wait for anything
	r := bufio.NewReader(nc)
	for i := range count {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if want := fmt.Sprintf("/%dx", i); err != nil || !strings.HasPrefix(string(body), want) || len(body) != len(want)+1999 {
			t.Fatalf("%d: %d bytes, %.20q, %v", i, len(body), body, err)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
