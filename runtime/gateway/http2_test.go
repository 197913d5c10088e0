package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// http2Client speaks nothing but HTTP/2; to http URLs with prior knowledge.
func http2Client(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// calls is served with a method for gRPC calls: open, five an hour and secured.
func calls(backend string) *spec.Gateway {
	content := served(backend)
	for i := range content.APIs[0].Operations {
		op := &content.APIs[0].Operations[i]
		op.Method = "POST"
	}
	return content
}

// call makes a gRPC call as far as HTTP sees it.
func call(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", url, io.NopCloser(strings.NewReader("\x00\x00\x00\x00\x00")))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc+proto")
	request.Header.Set("TE", "trailers")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// http2Backend is a backend on plaintext that speaks HTTP/2 alone.
func http2Backend(t *testing.T, scheme string, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return scheme + strings.TrimPrefix(server.URL, "http")
}

func TestHTTP2IsServedOnBothPortsBesideHTTP1(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(backendOf(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto")) })), engine)
		_, secure := r.listener.Addresses()
		for url, want := range map[string]string{r.url: "http", "https://" + secure.String(): "https"} {
			for range 2 {
				response, err := http2Client(t).Get(url + "/pets/many")
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.ProtoMajor != 2 || response.StatusCode != 200 || string(body) != want {
					t.Errorf("%s: %s %d %q", url, response.Proto, response.StatusCode, body)
				}
			}
		}
		if status, body := get(t, r.url+"/pets/many"); status != 200 || body != "http" {
			t.Errorf("HTTP/1.1: %d %q", status, body)
		}
	})
}

func TestPriorKnowledgeIsRefusedWhereHTTP2IsOff(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), engine, "http2.enable=false")
		if response, err := http2Client(t).Get(r.url + "/pets/many"); err == nil {
			t.Errorf("answered %d", response.StatusCode)
		}
	})
}

// What stands in the first segments must not decide what is spoken.
func TestThePrefaceMayComeInPieces(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})), engine)
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		for _, piece := range []string{"PRI", " * HTTP/2.0\r", "\n\r\nS", "M\r\n\r\n" + settings[:4], settings[4:]} {
			if _, err := io.WriteString(conn, piece); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond) // so that each is a segment
		}
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil || head[3] != 4 {
			t.Errorf("no SETTINGS: % x, %v", head, err)
		}
	})
}

func TestAFirstRequestThatIsNoPrefaceIsRefused(t *testing.T) {
	for _, request := range []string{"PRI * HTTP/2.1\r\n\r\n", "PRI / HTTP/2.0\r\n\r\n", "GET * HTTP/2.0\r\n\r\n"} {
		r := start(t, served(backendOf(t, func(http.ResponseWriter, *http.Request) {})))
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(conn, request)
		if answer, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 505 ")) {
			t.Errorf("%q: %q, %v", request, answer, err)
		}
		_ = conn.Close()
	}
}

func TestConnectionsOfHTTP2DrainWhenTheGatewayStops(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		arrived, finish := make(chan struct{}), make(chan struct{})
		r := start(t, served(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
			close(arrived)
			<-finish
			fmt.Fprint(w, "done")
		})), engine)
		answer := make(chan string, 1)
		client := http2Client(t)
		go func() {
			response, err := client.Get(r.url + "/pets/many")
			if err != nil {
				answer <- err.Error()
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			answer <- fmt.Sprint(string(body), err)
		}()
		<-arrived
		stopsWith(t, r, finish, answer)
	})
}

func TestGRPCCallersSeeRefusalsAsGRPC(t *testing.T) {
	r := start(t, calls(http2Backend(t, "grpc", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "0")
	})))
	client := http2Client(t)
	for range 5 {
		if response := call(t, client, r.url+"/pets/few"); response.Header.Get("Grpc-Status") != "0" {
			t.Fatalf("%v", response)
		}
	}
	for path, want := range map[string][3]string{
		"/pets/few":  {"8", "Message throttled out", "900802"},
		"/pets/mine": {"16", "Missing Credentials", "900902"},
		"/pets/none": {"12", "No matching resource found for given API Request", "404"},
		"/pets/%2e":  {"13", "The request is not valid HTTP, or its target can be read in more than one way", "400"},
	} {
		response := call(t, client, r.url+path)
		body, err := io.ReadAll(response.Body)
		got := [2]string{response.Header.Get("Grpc-Status"), response.Header.Get("Grpc-Message")}
		if response.StatusCode != 200 || got != [2]string{want[0], want[1]} || len(body) > 0 || err != nil ||
			response.Header.Get("Content-Type") != "application/grpc+proto" {
			t.Errorf("%s: %d %v %q %v", path, response.StatusCode, response.Header, body, err)
		}
		if path == "/pets/few" && response.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

func TestGRPCWebAndPlainCallersSeeRefusalsAsHTTP(t *testing.T) {
	r := start(t, calls(http2Backend(t, "h2c", func(http.ResponseWriter, *http.Request) {})))
	for _, kind := range []string{"application/grpc-web", "application/json"} {
		response, err := http2Client(t).Post(r.url+"/pets/mine", kind, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != 401 || response.Header.Get("Grpc-Status") != "" {
			t.Errorf("%s: %d %v", kind, response.StatusCode, response.Header)
		}
	}
}

func TestABackendOfHTTP2ServesHTTP1Clients(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(http2Backend(t, "h2c", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })), engine)
		if status, body := get(t, r.url+"/pets/many"); status != 200 || body != "HTTP/2.0" {
			t.Errorf("%d %q", status, body)
		}
	})
}

