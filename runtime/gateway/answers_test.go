package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/spec"
)

// rawBackend answers every connection's first request with the same bytes.
func rawBackend(t *testing.T, answer string) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = socket.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, answer)
			}
			_ = conn.Close()
		}
	}()
	return "http://" + socket.Addr().String()
}

// talk sends raw bytes on a new connection and reads to its end.
func talk(t *testing.T, url, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatal(err)
	}
	return string(answer)
}

const tooLarge = `{"fault":{"code":101503, "message":"Runtime Error", "description":"Error connecting to the back end"}}`

func TestAnswersBeyondTheLimitsOfBackends(t *testing.T) {
	const limits = "httpClients.responseLimits."
	line := func(n int) string {
		return "HTTP/1.1 200 " + strings.Repeat("a", n-len("HTTP/1.1 200 ")) + "\r\nContent-Length: 2\r\n\r\nok"
	}
	head := func(n int) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + strings.Repeat("a", n) + "\r\n\r\nok"
	}
	sized := func(n int) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("a", n))
	}
	overEngines(t, func(t *testing.T, engine string) {
		for _, tc := range []struct {
			name, limit, answer string
			status              int
		}{
			{"a status line", limits + "maxStatusLineLength=100", line(100), 200},
			{"a status line that is too long", limits + "maxStatusLineLength=100", line(101), 502},
			{"a head", limits + "maxHeaderSize=1000", head(900), 200},
			{"a head that is too large", limits + "maxHeaderSize=1000", head(1000), 502},
			{"a body", limits + "maxEntityBodySize=100", sized(100), 200},
			{"a body that is too large", limits + "maxEntityBodySize=100", sized(101), 502},
		} {
			t.Run(tc.name, func(t *testing.T) {
				r := start(t, served(rawBackend(t, tc.answer)), engine, tc.limit)
				status, body := get(t, r.url+"/pets/many")
				if status != tc.status || status == 502 && body != tooLarge {
					t.Errorf("%d %s", status, body)
				}
				if head := ask(t, "HEAD", r.url+"/pets/many"); head.StatusCode != tc.status && !strings.Contains(tc.limit, "Body") {
					t.Errorf("HEAD: %d", head.StatusCode)
				}
			})
		}
		t.Run("a body of unknown length is cut", func(t *testing.T) {
			r := start(t, served(rawBackend(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n"+strings.Repeat("a", 50)+
				"\r\n33\r\n"+strings.Repeat("b", 51)+"\r\n0\r\n\r\n")), engine, limits+"maxEntityBodySize=100")
			if status, body, err := try(t.Context(), "GET", r.url+"/pets/many", ""); err == nil {
				t.Errorf("believed to be complete: %d %s", status, body)
			}
		})
		t.Run("a body of unknown length", func(t *testing.T) {
			r := start(t, served(rawBackend(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n"+strings.Repeat("a", 50)+
				"\r\n32\r\n"+strings.Repeat("b", 50)+"\r\n0\r\n\r\n")), engine, limits+"maxEntityBodySize=100")
			if status, body := get(t, r.url+"/pets/many"); status != 200 || len(body) != 100 {
				t.Errorf("%d %s", status, body)
			}
		})
	})
}

func TestRequestsBeyondTheLimitsOfTheListener(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(backendOf(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })), engine,
			"listenerConfig.maxUriLength=100", "listenerConfig.maxHeaderSize=1000", "listenerConfig.maxEntityBodySize=100")
		for _, tc := range []struct{ name, request, want string }{
			{"target", "GET /pets/many?" + strings.Repeat("a", 100) + " HTTP/1.1\nHost: a\nConnection: close\n\n",
				`{"code":414, "type":"Status report", "message":"Runtime Error", "description":"The request target is too long"}`},
			{"fields", "GET /pets/many HTTP/1.1\nHost: a\nConnection: close\nX: " + strings.Repeat("a", 1000) + "\n\n",
				`{"code":431, "type":"Status report", "message":"Runtime Error", "description":"The header fields of the request are too large"}`},
			{"body", "GET /pets/many HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 101\n\n" + strings.Repeat("a", 101),
				`{"code":413, "type":"Status report", "message":"Runtime Error", "description":"The request body is too large"}`},
			{"chunks", "GET /pets/many HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n\n65\n" + strings.Repeat("a", 101) + "\n0\n\n",
				`{"code":413, "type":"Status report", "message":"Runtime Error", "description":"The request body is too large"}`},
		} {
			answer := talk(t, r.url, tc.request)
			if !strings.HasPrefix(answer, "HTTP/1.1 "+tc.want[8:11]) || !strings.HasSuffix(answer, tc.want) {
				t.Errorf("%s: %s", tc.name, answer)
			}
		}
	})
}

