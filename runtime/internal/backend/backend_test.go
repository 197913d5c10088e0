package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a transport whose targets do what a test says.
type fake struct {
	asked []string
	do    func(to exchange.Target, x *exchange.Exchange) error
}

type fakeUpstream struct {
	*fake
	to exchange.Target
}

func (f *fake) Open(to exchange.Target) exchange.Upstream { return fakeUpstream{f, to} }
func (f *fake) Close()                                    {}

func (f fakeUpstream) RoundTrip(_ context.Context, x *exchange.Exchange, target []byte) error {
	f.asked = append(f.asked, f.to.Host+string(target))
	f.fake.asked = f.asked
	return f.do(f.to, x)
}

// caller is a client that is there.
type caller struct {
	exchange.Client
	ctx context.Context
}

func (c caller) Context() context.Context { return c.ctx }
func (c caller) Gone() bool               { return c.ctx.Err() != nil }

// request gives an exchange for the first operation of a gateway.
func request(method, target string) *exchange.Exchange {
	x := &exchange.Exchange{Client: caller{ctx: context.Background()}, Method: method, Scheme: "http", Major: 1, Minor: 1}
	x.API = &spec.API{}
	x.Operation = &spec.Operation{Production: 0, Sandbox: spec.NoEndpoint}
	path, query, _ := strings.Cut(target, "?")
	x.Host, x.Target, x.Path, x.Query = []byte("api.example"), []byte(target), []byte(path), []byte(query)
	x.Peer = netip.MustParseAddrPort("203.0.113.9:1234")
	return x
}

func ok(exchange.Target, *exchange.Exchange) error { return nil }

func answer(status int) func(exchange.Target, *exchange.Exchange) error {
	return func(_ exchange.Target, x *exchange.Exchange) error { x.Status = status; return nil }
}

func mustNew(t *testing.T, o Options) *Backends {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func one(e spec.Endpoint) *spec.Gateway {
	return &spec.Gateway{APIs: []spec.API{{}}, Endpoints: []spec.Endpoint{e}}
}

func TestEndpointsThatCannotBeServedAreRefused(t *testing.T) {
	for _, tc := range []struct {
		e    spec.Endpoint
		want string
	}{
		{spec.Endpoint{Type: spec.HTTP}, "no URL"},
		{spec.Endpoint{URLs: []string{"ftp://a"}}, "none of http, https"},
		{spec.Endpoint{URLs: []string{"http://"}}, "names no host"},
		{spec.Endpoint{URLs: []string{"http://a/#x"}}, "fragment"},
		{spec.Endpoint{URLs: []string{"http://u:hidden@a"}}, "use securityConfig"},
		{spec.Endpoint{URLs: []string{"http://u:hidden@a:x"}}, "malformed"},
		{spec.Endpoint{URLs: make([]string, 64)}, "at most 63"},
		{spec.Endpoint{URLs: []string{"http://a"}, Security: &spec.EndpointSecurity{Type: "basic", Username: "u"}}, "needs a password"},
	} {
		tc.e.Name = "shop"
		_, err := New(Options{Gateway: one(tc.e), Transport: &fake{}})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "shop") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: %v", tc.e.URLs, err)
		}
	}
}

func TestTargetsAreResolvedOnce(t *testing.T) {
	for url, want := range map[string]string{
		"http://a": "a:80", "https://a/x": "a:443", "http://a:81": "a:81", "http://[::1]": "[::1]:80", "https://[::1]:9": "[::1]:9",
	} {
		f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
			if to.Address != want || to.Secure != strings.HasPrefix(url, "https") || to.Timeout != 3*time.Second || to.MaxIdle != 100 || to.Wait != 30*time.Second {
				t.Errorf("%s: %+v", url, to)
			}
			x.Status = 200
			return nil
		}}
		e := spec.Endpoint{Type: spec.HTTP, URLs: []string{url}, Advanced: spec.Advanced{TimeoutMillis: 3000}}
		mustNew(t, Options{Gateway: one(e), Transport: f}).Forward(request("GET", "/"))
		if len(f.asked) != 1 {
			t.Errorf("%s: asked %q", url, f.asked)
		}
	}
}

