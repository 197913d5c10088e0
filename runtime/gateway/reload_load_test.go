package gateway

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// echoes answers with what it was asked: the target of a GET, the body of a POST.
// An upgraded connection it echoes.
func echoes(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Upgrade") != "":
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(conn, buffered)
	case r.Method == "POST":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Write(body)
	default:
		io.WriteString(w, r.URL.RequestURI())
	}
}

// visitor is a client on one connection of its own.
type visitor struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	stop *atomic.Bool
	sent *atomic.Int64
}

func (r *reloadable) visit(stop *atomic.Bool, sent *atomic.Int64) *visitor {
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &visitor{t: r.t, conn: conn, in: bufio.NewReader(conn), stop: stop, sent: sent}
}

// ask sends some bytes; answer reads what came of one request.
func (v *visitor) ask(format string, args ...any) {
	if _, err := fmt.Fprintf(v.conn, format, args...); err != nil {
		v.t.Error(err)
		v.stop.Store(true)
	}
}

func (v *visitor) answer(method string) (int, []byte) {
	resp, err := http.ReadResponse(v.in, &http.Request{Method: method})
	if err == nil {
		var body []byte
		if body, err = io.ReadAll(resp.Body); err == nil {
			v.sent.Add(1)
			return resp.StatusCode, body
		}
	}
	v.t.Error(err)
	v.stop.Store(true)
	return 0, nil
}

func (v *visitor) wants(method, body string) {
	if status, got := v.answer(method); !v.stop.Load() && (status != 200 || string(got) != body) {
		v.t.Errorf("%d %.100q, want %.100q", status, got, body)
		v.stop.Store(true)
	}
}

// gets asks for one target after the other, some of them at once.
func (v *visitor) gets(at string, atOnce int) {
	for n := 0; !v.stop.Load(); n += atOnce {
		var out bytes.Buffer
		for i := range atOnce {
			fmt.Fprintf(&out, "GET /pets/many?%s=%d HTTP/1.1\r\nHost: x\r\n\r\n", at, n+i)
		}
		v.ask("%s", out.Bytes())
		for i := range atOnce {
			v.wants("GET", fmt.Sprintf("/many?%s=%d", at, n+i))
		}
	}
}

// posts sends bodies in two parts, so that some are under way at each reload.
func (v *visitor) posts() {
	for !v.stop.Load() {
		body := rand.Text() + strings.Repeat("x", 100<<10)
		v.ask("POST /pets/sent HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:1000])
		runtime.Gosched()
		v.ask("%s", body[1000:])
		v.wants("POST", body)
	}
}

// limited counts what is let through.
func (v *visitor) limited(passed *atomic.Int64) {
	for !v.stop.Load() {
		v.ask("GET /pets/few HTTP/1.1\r\nHost: x\r\n\r\n")
		switch status, body := v.answer("GET"); status {
		case 200:
			passed.Add(1)
		case 429:
		default:
			v.t.Errorf("%d %s", status, body)
			return
		}
	}
}

// upgraded sends and reads on one upgraded connection.
func (v *visitor) upgraded() {
	v.ask("GET /pets/many HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if resp, err := http.ReadResponse(v.in, nil); err != nil || resp.StatusCode != 101 {
		v.t.Error(resp, err)
		return
	}
	for !v.stop.Load() {
		text := rand.Text()
		v.ask("%s", text)
		got := make([]byte, len(text))
		if _, err := io.ReadFull(v.in, got); err != nil || string(got) != text {
			v.t.Errorf("%q, want %q: %v", got, text, err)
			return
		}
		v.sent.Add(1)
	}
}

func TestAHundredReloadsUnderLoadLoseNothing(t *testing.T) {
	const reloads, limit = 100, 500
	overEngines(t, func(t *testing.T, engine string) {
		content := served(backendOf(t, echoes))
		content.Policies.Subscription[0].Count = 1 << 40
		ops := &content.APIs[0].Operations
		*ops = append(*ops, spec.Operation{ID: 3, Method: "POST", Path: "/sent", KeyPath: "/sent", Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint})
		other := backendOf(t, echoes)
		r := startReloadable(t, content, map[string]string{"policies.yaml": strings.Replace(tiers(limit), "1000", "1000000000", 1)}, engine)

		goroutines := runtime.NumGoroutine()
		var stop atomic.Bool
		var passed, sent atomic.Int64
		var load sync.WaitGroup
		for i := range 2 {
			for _, work := range []func(*visitor){
				func(v *visitor) { v.gets(fmt.Sprint("alone", i), 1) },
				func(v *visitor) { v.gets(fmt.Sprint("piped", i), 8) },
				(*visitor).posts,
				(*visitor).upgraded,
				func(v *visitor) { v.limited(&passed) },
			} {
				v := r.visit(&stop, &sent)
				load.Go(func() {
					defer v.conn.Close()
					work(v)
				})
			}
		}
		var kept atomic.Int64 // generations in memory
		for n := range reloads {
			conf := withPolicies
			if n%2 == 1 {
				conf += "pets_prod_endpoint_0 = '" + other + "'\n"
			}
			last, before := r.current(), sent.Load()
			r.reload(map[string]string{confFile: conf})
			kept.Add(1)
			runtime.AddCleanup(last, func(kept *atomic.Int64) { kept.Add(-1) }, &kept)
			for sent.Load() < before+10 && !stop.Load() { // the load goes on
				time.Sleep(time.Millisecond)
			}
		}
		stop.Store(true)
		load.Wait()
		for ; passed.Load() < limit; passed.Add(1) {
			if status, body := get(t, r.url+"/pets/few"); status != 200 {
				t.Fatalf("after %d of %d: %d %s", passed.Load(), limit, status, body)
			}
		}
		if status, _ := get(t, r.url+"/pets/few"); status != 429 {
			t.Errorf("more than %d passed", limit)
		}
		if state := r.State().Reloads; state.Reloads != reloads || state.Refused != 0 {
			t.Errorf("%+v", state)
		}
		r.reloads.retiring.Wait()
		for deadline := time.Now().Add(10 * time.Second); kept.Load() > 0 || runtime.NumGoroutine() > goroutines+reloads/2; time.Sleep(time.Millisecond) {
			if runtime.GC(); time.Now().After(deadline) {
				t.Fatalf("%d generations are kept; %d goroutines, before %d", kept.Load(), runtime.NumGoroutine(), goroutines)
			}
		}
	})
}