func TestConnectionsWithoutKeepAliveCarryOneRequest(t *testing.T) {
	url := backendOf(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, served(url), engine, "listenerConfig.keepAlive=NEVER")
		const request = "GET /pets/many HTTP/1.1\nHost: a\n\n"
		answer := talk(t, r.url, request+request)
		if strings.Count(answer, "HTTP/1.1 200") != 1 || !strings.Contains(answer, "Connection: close\r\n") {
			t.Error(answer)
		}
	})
}

func TestConfiguredHeaders(t *testing.T) {
	url := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "nginx")
		w.Header().Set("X-Powered-By", "php")
		w.Header().Set("X-Agent", r.Header.Get("User-Agent"))
	})
	overEngines(t, func(t *testing.T, engine string) {
		for _, tc := range []struct {
			name, server     string
			rules            []*config.HeaderOverride
			proxied, refused string
		}{
			{"none", "", nil, "Server: nginx\nX-Agent: curl\nX-Powered-By: php", ""},
			{"a name of the gateway's own", "acme", nil, "Server: nginx\nX-Agent: curl\nX-Powered-By: php", "Server: acme"},
			{"overridden", "", []*config.HeaderOverride{
				{Name: "Server", Override: "acme"}, {Name: "User-Agent", Override: "mgw"}, {Name: "X-Powered-By"}, {Name: "X-Agent", Preserve: true, Override: "no"},
			}, "Server: acme\nX-Agent: mgw", "Server: acme"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				r := startWith(t, served(url), func(c *config.Config) { c.Server = config.Server{Header: tc.server, Headers: tc.rules} }, engine)
				if _, got := fields(t, "GET", r.url+"/pets/many", []string{"User-Agent", "curl"}, "Server", "X-"); got != tc.proxied {
					t.Errorf("%s", got)
				}
				if _, got := fields(t, "GET", r.url+"/pets/mine", nil, "Server", "X-"); got != tc.refused {
					t.Errorf("refused: %s", got)
				}
			})
		}
	})
}

func TestCompressionPassesThroughUntouched(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, strings.Repeat("pets ", 1000))
	_ = z.Close()
	url := backendOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("Accept-Encoding")+"|"+r.Header.Get("Content-Encoding")+"|"+fmt.Sprint(bytes.Equal(body, packed.Bytes())))
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		fmt.Fprint(w, "plain")
	})
	overEngines(t, func(t *testing.T, engine string) {
		content := served(url)
		content.APIs[0].Operations = append(content.APIs[0].Operations,
			spec.Operation{ID: 3, Method: "POST", Path: "/many", KeyPath: "/many", Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint})
		r := start(t, content, engine)
		for _, tc := range []struct{ accept, coding, seen, body string }{
			{"gzip", "gzip", "gzip||false", packed.String()},
			{"br, gzip;q=0.5", "gzip", "br, gzip;q=0.5||false", packed.String()},
			{"identity", "", "identity||false", "plain"},
			{"", "", "||false", "plain"},
		} {
			request := "GET /pets/many HTTP/1.1\nHost: a\nConnection: close\n"
			if tc.accept != "" {
				request += "Accept-Encoding: " + tc.accept + "\n"
			}
			answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(talk(t, r.url, request+"\n"))), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.Header.Get("Content-Encoding") != tc.coding || answer.Header.Get("X-Seen") != tc.seen || string(body) != tc.body {
				t.Errorf("%q: %v %v, %d bytes", tc.accept, err, answer.Header, len(body))
			}
		}
		request, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+"/pets/many", bytes.NewReader(packed.Bytes()))
		request.Header.Set("Content-Encoding", "gzip")
		request.Header.Set("Accept-Encoding", "identity")
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := answer.Header.Get("X-Seen"); got != "identity|gzip|true" {
			t.Errorf("a packed request arrived as %q", got)
		}
	})
}
