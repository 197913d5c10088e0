package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// hooked is an API whose operation POST /pets/hooked has interceptors, and
// GET /pets/open none, in a gateway that serves it.
func hooked(t *testing.T, names spec.Interceptors, f interceptor.Functions, backend http.HandlerFunc, overrides ...string) *running {
	t.Helper()
	content := served(backendOf(t, backend))
	for _, method := range []string{"POST", "GET", "HEAD"} {
		content.APIs[0].Operations = append(content.APIs[0].Operations, spec.Operation{
			ID: len(content.APIs[0].Operations), Method: method, Path: "/hooked/{id}", KeyPath: "/hooked/{id}", Tier: "Many",
			Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint, Interceptors: names,
		})
	}
	content.Policies.Resource = append(content.Policies.Resource, spec.Tier{Name: "Many", Quota: spec.Quota{Count: 1000, Window: time.Hour}})
	content.Policies.Custom = []spec.CustomPolicy{{Name: "colour", KeyTemplate: "$customProperty.colour", Quota: spec.Quota{Count: 2, Window: time.Hour}}}
	return startOptions(t, content, func(o *Options) { o.Functions = f }, overrides...)
}

// one gives functions of one request interceptor, named A.
func one(f interceptor.RequestFunc) interceptor.Functions {
	return interceptor.Functions{Request: map[string]interceptor.RequestFunc{"A": f}}
}

func answering(f interceptor.ResponseFunc) interceptor.Functions {
	return interceptor.Functions{Response: map[string]interceptor.ResponseFunc{"A": f}}
}

var (
	requestA  = spec.Interceptors{Request: []string{"A"}}
	responseA = spec.Interceptors{Response: []string{"A"}}
)

// echo answers with what it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Seen", strings.Join(r.Header.Values("X-In"), ","))
	w.Header().Set("X-Forwarded", r.Header.Get("X-Forwarded-For"))
	w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
}

// post sends a request to the operation that has interceptors.
func post(t *testing.T, r *running, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	return whole(t, "POST", r.url+"/pets/hooked/a%20b?q=1", body, header...)
}

func TestRequestInterceptorSeesAndChangesTheRequest(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, requestA, one(func(_ context.Context, r *interceptor.Request) error {
			h := r.Header()
			body, err := r.Body()
			seen := fmt.Sprintf("%s %s %s?%s %s %s %s %s %v %s %s", r.Method(), r.Scheme(), r.Path(), r.RawQuery(), r.Param("id"),
				r.API().Name, r.Operation().Path, r.Principal().Kind, r.ClientIP(), strings.Join(h.Values("x-in"), "+"), body)
			h.Set("X-In", seen)
			h.Add("x-in", "two")
			h.Del("User-Agent")
			r.SetBody([]byte(strings.ToUpper(string(body))))
			if host := h.Get("Host") + h.Get("Content-Length") + h.Get("Connection"); host != "" {
				t.Errorf("hidden fields: %s", host)
			}
			return err
		}), echo, engine)
		resp, body := post(t, r, strings.NewReader("hello"), "X-In", "1", "X-In", "2")
		want := "POST http /pets/hooked/a%20b?q=1 a b Pets /hooked/{id} anonymous 127.0.0.1 1+2 hello,two"
		if got := resp.Header.Get("X-Seen"); got != want {
			t.Errorf("seen %q\nwant %q", got, want)
		}
		if body != "POST /hooked/a%20b?q=1 HELLO" || resp.Header.Get("X-Length") != "5" {
			t.Errorf("%q, length %s", body, resp.Header.Get("X-Length"))
		}
	})
}

func TestInterceptorsRunInTheOrderOfTheOperation(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(name string) interceptor.RequestFunc {
		return func(context.Context, *interceptor.Request) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return nil
		}
	}
	answer := func(name string) interceptor.ResponseFunc {
		return func(ctx context.Context, r *interceptor.Response) error { return note(name)(ctx, r.Request()) }
	}
	r := hooked(t, spec.Interceptors{Classify: []string{"C"}, Request: []string{"A", "B"}, Response: []string{"Y", "X"}}, interceptor.Functions{
		Request:  map[string]interceptor.RequestFunc{"A": note("A"), "B": note("B"), "C": note("C")},
		Response: map[string]interceptor.ResponseFunc{"X": answer("X"), "Y": answer("Y")},
	}, echo)
	post(t, r, nil)
	if got := strings.Join(order, ""); got != "CABYX" {
		t.Errorf("ran as %s", got)
	}
}

