package gateway

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// arrivals counts the requests that came to a backend as a whole, and those
// whose body was not what the client sent.
type arrivals struct {
	whole, torn atomic.Int64
	want        string
}

func (a *arrivals) note(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil: // the gateway cut it, and said so
	case string(body) == a.want || len(body) == 0 && r.ContentLength <= 0:
		a.whole.Add(1)
	default:
		a.torn.Add(1)
	}
}

// misbehaving gives the URL of a backend that treats each connection in its way.
func misbehaving(t *testing.T, how string, seen *arrivals) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + socket.Addr().String()
	if how == "refuse" {
		socket.Close()
		return url
	}
	var open sync.WaitGroup
	over := make(chan struct{})
	t.Cleanup(func() { close(over); socket.Close(); open.Wait() })
	if how == "accept and reset" {
		open.Go(func() {
			for {
				conn, err := socket.Accept()
				if err != nil {
					return
				}
				_ = conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
		})
		return url
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch how {
		case "503 at once":
		case "reset in the request":
			_, _ = io.ReadFull(r.Body, make([]byte, 100))
		default:
			seen.note(r)
		}
		answerBadly(w, how, over)
	})}
	open.Go(func() { _ = server.Serve(socket) })
	t.Cleanup(func() { server.Close() })
	return url
}