func TestTheBasePathIsCutOffByPlace(t *testing.T) {
	for _, tc := range []struct{ base, target, want string }{
		{"", "/pets", "h/v/pets"}, {"/a/b", "/a/b/pets", "h/v/pets"}, {"/a/b", "/a/b", "h/v"}, {"/a/b", "/a/b/", "h/v/"},
		{"/a/b", "/%61/%62/pets?x;y=%zz", "h/v/pets?x;y=%zz"}, {"/a/b", "/a/b//pets/", "h/v//pets/"}, {"/a", "/a/a/a", "h/v/a/a"}, {"/a", "/a?", "h/v?"},
	} {
		f := &fake{do: answer(200)}
		g := one(spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://h/v"}})
		g.APIs[0].BasePath = tc.base
		mustNew(t, Options{Gateway: g, Transport: f}).Forward(request("GET", tc.target))
		if f.asked[0] != tc.want {
			t.Errorf("%s of %s: %s, want %s", tc.target, tc.base, f.asked[0], tc.want)
		}
	}
	f := &fake{do: answer(200)}
	mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://h"}}), Transport: f}).Forward(request("GET", ""))
	if f.asked[0] != "h/" {
		t.Errorf("an empty path: %s", f.asked[0])
	}
}

func TestTheKeyTypeChoosesTheEndpoint(t *testing.T) {
	g := &spec.Gateway{APIs: []spec.API{{}}, Endpoints: []spec.Endpoint{
		{Type: spec.HTTP, URLs: []string{"http://production"}}, {Type: spec.HTTP, URLs: []string{"http://sandbox"}},
	}}
	sandbox := &exchange.Grant{Principal: &exchange.Principal{KeyType: exchange.Sandbox}}
	production := &exchange.Grant{Principal: &exchange.Principal{}}
	for _, tc := range []struct {
		grant      *exchange.Grant
		prod, sand int
		asked      string
		body       string
	}{
		{nil, 0, 1, "production/", ""}, {production, 0, 1, "production/", ""}, {sandbox, 0, 1, "sandbox/", ""},
		{nil, spec.NoEndpoint, 1, "", reply.NoProductionEndpoint}, {sandbox, 0, spec.NoEndpoint, "", reply.NoSandboxEndpoint},
	} {
		f := &fake{do: answer(200)}
		x := request("GET", "/")
		x.Grant = tc.grant
		x.Operation = &spec.Operation{Production: tc.prod, Sandbox: tc.sand}
		mustNew(t, Options{Gateway: g, Transport: f}).Forward(x)
		if got := strings.Join(f.asked, ""); got != tc.asked {
			t.Errorf("asked %s, want %s", got, tc.asked)
		}
		if tc.body == "" {
			continue
		}
		if body, err := x.Response.Body.Next(); x.Status != 403 || string(body) != tc.body || err != nil {
			t.Errorf("%d %s", x.Status, body)
		}
	}
}

func TestEndpointSecurityReplacesTheCallersCredential(t *testing.T) {
	e := spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://h"}, Security: &spec.EndpointSecurity{Type: "basic", Username: "user"}}
	f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error {
		if got := string(x.Request.Get(exchange.Authorization)); got != "Basic dXNlcjpwYXNz" || x.Request.Count(exchange.Authorization) != 1 {
			t.Errorf("Authorization %q", got)
		}
		x.Status = 200
		return nil
	}}
	x := request("GET", "/")
	x.Request.Add("Authorization", "Bearer x")
	mustNew(t, Options{Gateway: one(e), Transport: f, Password: func(int) (string, bool) { return "pass", true }}).Forward(x)
}

var errDown = &exchange.AttemptError{Err: errors.New("refused")}

func TestADeadTargetIsAvoidedForAWhile(t *testing.T) {
	now := int64(time.Hour)
	f := &fake{do: func(to exchange.Target, x *exchange.Exchange) error {
		if to.Host == "b" {
			return errDown
		}
		x.Status = 200
		return nil
	}}
	for _, kind := range []spec.EndpointType{spec.LoadBalance, spec.Failover} {
		b := mustNew(t, Options{
			Gateway: one(spec.Endpoint{Type: kind, URLs: []string{"http://b", "http://a", "http://c"}}), Transport: f, Now: func() int64 { return now },
		})
		count := func() (bad int) {
			f.asked = nil
			for range 30 {
				x := request("POST", "/")
				if b.Forward(x); x.Status != 200 {
					t.Errorf("%s: %d", kind, x.Status)
				}
			}
			return strings.Count(strings.Join(f.asked, ""), "b/")
		}
		if n := count(); n != 1 {
			t.Errorf("%s: the dead target was asked %d times", kind, n)
		}
		now += int64(firstHold) + 1
		if n := count(); n != 1 {
			t.Errorf("%s: after a while it was asked %d times more", kind, n)
		}
		if kind == spec.LoadBalance && (!strings.Contains(strings.Join(f.asked, ""), "a/") || !strings.Contains(strings.Join(f.asked, ""), "c/")) {
			t.Errorf("the living do not share the load: %q", f.asked)
		}
	}
}

