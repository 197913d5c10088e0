package listen_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/spec"
)

// overHTTP2 starts a front over TLS that forwards to a backend over TLS, and
// gives a transport that speaks HTTP/2.
func overHTTP2(t *testing.T, handler http.HandlerFunc) (*http.Transport, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	b, err := backend.New(backend.Options{
		Gateway:   &spec.Gateway{APIs: make([]spec.API, 1), Endpoints: []spec.Endpoint{{Type: spec.HTTP, URLs: []string{server.URL}}}},
		Transport: backend.NewStandard(backend.StandardOptions{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	l := start(t, listen.Options{HTTPS: "127.0.0.1:0", Chain: &exchange.Chain{Request: []exchange.Stage{
		func(x *exchange.Exchange) bool { x.API, x.Operation = &spec.API{}, &spec.Operation{}; return true },
		b.Forward,
	}}})
	_, address := l.Addresses()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport, "https://" + address.String()
}

func TestHTTP2StreamsBothWaysWithTrailers(t *testing.T) {
	transport, url := overHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("X-Saw", r.Proto+" "+r.Header.Get("Te")+" "+r.Host)
		_ = http.NewResponseController(w).Flush()
		part := make([]byte, 3)
		for {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				break
			}
			_, _ = w.Write(part)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0 "+r.Trailer.Get("X-Sum"))
	})
	in, out := io.Pipe()
	request, _ := http.NewRequest("POST", url+"/svc/Method", in)
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	request.Trailer = http.Header{"X-Sum": nil}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.ProtoMajor != 2 || !strings.HasPrefix(response.Header.Get("X-Saw"), "HTTP/2.0 trailers 127.0.0.1:") {
		t.Errorf("%v", response)
	}
	for _, part := range []string{"one", "two", "six"} {
		if _, err := io.WriteString(out, part); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != part {
			t.Fatalf("%q, %v", got, err)
		}
	}
	request.Trailer.Set("X-Sum", "9")
	_ = out.Close()
	if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil || response.Trailer.Get("Grpc-Status") != "0 9" {
		t.Errorf("%q, %v, trailers %v", rest, err, response.Trailer)
	}
}

func TestHTTP2WithoutABodyHasNone(t *testing.T) {
	l := start(t, listen.Options{HTTPS: "127.0.0.1:0", Chain: &exchange.Chain{Request: []exchange.Stage{
		func(x *exchange.Exchange) bool {
			x.Status = 200
			if x.Request.Body == nil {
				x.Status = 204
			}
			return false
		},
	}}})
	_, address := l.Addresses()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	for body, want := range map[string]int{"": 204, "a": 200} {
		request, _ := http.NewRequest("POST", "https://"+address.String()+"/a", strings.NewReader(body))
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != want {
			t.Errorf("body %q over %s: %d", body, response.Proto, response.StatusCode)
		}
	}
}

func TestHTTP2GetsInterimAnswers(t *testing.T) {
	transport, url := overHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		fmt.Fprint(w, "done")
	})
	var hints []string
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(status, h["Link"]))
		return nil
	}})
	request, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if string(body) != "done" || err != nil || len(hints) != 1 || hints[0] != "103 [</style.css>]" || response.Header.Get("Link") != "" {
		t.Errorf("%q, %v, %q, %v", body, err, hints, response.Header)
	}
}

func TestAnHTTP2StreamThatIsResetCancelsTheBackend(t *testing.T) {
	working, cancelled := make(chan struct{}), make(chan struct{})
	transport, url := overHTTP2(t, func(_ http.ResponseWriter, r *http.Request) {
		close(working)
		<-r.Context().Done()
		close(cancelled)
	})
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	failed := make(chan error, 1)
	go func() {
		_, err := transport.RoundTrip(request)
		failed <- err
	}()
	<-working
	cancel()
	select {
	case <-cancelled:
	case <-time.After(5 * time.Second):
		t.Error("the backend works on")
	}
	if <-failed == nil {
		t.Error("the request was answered")
	}
}

func TestAnHTTP2StreamIsResetWhenTheBackendCuts(t *testing.T) {
	transport, url := overHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "first")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	request, _ := http.NewRequest("GET", url, nil)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("the client believes in %q", body)
	}
}

// Time-outs of one read or write must not run on while there is none.
func TestHTTP2StreamsMayBeSilentForLongerThanATimeout(t *testing.T) {
	const timeout = 50 * time.Millisecond
	l := start(t, listen.Options{HTTPS: "127.0.0.1:0", Timeouts: listen.Timeouts{Write: timeout, Body: timeout}, Chain: &exchange.Chain{
		Request: []exchange.Stage{func(x *exchange.Exchange) bool {
			x.Status, x.Response.Length = 200, exchange.Unknown
			x.Response.SetStream(&slow{from: x.Request.Body, pause: 4 * timeout})
			return false
		}},
	}})
	_, address := l.Addresses()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	sent := strings.Repeat("events ", 10_000)
	response, err := transport.RoundTrip(httptest.NewRequest("POST", "https://"+address.String()+"/", strings.NewReader(sent)))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); string(body) != sent || err != nil || response.ProtoMajor != 2 {
		t.Errorf("%s, %d bytes, %v", response.Proto, len(body), err)
	}
}

// slow is another body after pauses.
type slow struct {
	from  exchange.Body
	pause time.Duration
}

func (s *slow) Next() ([]byte, error) { time.Sleep(s.pause); return s.from.Next() }
func (s *slow) Rewind() bool          { return false }
func (s *slow) Abort(err error)       { s.from.Abort(err) }

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	done := make(chan bool, 1)
	l := start(t, listen.Options{HTTP: "127.0.0.1:0", Timeouts: listen.Timeouts{Write: 50 * time.Millisecond}, Chain: &exchange.Chain{
		Request: []exchange.Stage{func(x *exchange.Exchange) bool {
			x.Status = 200
			x.Response.SetBody(make([]byte, 64<<20))
			return false
		}},
		Done: []func(*exchange.Exchange){func(x *exchange.Exchange) { done <- x.Aborted }},
	}})
	address, _ := l.Addresses()
	_, _ = dial(t, address.String(), plainGet)
	select {
	case aborted := <-done:
		if !aborted {
			t.Error("64 MB went into no reader")
		}
	case <-time.After(5 * time.Second):
		t.Error("the writer waits for ever")
	}
}