func answerBadly(w http.ResponseWriter, how string, over <-chan struct{}) {
	if strings.HasPrefix(how, "503") {
		w.WriteHeader(503)
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	switch how {
	case "hang":
		select {
		case <-over:
		case <-time.After(5 * time.Second):
		}
	case "half a head":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-")
	case "half a body":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	default:
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// mishap is one way in which the first of two backends fails a request.
type mishap struct {
	how, method string
	retry       bool
	status      int // for the client
	good        int64
	bad         [2]int64 // whole requests at the bad one: from, to
	long        bool     // the body is more than is kept
}

// What may reach whom: with the body read, POST is never sent again.
var mishaps = []mishap{
	{"refuse", "GET", false, 200, 1, [2]int64{0, 0}, false},
	{"refuse", "POST", false, 200, 1, [2]int64{0, 0}, false},
	{"refuse", "PUT", true, 200, 1, [2]int64{0, 0}, false},
	{"accept and reset", "GET", false, 200, 1, [2]int64{0, 0}, false},
	{"accept and reset", "PUT", true, 200, 1, [2]int64{0, 0}, false},
	{"reset in the request", "POST", true, 502, 0, [2]int64{0, 0}, false},
	{"reset in the request", "PUT", true, 200, 1, [2]int64{0, 0}, false},
	{"reset after the request", "GET", false, 200, 1, [2]int64{1, 1}, false},
	{"reset after the request", "POST", true, 502, 0, [2]int64{1, 1}, false},
	{"reset after the request", "PUT", false, 502, 0, [2]int64{1, 1}, false},
	{"reset after the request", "PUT", true, 200, 1, [2]int64{1, 1}, false},
	{"half a head", "GET", false, 200, 1, [2]int64{1, 1}, false},
	{"half a head", "POST", true, 502, 0, [2]int64{1, 1}, false},
	{"hang", "GET", false, 200, 1, [2]int64{1, 1}, false},
	{"hang", "POST", true, 504, 0, [2]int64{1, 1}, false},
	{"hang", "PUT", true, 200, 1, [2]int64{1, 1}, false},
	{"half a body", "GET", true, 0, 0, [2]int64{1, 1}, false}, // cut: the client notices
	{"half a body", "POST", true, 0, 0, [2]int64{1, 1}, false},
	{"503", "GET", false, 200, 1, [2]int64{1, 1}, false},
	{"503", "POST", true, 503, 0, [2]int64{1, 1}, false},
	{"503", "PUT", true, 200, 1, [2]int64{1, 1}, false},
	{"503", "PUT", false, 503, 0, [2]int64{1, 1}, false},
	{"refuse", "POST", true, 200, 1, [2]int64{0, 0}, true},
	{"reset after the request", "PUT", true, 502, 0, [2]int64{1, 1}, true},
	{"503", "PUT", true, 503, 0, [2]int64{1, 1}, true},
	{"503 at once", "PUT", true, 503, 0, [2]int64{0, 0}, true},
}

// body is longer than what any front or connection happens to hold.
func (m mishap) body() string {
	switch {
	case m.method == "GET":
		return ""
	case m.long:
		return strings.Repeat("0123456789abcdef", 60_000)
	}
	return strings.Repeat("0123456789abcdef", 3000)
}

func TestARequestReachesOneBackendOnceAndWhole(t *testing.T) {
	content := served("http://127.0.0.1:1")
	api := &content.APIs[0]
	api.Operations, content.Endpoints = nil, nil
	good, bad := make([]*arrivals, len(mishaps)), make([]*arrivals, len(mishaps))
	for i, m := range mishaps {
		good[i], bad[i] = &arrivals{want: m.body()}, &arrivals{want: m.body()}
		well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { good[i].note(r) }))
		t.Cleanup(well.Close)
		e := spec.Endpoint{Type: spec.Failover, URLs: []string{misbehaving(t, m.how, bad[i]), well.URL}, Advanced: spec.Advanced{TimeoutMillis: 400}}
		if m.retry {
			e.Advanced.Retry = &spec.Retry{Count: 2, IntervalMillis: 1, StatusCodes: []int{503}}
		}
		content.Endpoints = append(content.Endpoints, e)
		api.Operations = append(api.Operations, spec.Operation{
			ID: i, Method: m.method, Path: "/" + strconv.Itoa(i), KeyPath: "/" + strconv.Itoa(i),
			Security: spec.Security{Disabled: true}, Production: i, Sandbox: spec.NoEndpoint,
		})
	}
	for _, engine := range []string{"fast", "standard"} {
		t.Run(engine, func(t *testing.T) {
			g := start(t, content, "listenerConfig.engine="+engine)
			for i, m := range mishaps {
				t.Run(fmt.Sprintf("%s %s retry=%v", m.how, m.method, m.retry), func(t *testing.T) {
					good[i].whole.Store(0)
					bad[i].whole.Store(0)
					status, _, err := try(t.Context(), m.method, g.url+"/pets/"+strconv.Itoa(i), m.body())
					if m.status == 0 && err == nil || m.status != 0 && (err != nil || status != m.status) {
						t.Errorf("status %d, %v", status, err)
					}
					if n := good[i].whole.Load(); n != m.good {
						t.Errorf("the good backend has it %d times", n)
					}
					if n := bad[i].whole.Load(); n < m.bad[0] || n > m.bad[1] {
						t.Errorf("the bad backend has it %d times", n)
					}
					if good[i].torn.Load()+bad[i].torn.Load() != 0 {
						t.Error("a body was cut or doubled")
					}
				})
			}
		})
	}
}

// One of three targets dies under load: those that it holds may fail, then
// nobody notices.
func TestADeadTargetOfThreeCostsNothingOnceItIsKnown(t *testing.T) {
	for _, engine := range []string{"fast", "standard"} {
		t.Run(engine, func(t *testing.T) {
			var frozen atomic.Bool
			var known, late atomic.Int64 // when a client heard of it; requests of later clients that the dead one got
			known.Store(math.MaxInt64)
			release := make(chan struct{})
			urls := make([]string, 3)
			for i := range urls {
				server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if i == 1 && frozen.Load() {
						if began, _ := strconv.ParseInt(r.Header.Get("X-Began"), 10, 64); r.Method == "POST" && began > known.Load() {
							late.Add(1)
						}
						<-release
					}
				}))
				t.Cleanup(server.Close)
				urls[i] = server.URL
			}
			defer close(release)
			content := served("")
			content.Policies.Subscription[0].Quota.Count = 1 << 30
			content.Endpoints[0] = spec.Endpoint{Name: "pets", Type: spec.LoadBalance, URLs: urls, Advanced: spec.Advanced{TimeoutMillis: 300}}
			post := content.APIs[0].Operations[1]
			post.ID, post.Method = 3, "POST"
			content.APIs[0].Operations = append(content.APIs[0].Operations, post)
			g := start(t, content, "listenerConfig.engine="+engine)

			var before, total atomic.Int64
			over := time.Now().Add(2 * time.Second)
			var clients sync.WaitGroup
			for c := range 8 {
				clients.Go(func() {
					for n := 0; time.Now().Before(over); n++ {
						if c == 0 && n == 20 {
							frozen.Store(true)
						}
						began := time.Now().UnixNano()
						status, _, err := try(t.Context(), []string{"GET", "POST"}[n%2], g.url+"/pets/many", strings.Repeat("x", n%2),
							"X-Began", strconv.FormatInt(began, 10))
						total.Add(1)
						if err == nil && status == 200 {
							continue
						}
						if began < known.Load() {
							before.Add(1)
						}
						known.CompareAndSwap(math.MaxInt64, time.Now().UnixNano())
					}
				})
			}
			clients.Wait()
			t.Logf("%d requests, %d failed until it was known, %d sent there later", total.Load(), before.Load(), late.Load())
			if before.Load() > 8 || late.Load() != 0 || total.Load() < 100 {
				t.Errorf("%d requests, %d failed until it was known, %d sent there later", total.Load(), before.Load(), late.Load())
			}
			if !strings.Contains(g.log.String(), "others are asked first") {
				t.Error("the log does not tell")
			}
		})
	}
}