func TestTheLoadIsShared(t *testing.T) {
	f := &fake{do: answer(200)}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f})
	for range 30 {
		b.Forward(request("GET", "/"))
	}
	for _, host := range []string{"a/", "b/", "c/"} {
		if n := strings.Count(strings.Join(f.asked, ""), host); n != 10 {
			t.Errorf("%s was asked %d times of 30", host, n)
		}
	}
}

// chunks is a body of which rewinding can be forbidden.
type chunks struct {
	rewinds int
	err     error
}

func (c *chunks) Next() ([]byte, error) { return nil, c.err }
func (c *chunks) Rewind() bool          { c.rewinds--; return c.rewinds >= 0 }
func (c *chunks) Abort(error)           {}

func TestWhatIsAskedAgain(t *testing.T) {
	sent := &exchange.AttemptError{Sent: true, Err: errors.New("reset")}
	for _, tc := range []struct {
		name    string
		method  string
		err     error
		rewinds int // of the body; -1: there is none
		want    int // attempts at three targets
	}{
		{"nothing was sent", "POST", errDown, 9, 3},
		{"nothing was sent, but the body is gone", "POST", errDown, 1, 2},
		{"it may have been acted upon", "POST", sent, -1, 1},
		{"PUT is not safe either", "PUT", sent, -1, 1},
		{"asking twice does no harm", "GET", sent, -1, 3},
		{"the client's body failed", "GET", &exchange.AttemptError{Body: io.ErrUnexpectedEOF}, 9, 1},
		{"an error that is not known", "GET", errors.New("bug"), -1, 1},
	} {
		f := &fake{do: func(exchange.Target, *exchange.Exchange) error { return tc.err }}
		b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f})
		x := request(tc.method, "/")
		if tc.rewinds >= 0 {
			x.Request.Body = &chunks{rewinds: tc.rewinds}
		}
		b.Forward(x)
		if len(f.asked) != tc.want {
			t.Errorf("%s: %d attempts, want %d", tc.name, len(f.asked), tc.want)
		}
	}
}

type tooLarge struct{ error }

func (tooLarge) Fault() *reply.Fault { return reply.BodyTooLarge }

func TestEachFailureHasItsAnswer(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tc := range []struct {
		name         string
		err          error
		ctx          context.Context
		legacy       bool
		status, code int
	}{
		{"unreachable", errDown, nil, false, 502, 101503},
		{"unreachable, as it was", errDown, nil, true, 500, 101503},
		{"too slow", &exchange.AttemptError{Timeout: true, Err: io.EOF}, nil, false, 504, 101504},
		{"too slow, as it was", &exchange.AttemptError{Timeout: true, Err: io.EOF}, nil, true, 500, 101504},
		{"the body is too large", &exchange.AttemptError{Body: tooLarge{io.EOF}}, nil, false, 413, 413},
		{"the body was cut", &exchange.AttemptError{Body: io.ErrUnexpectedEOF}, nil, false, 499, 0},
		{"the client left", errDown, gone, false, 499, 0},
	} {
		f := &fake{do: func(exchange.Target, *exchange.Exchange) error { return tc.err }}
		b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://a"}}), Transport: f, LegacyStatus: tc.legacy})
		x := request("GET", "/")
		if tc.ctx != nil {
			x.Client = caller{ctx: tc.ctx}
		}
		b.Forward(x)
		if x.Status != tc.status || x.Code != tc.code || x.Aborted != (tc.status == 499) || x.Backend != "a" {
			t.Errorf("%s: %d, code %d, aborted %v", tc.name, x.Status, x.Code, x.Aborted)
		}
	}
}

// bouncer lets a number of attempts through.
type bouncer struct{ left int }

func (b *bouncer) Admit(x *exchange.Exchange) error {
	if b.left--; b.left >= 0 {
		return nil
	}
	x.Response.Set("Retry-After", "1")
	return spent{errors.New("spent")}
}

type spent struct{ error }

func (spent) Fault() *reply.Fault { return reply.ThrottledBackend }