func TestAGRPCBackendThatIsGoneIsUnavailable(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	r := start(t, calls("grpc://"+gone.Addr().String()))
	if response := call(t, http2Client(t), r.url+"/pets/many"); response.Header.Get("Grpc-Status") != "14" {
		t.Errorf("%v", response)
	}
}

func TestAGRPCStreamThatTheBackendCutsEndsUnavailable(t *testing.T) {
	r := start(t, calls(http2Backend(t, "grpc", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = io.WriteString(w, "\x00\x00\x00\x00\x01x")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})))
	response := call(t, http2Client(t), r.url+"/pets/many")
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "\x00\x00\x00\x00\x01x" || response.Trailer.Get("Grpc-Status") != "14" {
		t.Errorf("%q %v %v", body, err, response.Trailer)
	}
}

func TestGRPCCallsMayBeSilentForLongerThanTheTimeout(t *testing.T) {
	asked := make(chan struct{}, 1)
	content := calls(http2Backend(t, "grpc", func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Grpc-Timeout") == "" {
			<-r.Context().Done() // says nothing after the caller has said all
			return
		}
		time.Sleep(300 * time.Millisecond)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "0")
	}))
	content.Endpoints[0].Advanced.TimeoutMillis = 100
	r := start(t, content)
	client := http2Client(t)
	post := func(deadline string, body io.Reader) (*http.Response, error) {
		request, _ := http.NewRequestWithContext(context.Background(), "POST", r.url+"/pets/many", body)
		request.Header.Set("Content-Type", "application/grpc")
		if deadline != "" {
			request.Header.Set("Grpc-Timeout", deadline)
		}
		return client.Do(request)
	}
	// The caller's own deadline takes the place of the endpoint's.
	response, err := post("5S", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if <-asked; response.Header.Get("Grpc-Status") != "0" {
		t.Errorf("with a deadline: %v", response.Header)
	}
	// While the caller may go on, the backend may wait; then it must answer.
	in, out := io.Pipe()
	answered := make(chan string, 1)
	go func() {
		response, err := post("", in)
		if err != nil {
			answered <- err.Error()
			return
		}
		answered <- response.Header.Get("Grpc-Status")
	}()
	<-asked
	select {
	case got := <-answered:
		t.Errorf("a stream under way ended: %s", got)
	case <-time.After(300 * time.Millisecond):
	}
	_ = out.Close()
	if got := <-answered; got != "14" {
		t.Errorf("a backend that does not answer: %s", got)
	}
}

func TestACancelledGRPCStreamIsCancelledAtTheBackend(t *testing.T) {
	ended := make(chan error, 1)
	r := start(t, calls(http2Backend(t, "grpc", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		ended <- r.Context().Err()
	})))
	ctx, cancel := context.WithCancel(context.Background())
	in, _ := io.Pipe()
	request, _ := http.NewRequestWithContext(ctx, "POST", r.url+"/pets/many", in)
	request.Header.Set("Content-Type", "application/grpc")
	response, err := http2Client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close() // net/http waits for the request's body else
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the backend's stream lives on")
	}
}

func TestTransportsHoldForHTTP2(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		content := served(backendOf(t, func(http.ResponseWriter, *http.Request) {}))
		content.APIs[0].Transports = []string{"https"}
		r := start(t, content, engine)
		_, secure := r.listener.Addresses()
		for url, want := range map[string]int{r.url: 404, "https://" + secure.String(): 200} {
			response, err := http2Client(t).Get(url + "/pets/many")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.ProtoMajor != 2 || response.StatusCode != want || response.Header.Get("Location") != "" {
				t.Errorf("%s: %s %d %v", url, response.Proto, response.StatusCode, response.Header)
			}
		}
	})
}

// The times of the listener and of the endpoint must not count pauses.
func TestEventsMayPauseOverHTTP2(t *testing.T) {
	content := served(backendOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(300 * time.Millisecond)
		}
	}))
	content.Endpoints[0].Advanced.TimeoutMillis = 100
	r := start(t, content, "listenerConfig.timeouts.write=100ms", "listenerConfig.timeouts.idle=100ms")
	response, err := http2Client(t).Get(r.url + "/pets/many")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "data: 0\n\ndata: 1\n\ndata: 2\n\n" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}