func TestClassifierSetsThePropertiesOfKeyTemplates(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		var seen atomic.Value
		f := one(func(_ context.Context, r *interceptor.Request) error {
			if c := r.Header().Get("X-Colour"); c != "" {
				r.SetProperty("colour", c)
			}
			if len(r.Limits()) != 0 {
				t.Error("limits before they were checked")
			}
			return nil
		})
		f.Request["B"] = func(_ context.Context, r *interceptor.Request) error {
			seen.Store(fmt.Sprint(r.Property("colour"), " ", r.Limits()))
			return nil
		}
		r := hooked(t, spec.Interceptors{Classify: []string{"A"}, Request: []string{"B"}}, f, echo, engine)
		for i, tc := range []struct {
			colour string
			status int
		}{{"red", 200}, {"red", 200}, {"red", 429}, {"blue", 200}, {"", 200}, {"", 200}, {"", 200}} {
			var header []string
			if tc.colour != "" {
				header = []string{"X-Colour", tc.colour}
			}
			if resp, body := post(t, r, nil, header...); resp.StatusCode != tc.status || tc.status == 429 && !strings.Contains(body, "900806") {
				t.Errorf("%d: %s, %d %s", i, tc.colour, resp.StatusCode, body)
			}
			if i == 3 && (!strings.Contains(seen.Load().(string), "blue [{resource Many 1000 997 ") || !strings.Contains(seen.Load().(string), "{custom colour 2 1 ")) {
				t.Errorf("seen %s", seen.Load())
			}
		}
	})
}

func TestAnInterceptorAnswersAndTheBackendIsNotCalled(t *testing.T) {
	never := func(http.ResponseWriter, *http.Request) { t.Error("reached the backend") }
	refuse := func(_ context.Context, r *interceptor.Request) error {
		return r.Respond(http.StatusTeapot, http.Header{"Content-Type": {"text/plain"}, "X-A": {"1", "2"}}, []byte("short"))
	}
	overEngines(t, func(t *testing.T, engine string) {
		for name, names := range map[string]spec.Interceptors{
			"request":  {Request: []string{"A", "B"}, Response: []string{"C"}},
			"classify": {Classify: []string{"A", "B"}, Response: []string{"C"}},
		} {
			f := one(refuse)
			f.Request["B"] = func(context.Context, *interceptor.Request) error { t.Error("went on"); return nil }
			f.Response = map[string]interceptor.ResponseFunc{"C": func(_ context.Context, r *interceptor.Response) error {
				r.Header().Set("X-After", fmt.Sprintf("%d, %q, %d", r.Status(), r.Backend(), r.Code()))
				return nil
			}}
			r := hooked(t, names, f, never, engine)
			resp, body := post(t, r, strings.NewReader(strings.Repeat("x", 100_000)))
			if resp.StatusCode != 418 || body != "short" || len(resp.Header["X-A"]) != 2 || resp.ContentLength != 5 {
				t.Errorf("%s: %d %s %v", name, resp.StatusCode, body, resp.Header)
			}
			after, want := resp.Header.Get("X-After"), map[string]string{"request": "418, \"\", 0", "classify": ""}[name]
			if after != want {
				t.Errorf("%s: response interceptors saw %q, want %q", name, after, want)
			}
		}
	})
}