func TestEachAttemptNeedsAdmission(t *testing.T) {
	for _, tc := range []struct {
		name         string
		admitted     int
		do           func(exchange.Target, *exchange.Exchange) error
		asked        int
		status, code int
	}{
		{"the first is refused", 0, ok, 0, 503, 900801},
		{"the second is refused: the backend's failure stays", 1, func(exchange.Target, *exchange.Exchange) error { return errDown }, 1, 502, 101503},
		{"the second is refused: the backend had answered 503", 1, answer(503), 1, 502, 101503},
		{"all are admitted", 3, func(exchange.Target, *exchange.Exchange) error { return errDown }, 3, 502, 101503},
	} {
		f := &fake{}
		f.do = func(to exchange.Target, x *exchange.Exchange) error {
			if err := x.Admit(); err != nil {
				f.asked = f.asked[:len(f.asked)-1]
				return err
			}
			return tc.do(to, x)
		}
		b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.Failover, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f})
		x := request("GET", "/")
		x.Admission = &bouncer{left: tc.admitted}
		b.Forward(x)
		if len(f.asked) != tc.asked || x.Status != tc.status || x.Code != tc.code {
			t.Errorf("%s: %d attempts, status %d, code %d", tc.name, len(f.asked), x.Status, x.Code)
		}
		if v, _ := x.Response.Lookup("Retry-After"); (string(v) == "1") != (tc.admitted == 0) {
			t.Errorf("%s: Retry-After %q", tc.name, v)
		}
	}
}

func TestFieldsOfEarlierStagesSurviveAttempts(t *testing.T) {
	n := 0
	f := &fake{do: func(_ exchange.Target, x *exchange.Exchange) error {
		n++
		x.Status = 504 - n
		x.Response.Add("X-Attempt", "of the backend")
		return nil
	}}
	b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.Failover, URLs: []string{"http://a", "http://b", "http://c"}}), Transport: f})
	x := request("GET", "/")
	x.Response.Add("RateLimit", "1")
	b.Forward(x)
	if x.Status != 501 || len(x.Response.Fields) != 2 || string(x.Response.Value(x.Response.Fields[0])) != "1" {
		t.Errorf("%d, %d fields", x.Status, len(x.Response.Fields))
	}
}

// noting answers without keeping anything.
type noting struct{}

func (noting) Open(exchange.Target) exchange.Upstream { return noting{} }
func (noting) Close()                                 {}
func (noting) RoundTrip(_ context.Context, x *exchange.Exchange, _ []byte) error {
	x.Status = 200
	return nil
}

func BenchmarkForward(b *testing.B) {
	backends, err := New(Options{Gateway: one(spec.Endpoint{Type: spec.HTTP, URLs: []string{"http://a/v"}}), Transport: noting{}})
	if err != nil {
		b.Fatal(err)
	}
	x := request("GET", "/pets?x")
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Reset()
		x.Response.Reset()
		x.Request.Add("Accept", "*/*")
		x.Request.Add("User-Agent", "bench")
		backends.Forward(x)
	}
}

func TestBackendsOverTLSAreVerifiedAndMaySpeakHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Protocol", r.Proto)
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		_, _ = io.Copy(w, r.Body)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	for _, tc := range []struct {
		name     string
		options  StandardOptions
		status   int
		protocol string
	}{
		{"an unknown issuer", StandardOptions{}, 502, ""},
		{"HTTP/2", StandardOptions{TLS: trusting}, 200, "HTTP/2.0"},
		{"HTTP/1.1", StandardOptions{TLS: &tls.Config{RootCAs: trusting.RootCAs}, NoHTTP2: true}, 200, "HTTP/1.1"},
	} {
		b := mustNew(t, Options{Gateway: one(spec.Endpoint{Type: spec.HTTP, URLs: []string{server.URL}}), Transport: NewStandard(tc.options)})
		x := request("POST", "/pets")
		x.Request.SetBodyString("hello")
		b.Forward(x)
		if protocol, _ := x.Response.Lookup("X-Protocol"); x.Status != tc.status || string(protocol) != tc.protocol {
			t.Errorf("%s: %d %s", tc.name, x.Status, protocol)
		}
		if tc.status != 200 {
			continue
		}
		body := ""
		chunk, err := x.Response.Body.Next()
		for ; err == nil; chunk, err = x.Response.Body.Next() {
			body += string(chunk)
		}
		if body != "hello" || err != io.EOF {
			t.Errorf("%s: %q, %v", tc.name, body, err)
		}
	}
}