func TestWhatAnInterceptorDoesWrongIsA500AndALogLine(t *testing.T) {
	for name, tc := range map[string]struct {
		f   interceptor.RequestFunc
		log string
	}{
		"panic": {func(context.Context, *interceptor.Request) error { panic("boom") }, `error="panic: boom"`},
		"nil":   {func(_ context.Context, r *interceptor.Request) error { var p *int; *p = 1; return nil }, "nil pointer"},
		"error": {func(context.Context, *interceptor.Request) error { return errors.New("no luck") }, `error="no luck"`},
		"injection": {func(_ context.Context, r *interceptor.Request) error {
			r.Header().Set("X-In", "a\r\nX-Evil: 1")
			return nil
		}, "0x0d"},
		"smuggling": {func(_ context.Context, r *interceptor.Request) error {
			r.Header().Set("Transfer-encoding", "chunked")
			return nil
		}, "gateway alone"},
		"forwarded": {func(_ context.Context, r *interceptor.Request) error {
			r.Header().Add("X-Forwarded-For", "1.1.1.1")
			return nil
		}, "gateway alone"},
		"name":       {func(_ context.Context, r *interceptor.Request) error { r.Header().Set("X In", "a"); return nil }, "not the name"},
		"bad answer": {func(_ context.Context, r *interceptor.Request) error { _ = r.Respond(99, nil, nil); return nil }, "99 is not a status"},
		"bad answer 2": {func(_ context.Context, r *interceptor.Request) error {
			return r.Respond(200, http.Header{"X": {"\x00"}}, nil)
		}, "0x00"},
		"answer framed": {func(_ context.Context, r *interceptor.Request) error {
			return r.Respond(200, http.Header{"Content-Length": {"7"}}, nil)
		}, "gateway alone"},
		"out of time": {func(ctx context.Context, _ *interceptor.Request) error { <-ctx.Done(); return ctx.Err() }, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			overEngines(t, func(t *testing.T, engine string) {
				r := hooked(t, requestA, one(tc.f), func(http.ResponseWriter, *http.Request) { t.Error("reached the backend") },
					engine, "interceptorConfig.timeout=50ms")
				for range 2 { // the connection and the gateway live on
					if resp, body := post(t, r, strings.NewReader("x")); resp.StatusCode != 500 || !strings.Contains(body, "900808") {
						t.Fatalf("%d %s", resp.StatusCode, body)
					}
				}
				log := r.log.String()
				if !strings.Contains(log, "interceptor=A api=Pets:1 operation=\"POST /hooked/{id}\"") || !strings.Contains(log, tc.log) {
					t.Errorf("log: %s", log)
				}
				if name == "panic" && !strings.Contains(log, "interceptor_test.go") {
					t.Errorf("no stack: %s", log)
				}
			})
		})
	}
}

func TestResponseInterceptorSeesAndChangesTheAnswer(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, responseA, answering(func(_ context.Context, r *interceptor.Response) error {
			body, err := r.Body()
			r.Header().Set("X-Saw", fmt.Sprintf("%d %s %s %s", r.Status(), r.Header().Get("X-Seen"), r.Request().Header().Get("X-In"), body))
			r.Header().Del("X-Seen")
			r.SetStatus(203)
			r.SetBody(append(body, "!"...))
			if _, err := r.Request().Body(); err == nil {
				t.Error("the request's body can be read again")
			}
			return err
		}), echo, engine)
		resp, body := post(t, r, strings.NewReader("hi"), "X-In", "in")
		if resp.StatusCode != 203 || body != "POST /hooked/a%20b?q=1 hi!" || resp.Header.Get("X-Seen") != "" ||
			resp.Header.Get("X-Saw") != "200 in in POST /hooked/a%20b?q=1 hi" || resp.ContentLength != int64(len(body)) {
			t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
		}
	})
}

func TestResponseInterceptorReplacesOrBreaksTheAnswer(t *testing.T) {
	big := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Backend", "1")
		_, _ = w.Write(make([]byte, 300_000))
	}
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, responseA, answering(func(_ context.Context, r *interceptor.Response) error {
			if r.Request().Header().Get("X-In") == "panic" {
				panic("late")
			}
			return r.Respond(200, nil, []byte("mine"))
		}), big, engine)
		for range 2 {
			if resp, body := post(t, r, nil); resp.StatusCode != 200 || body != "mine" || resp.Header.Get("X-Backend") != "" {
				t.Errorf("%d %.50q %v", resp.StatusCode, body, resp.Header)
			}
			if resp, body := post(t, r, nil, "X-In", "panic"); resp.StatusCode != 500 || !strings.Contains(body, "900808") {
				t.Errorf("%d %.50q", resp.StatusCode, body)
			}
		}
	})
}

func TestResponseInterceptorsSeeFaultsInPlaceOfTheBackendsAnswer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	content := served("http://" + closed.Addr().String())
	content.APIs[0].Operations[1].Interceptors = responseA
	r := startOptions(t, content, func(o *Options) {
		o.Functions = answering(func(_ context.Context, r *interceptor.Response) error {
			r.Header().Set("X-Code", fmt.Sprintf("%d%s", r.Code(), r.Backend()))
			return nil
		})
	})
	resp, err := http.Get(r.url + "/pets/many")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 502 || resp.Header.Get("X-Code") != "101503" || !strings.Contains(string(body), "101503") {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
}

func TestBodiesAboveTheBound(t *testing.T) {
	look := func(_ context.Context, r *interceptor.Request) error {
		_, err := r.Body()
		if !errors.Is(err, interceptor.ErrBodyTooLarge) {
			t.Errorf("error %v", err)
		}
		if r.Header().Get("X-In") == "pass" {
			return nil
		}
		return fmt.Errorf("looking: %w", err)
	}
	large := strings.Repeat("0123456789", 20_000)
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, requestA, one(look), echo, engine, "interceptorConfig.maxBodySize=1000")
		for _, framed := range []bool{true, false} {
			content := func() io.Reader {
				if framed {
					return strings.NewReader(large)
				}
				return io.MultiReader(strings.NewReader(large)) // chunked
			}
			if resp, body := post(t, r, content()); resp.StatusCode != 413 {
				t.Errorf("%d %.80s", resp.StatusCode, body)
			}
			if resp, body := post(t, r, content(), "X-In", "pass"); resp.StatusCode != 200 || body != "POST /hooked/a%20b?q=1 "+large {
				t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
			}
		}
		r = hooked(t, responseA, answering(func(_ context.Context, r *interceptor.Response) error {
			_, err := r.Body()
			if r.Request().Header().Get("X-In") == "pass" {
				return nil
			}
			return err
		}), echo, engine, "interceptorConfig.maxBodySize=1000")
		if resp, body := post(t, r, strings.NewReader(large)); resp.StatusCode != 500 || !strings.Contains(r.log.String(), "maxBodySize") {
			t.Errorf("%d %.80s", resp.StatusCode, body)
		}
		if resp, body := post(t, r, strings.NewReader(large), "X-In", "pass"); resp.StatusCode != 200 || len(body) != len(large)+len("POST /hooked/a%20b?q=1 ") {
			t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
		}
	})
}

// A body that an interceptor replaces unread does not cost the connection.
func TestReplacedBodiesLeaveTheConnectionInUse(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, requestA, one(func(_ context.Context, r *interceptor.Request) error { r.SetBody([]byte("new")); return nil }), echo, engine)
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for range 3 {
			fmt.Fprint(conn, "POST /pets/hooked/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nold\r\n0\r\nX-T: 1\r\n\r\n")
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(resp.Body); string(body) != "POST /hooked/1 new" || resp.Close {
				t.Fatalf("%s, close %v", body, resp.Close)
			}
		}
	})
}

func TestAnswersThatNoInterceptorReadsStream(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		more := make(chan struct{})
		r := hooked(t, responseA, answering(func(_ context.Context, r *interceptor.Response) error {
			r.Header().Set("X-After", "1")
			return nil
		}), func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "first")
			w.(http.Flusher).Flush()
			<-more
			fmt.Fprint(w, " second")
		}, engine)
		resp, err := http.Get(r.url + "/pets/hooked/1")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" || resp.Header.Get("X-After") != "1" {
			t.Fatalf("%q, %v", first, err)
		}
		close(more)
		if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != " second" {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

// A client cannot have a field that an interceptor sets removed by naming it in
// Connection.
func TestConnectionDoesNotRemoveWhatAnInterceptorSets(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, requestA, one(func(_ context.Context, r *interceptor.Request) error {
			if r.Header().Get("X-In") != "" {
				t.Error("a field of the connection is seen")
			}
			r.Header().Set("X-In", "mine")
			return nil
		}), echo, engine)
		if resp, _ := post(t, r, nil, "Connection", "X-In, close", "X-In", "theirs"); resp.Header.Get("X-Seen") != "mine" {
			t.Errorf("the backend saw %q", resp.Header.Get("X-Seen"))
		}
	})
}

func TestAClientThatLeavesEndsTheContext(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		entered, ended := make(chan struct{}), make(chan error, 1)
		r := hooked(t, requestA, one(func(ctx context.Context, _ *interceptor.Request) error {
			close(entered)
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}), echo, engine, "interceptorConfig.timeout=1m")
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-entered; leave() }()
		if status, _, err := try(ctx, "GET", r.url+"/pets/hooked/1", ""); err == nil {
			t.Errorf("answered %d", status)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the context did not end")
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if strings.Contains(r.log.String(), "an interceptor failed") {
			t.Error(r.log.String())
		}
	})
}

// What interceptors keep stays as it was, whatever becomes of pooled memory.
func TestValuesThatAnInterceptorKeepsStay(t *testing.T) {
	exchange.Poison = true
	defer func() { exchange.Poison = false }()
	overEngines(t, func(t *testing.T, engine string) {
		type kept struct {
			request  *interceptor.Request
			response *interceptor.Response
			body     []byte
			want     string
		}
		all := make(chan kept, 200)
		f := interceptor.Functions{
			Request: map[string]interceptor.RequestFunc{"A": func(context.Context, *interceptor.Request) error { return nil }},
			Response: map[string]interceptor.ResponseFunc{"A": func(_ context.Context, r *interceptor.Response) error {
				body, err := r.Body()
				all <- kept{r.Request(), r, body, r.Request().Header().Get("X-In")}
				return err
			}},
		}
		r := hooked(t, spec.Interceptors{Request: []string{"A"}, Response: []string{"A"}}, f, echo, engine)
		var group sync.WaitGroup
		for worker := range 4 {
			group.Go(func() {
				for i := range 20 {
					in := fmt.Sprintf("value-%d-%d", worker, i)
					if _, _, err := try(t.Context(), "POST", r.url+"/pets/hooked/"+in, in, "X-In", in); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		close(all)
		for k := range all {
			got := fmt.Sprint(k.request.Header().Get("X-In"), k.request.Param("id"), k.request.Path(), k.response.Header().Get("X-Seen"), string(k.body))
			want := fmt.Sprint(k.want, k.want, "/pets/hooked/"+k.want, k.want, "POST /hooked/"+k.want+" "+k.want)
			if got != want {
				t.Errorf("kept %q, want %q", got, want)
			}
			if _, err := k.request.Body(); err == nil || k.request.Limits() != nil {
				t.Error("the exchange can still be reached")
			}
			if _, err := k.response.Body(); err == nil {
				t.Error("the answer's body can still be reached")
			}
		}
	})
}

func TestAGatewayWithoutTheFunctionsThatItNamesDoesNotStart(t *testing.T) {
	content := served("http://127.0.0.1:1")
	content.APIs[0].Operations[0].Interceptors = spec.Interceptors{Request: []string{"Gone"}}
	_, err := New(Options{Spec: content, Config: load(t), Log: nil, CheckOnly: true})
	if err == nil || !strings.Contains(err.Error(), "no interceptor Gone") {
		t.Error(err)
	}
}

func TestConnectionsThatSwitchProtocolsPassInterceptors(t *testing.T) {
	upgrade := func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-Seen: %s\r\n\r\n", r.Header.Get("Upgrade"), r.Header.Get("X-In"))
		rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(conn, "echo "+line)
	}
	overEngines(t, func(t *testing.T, engine string) {
		f := one(func(_ context.Context, r *interceptor.Request) error { r.Header().Set("X-In", "mine"); return nil })
		f.Response = map[string]interceptor.ResponseFunc{"A": func(_ context.Context, r *interceptor.Response) error {
			r.Header().Set("X-After", fmt.Sprint(r.Status()))
			if r.Request().RawQuery() == "body" {
				r.SetBody([]byte("x"))
			}
			return nil
		}}
		r := hooked(t, spec.Interceptors{Request: []string{"A"}, Response: []string{"A"}}, f, upgrade, engine)
		for query, want := range map[string]int{"": 101, "body": 500} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			fmt.Fprintf(conn, "GET /pets/hooked/1?%s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, X-In\r\nX-In: 1\r\nUpgrade: talk\r\n\r\n", query)
			resp, err := http.ReadResponse(in, nil)
			if err != nil || resp.StatusCode != want {
				t.Fatal(err, resp)
			}
			if want == 101 {
				fmt.Fprint(conn, "hello\n")
				if line, err := in.ReadString('\n'); line != "echo hello\n" || resp.Header.Get("X-Seen") != "mine" || resp.Header.Get("X-After") != "101" {
					t.Errorf("%q, %v, %v", line, err, resp.Header)
				}
			}
		}
	})
}

func TestAnswersWithoutABodyPassInterceptors(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := hooked(t, responseA, answering(func(_ context.Context, r *interceptor.Response) error {
			body, err := r.Body()
			r.Header().Set("X-After", fmt.Sprintf("%d%s", len(body), r.Request().Method()))
			return err
		}), func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.WriteHeader(204)
			}
			fmt.Fprint(w, "twelve bytes")
		}, engine)
		for method, length := range map[string]int64{"HEAD": 12, "GET": 0} {
			req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/pets/hooked/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.Header.Get("X-After") != "0"+method || resp.ContentLength != length {
				t.Errorf("%s: %d, %v", method, resp.ContentLength, resp.Header)
			}
		}
	})
}
