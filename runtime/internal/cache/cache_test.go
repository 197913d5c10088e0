package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// bench is a cache before a scripted backend.
type bench struct {
	t     *testing.T
	cache *Cache
	api   *spec.API
	now   int64
	asked []string // what the backend saw: method, target and conditions

	status  int
	header  []string
	body    string
	fault   *reply.Fault
	unknown bool   // the body's length is not told
	cut     error  // in place of the body's end
	during  func() // while the backend is asked
}

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newBench(t *testing.T, change ...func(*Options)) *bench {
	b := &bench{t: t, now: start.UnixNano(), status: 200, body: "pets"}
	o := Options{APIs: []spec.API{{ID: 0, ResponseCache: &spec.ResponseCache{}}}, Now: func() int64 { return b.now }, Identity: []string{"X-JWT-Assertion"}}
	for _, f := range change {
		f(&o)
	}
	b.cache, b.api = New(o), &o.APIs[0]
	return b
}

func fallback(seconds int) func(*Options) {
	return func(o *Options) { o.APIs[0].ResponseCache.FallbackSeconds = seconds }
}

func (b *bench) pass(d time.Duration) { b.now += int64(d) }

type client struct{}

func (client) Inform(int, *exchange.Message) error { return nil }
func (client) Reply(*exchange.Exchange) error      { return nil }
func (client) Gone() bool                          { return false }
func (client) Context() context.Context            { return context.Background() }

// answer is what a client got.
type answer struct {
	status int
	fields string // name=value, sorted; Date left out
	body   string
	err    error
}

func (a answer) age() string {
	for f := range strings.SplitSeq(a.fields, "\n") {
		if v, ok := strings.CutPrefix(f, "Age="); ok {
			return v
		}
	}
	return ""
}

// do sends a request, given as "METHOD target" and fields, through the cache.
func (b *bench) do(request string, header ...string) answer {
	b.t.Helper()
	method, target, _ := strings.Cut(request, " ")
	x := exchange.Acquire()
	defer exchange.Release(x)
	x.Client, x.API, x.Method, x.Scheme = client{}, b.api, method, "https"
	x.Operation = &spec.Operation{}
	x.Host, x.Target = []byte("api.example"), []byte(target)
	x.Grant = &exchange.Grant{Principal: &exchange.Principal{}}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "sandbox" {
			x.Grant.Principal.KeyType = exchange.Sandbox
			continue
		}
		if header[i] == "host" {
			x.Host = []byte(header[i+1])
			continue
		}
		if header[i] == "interceptor" {
			x.Interception = true
			continue
		}
		x.Request.Add(header[i], header[i+1])
	}
	chain := exchange.Chain{
		Request: []exchange.Stage{b.cache.Answer, b.backend},
		Reply:   []func(*exchange.Exchange){b.cache.Reply},
		Done:    []func(*exchange.Exchange){b.cache.Done},
		Panic:   func(_ *exchange.Exchange, r any) { panic(r) },
	}
	var a answer
	x.Client = taking{take: func(x *exchange.Exchange) { a = take(x) }}
	_ = chain.Serve(x)
	return a
}

type taking struct {
	client
	take func(*exchange.Exchange)
}

func (c taking) Reply(x *exchange.Exchange) error { c.take(x); return nil }

func take(x *exchange.Exchange) (a answer) {
	a.status = x.Status
	var fields []string
	for _, f := range x.Response.Fields {
		if f.ID != exchange.Date {
			fields = append(fields, string(x.Response.Name(f))+"="+string(x.Response.Value(f)))
		}
	}
	slices.Sort(fields)
	a.fields = strings.Join(fields, "\n")
	for x.Response.Body != nil && x.Method != "HEAD" {
		chunk, err := x.Response.Body.Next()
		if err == io.EOF {
			break
		}
		if a.err = err; err != nil {
			x.Response.Body.Abort(err)
			break
		}
		a.body += string(chunk)
	}
	return a
}

// backend is the last stage.
func (b *bench) backend(x *exchange.Exchange) bool {
	saw := x.Method + " " + string(x.Target)
	for _, id := range []exchange.FieldID{exchange.IfNoneMatch, exchange.IfModifiedSince} {
		if v := x.Request.Get(id); v != nil {
			saw += " " + id.String() + "=" + string(v)
		}
	}
	b.asked = append(b.asked, saw)
	if b.during != nil {
		b.during()
	}
	x.Backend = "backend:80"
	if b.fault != nil {
		b.fault.Send(x)
		return false
	}
	x.Status = b.status
	for i := 0; i < len(b.header); i += 2 {
		x.Response.Add(b.header[i], b.header[i+1])
	}
	x.Response.SetBodyString(b.body)
	if b.unknown {
		x.Response.Length = exchange.Unknown
	}
	if b.cut != nil {
		x.Response.Body = &cutBody{x.Response.Body, b.cut}
	}
	return false
}

// cutBody fails where it should end.
type cutBody struct {
	exchange.Body
	why error
}

func (b *cutBody) Next() ([]byte, error) {
	chunk, err := b.Body.Next()
	if err == io.EOF {
		err = b.why
	}
	return chunk, err
}

// calls tells how often the backend was asked since the last time.
func (b *bench) calls() int { defer func() { b.asked = nil }(); return len(b.asked) }

func TestWhatIsStored(t *testing.T) {
	fields := func(f ...string) []string { return f }
	in := func(d time.Duration) string { return start.Add(d).Format(httpDate) }
	for _, tc := range []struct {
		name    string
		status  int
		answer  []string
		request []string
		want    bool
	}{
		{"max-age", 200, fields("Cache-Control", "max-age=60"), nil, true},
		{"directives in capitals and quotes", 200, fields("Cache-Control", `Public, Max-Age="60"`), nil, true},
		{"two lines", 200, fields("Cache-Control", "public", "Cache-Control", "max-age=60"), nil, true},
		{"s-maxage over max-age", 200, fields("Cache-Control", "max-age=0, s-maxage=60"), nil, true},
		{"s-maxage of nothing", 200, fields("Cache-Control", "max-age=60, s-maxage=0"), nil, false},
		{"Expires", 200, fields("Date", in(0), "Expires", in(time.Minute)), nil, true},
		{"Expires in the past", 200, fields("Date", in(0), "Expires", in(-time.Minute)), nil, false},
		{"Expires that is no date", 200, fields("Expires", "0"), nil, false},
		{"max-age over Expires", 200, fields("Cache-Control", "max-age=60", "Expires", "0"), nil, true},
		{"nothing said", 200, nil, nil, false},
		{"only a validator", 200, fields("ETag", `"1"`, "Last-Modified", in(-24*time.Hour)), nil, false},
		{"no-store", 200, fields("Cache-Control", "no-store, max-age=60"), nil, false},
		{"private", 200, fields("Cache-Control", "private, max-age=60"), nil, false},
		{"private fields", 200, fields("Cache-Control", `private="X-User", max-age=60`), nil, false},
		{"a cookie is set", 200, fields("Cache-Control", "public, max-age=60", "Set-Cookie", "a=b"), nil, false},
		{"trailers", 200, fields("Cache-Control", "max-age=60", "Trailer", "X-Sum"), nil, false},
		{"old on arrival", 200, fields("Cache-Control", "max-age=60", "Age", "60"), nil, false},
		{"old by its date", 200, fields("Cache-Control", "max-age=60", "Date", in(-time.Minute)), nil, false},
		{"an age that is none", 200, fields("Cache-Control", "max-age=60", "Age", "x"), nil, true},
		{"varies by everything", 200, fields("Cache-Control", "max-age=60", "Vary", "*"), nil, false},
		{"varies by what the gateway changes", 200, fields("Cache-Control", "max-age=60", "Vary", "X-Forwarded-For"), nil, false},
		{"not found", 404, fields("Cache-Control", "max-age=60"), nil, true},
		{"a failure", 500, fields("Cache-Control", "max-age=60"), nil, false},
		{"a part", 206, fields("Cache-Control", "max-age=60"), nil, false},
		{"malformed", 200, fields("Cache-Control", "max-age=a"), nil, false},
		{"the request says no-store", 200, fields("Cache-Control", "max-age=60"), fields("Cache-Control", "no-store"), false},
		{"a credential", 200, fields("Cache-Control", "max-age=60"), fields("Authorization", "Bearer a"), false},
		{"a credential, public", 200, fields("Cache-Control", "public, max-age=60"), fields("Authorization", "Bearer a"), true},
		{"a credential, s-maxage", 200, fields("Cache-Control", "s-maxage=60"), fields("Authorization", "Bearer a"), true},
		{"a cookie", 200, fields("Cache-Control", "max-age=60"), fields("Cookie", "a=b"), false},
		{"a cookie, public", 200, fields("Cache-Control", "public, max-age=60"), fields("Cookie", "a=b"), true},
		{"an assertion", 200, fields("Cache-Control", "max-age=60"), fields("X-JWT-Assertion", "a.b.c"), false},
		{"an interceptor, which may have told who asks", 200, fields("Cache-Control", "max-age=60"), fields("interceptor", ""), false},
		{"an interceptor, public", 200, fields("Cache-Control", "public, max-age=60"), fields("interceptor", ""), true},
		{"a range", 200, fields("Cache-Control", "max-age=60"), fields("Range", "bytes=0-1"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.status, b.header = tc.status, tc.answer
			first := b.do("GET /pets", tc.request...)
			second := b.do("GET /pets", tc.request...)
			if got := b.calls() == 1; got != tc.want {
				t.Errorf("stored: %v\n%+v\n%+v", got, first, second)
			}
			if second.status != tc.status || second.body != "pets" {
				t.Errorf("answered\n%+v\n%+v", first, second)
			}
		})
	}
}

func TestStoredAnswersGrowOldAndAreValidated(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60", "ETag", `"1"`, "Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT", "Content-Type", "text/plain", "Age", "5"}
	b.do("GET /pets?a=1")
	b.pass(54 * time.Second)
	if a := b.do("GET /pets?a=1"); a.age() != "59" || a.body != "pets" || strings.Count(a.fields, "Age=") != 1 || b.calls() != 1 {
		t.Errorf("fresh: %+v", a)
	}
	if b.do("GET /pets?a=2"); b.calls() != 1 {
		t.Error("another query had the same answer")
	}
	b.pass(time.Second)
	b.status, b.body, b.header = 304, "", []string{"Cache-Control", "max-age=30", "ETag", `"1"`, "X-New", "1", "Content-Type", "text/html"}
	a := b.do("GET /pets?a=1")
	if want := []string{`GET /pets?a=1 If-None-Match="1" If-Modified-Since=Sun, 22 Nov 2026 00:00:00 GMT`}; !slices.Equal(b.asked, want) {
		t.Errorf("asked %q", b.asked)
	}
	const head = "Age=0\nCache-Control=max-age=30\nContent-Type=text/plain\nETag=\"1\"\nLast-Modified=Sun, 22 Nov 2026 00:00:00 GMT\nX-New=1"
	if a.status != 200 || a.body != "pets" || a.fields != head {
		t.Errorf("validated: %+v", a)
	}
	b.calls()
	b.pass(29 * time.Second)
	if a := b.do("GET /pets?a=1"); a.age() != "29" || a.body != "pets" || b.calls() != 0 {
		t.Errorf("fresh again: %+v", a)
	}
	b.pass(time.Second)
	b.status, b.body, b.header = 200, "new pets", []string{"Cache-Control", "max-age=60"}
	if a := b.do("GET /pets?a=1"); a.body != "new pets" || b.calls() != 1 {
		t.Errorf("changed: %+v", a)
	}
	if a := b.do("GET /pets?a=1"); a.body != "new pets" || a.age() != "0" || b.calls() != 0 {
		t.Errorf("stored anew: %+v", a)
	}
}

func TestABackendThatValidatesButKeepsNothingMore(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "no-cache", "ETag", `"1"`}
	b.do("GET /pets")
	b.status, b.header = 304, []string{"Set-Cookie", "a=b"}
	if a := b.do("GET /pets"); a.status != 200 || a.body != "pets" || !strings.Contains(a.fields, "Set-Cookie=a=b") {
		t.Errorf("%+v", a)
	}
	b.status, b.header = 200, nil
	if a := b.do("GET /pets"); strings.Contains(a.fields, "Set-Cookie") || b.asked[2] != "GET /pets" {
		t.Errorf("%+v, asked %q", a, b.asked)
	}
}

func TestConditionalRequestsAreAnsweredFromMemory(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60", "ETag", `W/"1"`, "Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT", "Content-Type", "a/b"}
	b.do("GET /pets")
	b.calls()
	for _, tc := range []struct {
		header []string
		status int
	}{
		{[]string{"If-None-Match", `"1"`}, 304},
		{[]string{"If-None-Match", `"0", W/"1"`}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", `"2"`}, 200},
		{[]string{"If-None-Match", `"2"`, "If-Modified-Since", "Sun, 22 Nov 2026 00:00:00 GMT"}, 200},
		{[]string{"If-Modified-Since", "Sun, 22 Nov 2026 00:00:00 GMT"}, 304},
		{[]string{"If-Modified-Since", "Sunday, 22-Nov-26 01:00:00 GMT"}, 304},
		{[]string{"If-Modified-Since", "Sat, 21 Nov 2026 00:00:00 GMT"}, 200},
		{[]string{"If-Modified-Since", "yesterday"}, 200},
	} {
		a := b.do("GET /pets", tc.header...)
		if a.status != tc.status || (a.status == 304) != (a.body == "") || (a.status == 304) == strings.Contains(a.fields, "Content-Type") {
			t.Errorf("%q: %+v", tc.header, a)
		}
	}
	if n := b.calls(); n != 0 {
		t.Errorf("%d reached the backend", n)
	}
	// Stale: the backend is asked about what is stored, the client told about its own.
	b.pass(time.Hour)
	b.status, b.header = 304, nil
	if a := b.do("GET /pets", "If-None-Match", `"1"`); a.status != 304 || b.asked[0] != `GET /pets If-None-Match=W/"1" If-Modified-Since=Sun, 22 Nov 2026 00:00:00 GMT` {
		t.Errorf("%+v after %q", a, b.asked)
	}
	b.pass(time.Hour)
	if a := b.do("GET /pets", "If-None-Match", `"2"`); a.status != 200 || a.body != "pets" {
		t.Errorf("%+v after %q", a, b.asked)
	}
}

func TestWhatARequestSaysOfTheCache(t *testing.T) {
	for _, tc := range []struct {
		name, control string
		after         time.Duration
		answer        string // Cache-Control of what is stored
		calls, status int
	}{
		{"no-cache", "no-cache", 0, "max-age=60", 1, 200},
		{"an age that is reached", "max-age=5", 6 * time.Second, "max-age=60", 1, 200},
		{"an age that is not", "max-age=5", 5 * time.Second, "max-age=60", 0, 200},
		{"freshness that is left", "min-fresh=10", 50 * time.Second, "max-age=60", 0, 200},
		{"freshness that is not", "min-fresh=11", 50 * time.Second, "max-age=60", 1, 200},
		{"staleness", "max-stale", time.Hour, "max-age=60", 0, 200},
		{"some staleness", "max-stale=10", 70 * time.Second, "max-age=60", 0, 200},
		{"more staleness", "max-stale=10", 71 * time.Second, "max-age=60", 1, 200},
		{"staleness that the backend forbids", "max-stale", time.Hour, "max-age=60, must-revalidate", 1, 200},
		{"only what is stored", "only-if-cached", 0, "max-age=60", 0, 200},
		{"only what is stored, and is stale", "only-if-cached", time.Hour, "max-age=60", 0, 504},
		{"what cannot be understood", "max-age=x", 0, "max-age=60", 1, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.header = []string{"Cache-Control", tc.answer}
			b.do("GET /pets")
			b.calls()
			b.pass(tc.after)
			if a := b.do("GET /pets", "Cache-Control", tc.control); a.status != tc.status || b.calls() != tc.calls {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestAnswersAreForRequestsOfTheirKind(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60", "Vary", "accept-language, X-Own"}
	for _, tc := range []struct {
		request string
		header  []string
		calls   int
	}{
		{"GET /pets", []string{"Accept-Language", "de"}, 1},
		{"GET /pets", []string{"accept-language", "de"}, 0},
		{"GET /pets", []string{"Accept-Language", "en"}, 1},
		{"GET /pets", []string{"Accept-Language", "de", "X-Own", "1"}, 1},
		{"GET /pets", nil, 1},
		{"GET /pets", []string{"X-Other", "1"}, 0},
		{"GET /pets", []string{"Accept-Language", "de"}, 0},
		{"GET /pets", []string{"Accept-Language", "de", "sandbox", ""}, 1},
		{"GET /pets", []string{"Accept-Language", "de", "X-Forwarded-Host", "evil.example"}, 1},
		{"GET /pets", []string{"Accept-Language", "de", "host", "evil.example"}, 1},
		{"GET /pets", []string{"Accept-Language", "de", "host", "API.example"}, 0},
		{"HEAD /pets", []string{"Accept-Language", "de"}, 0},
		{"HEAD /pets", []string{"Accept-Language", "fr"}, 1},
		{"GET /pets", []string{"Accept-Language", "fr"}, 1}, // HEAD stored nothing
		{"GET /pets/", []string{"Accept-Language", "de"}, 1},
	} {
		if b.do(tc.request, tc.header...); b.calls() != tc.calls {
			t.Errorf("%s %q: not %d calls", tc.request, tc.header, tc.calls)
		}
	}
}

func TestACodedBodyIsForThoseWhoTakeIt(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60", "Content-Encoding", "gzip"}
	b.do("GET /pets", "Accept-Encoding", "gzip")
	b.do("GET /pets", "Accept-Encoding", "gzip")
	if b.calls() != 1 {
		t.Error("not stored")
	}
	if b.do("GET /pets"); b.calls() != 1 {
		t.Error("a client that takes no coding got one")
	}
}

func TestChangesMakeStoredAnswersInvalid(t *testing.T) {
	for _, tc := range []struct {
		method string
		status int
		calls  int
	}{{"PUT", 204, 1}, {"POST", 201, 1}, {"DELETE", 302, 1}, {"PURGE", 200, 1}, {"PUT", 409, 0}, {"PUT", 500, 0}, {"OPTIONS", 200, 0}} {
		b := newBench(t)
		b.header = []string{"Cache-Control", "max-age=60"}
		b.do("GET /pets/1")
		b.status = tc.status
		b.do(tc.method + " /pets/1")
		b.calls()
		b.status = 200
		if b.do("GET /pets/1"); b.calls() != tc.calls {
			t.Errorf("after %s, answered %d: not %d calls", tc.method, tc.status, tc.calls)
		}
	}
}

func TestAnAnswerFromBeforeAChangeIsNotStored(t *testing.T) {
	b := newBench(t)
	b.header = []string{"Cache-Control", "max-age=60"}
	b.during = func() {
		b.during = nil
		b.do("PUT /pets/1")
	}
	b.do("GET /pets/1")
	b.calls()
	if b.do("GET /pets/1"); b.calls() != 1 {
		t.Error("the old state was stored after the change")
	}
}

func TestStaleAnswersInPlaceOfFailures(t *testing.T) {
	for _, tc := range []struct {
		name, control string
		after         time.Duration
		status        int
		fault         *reply.Fault
		want          int
	}{
		{"a dead backend", "max-age=10, stale-if-error=60", 70 * time.Second, 0, reply.BackendUnreachable, 200},
		{"a silent backend", "s-maxage=10, stale-if-error=60", 70 * time.Second, 0, reply.BackendTimeout, 200},
		{"a failing backend", "max-age=10, stale-if-error=60", 70 * time.Second, 503, nil, 200},
		{"too old", "max-age=10, stale-if-error=60", 71 * time.Second, 503, nil, 503},
		{"not allowed", "max-age=10", 11 * time.Second, 503, nil, 503},
		{"forbidden", "max-age=10, stale-if-error=60, must-revalidate", 11 * time.Second, 503, nil, 503},
		{"a refusal", "max-age=10, stale-if-error=60", 11 * time.Second, 0, reply.ThrottledBackend, 503},
		{"no failure", "max-age=10, stale-if-error=60", 11 * time.Second, 404, nil, 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.header = []string{"Cache-Control", tc.control, "ETag", `"1"`}
			b.do("GET /pets")
			b.pass(tc.after)
			b.status, b.fault, b.header, b.body = tc.status, tc.fault, nil, "failed"
			a := b.do("GET /pets")
			if a.status != tc.want || (a.body == "pets") != (tc.want == 200) || (a.age() != "") != (tc.want == 200) {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestALifetimeForAnswersThatTellNone(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		answer  []string
		request []string
		stored  bool
	}{
		"nothing said":          {200, nil, nil, true},
		"not found":             {404, nil, nil, false},
		"forbidden":             {200, []string{"Cache-Control", "no-store"}, nil, false},
		"an old way to forbid":  {200, []string{"Pragma", "no-cache"}, nil, false},
		"a time of its own":     {200, []string{"Cache-Control", "max-age=0"}, nil, false},
		"a credential":          {200, nil, []string{"Authorization", "a"}, false},
		"a cookie of the asker": {200, nil, []string{"Cookie", "a=b"}, false},
	} {
		b := newBench(t, fallback(30))
		b.status, b.header = tc.status, tc.answer
		b.do("GET /pets", tc.request...)
		b.calls()
		b.pass(29 * time.Second)
		if b.do("GET /pets", tc.request...); (b.calls() == 0) != tc.stored {
			t.Errorf("%s: stored %v", name, !tc.stored)
		}
		b.pass(time.Second)
		if b.do("GET /pets", tc.request...); b.calls() != 1 {
			t.Errorf("%s: given beyond its time", name)
		}
	}
}

func TestBodiesThatAreNotStored(t *testing.T) {
	whole := strings.Repeat("a", 1000)
	for name, tc := range map[string]struct {
		body    string
		unknown bool
		cut     error
		stored  bool
	}{
		"as large as may be":              {whole, false, nil, true},
		"of unknown length":               {whole, true, nil, true},
		"too large":                       {whole + "a", false, nil, false},
		"too large, of unknown length":    {whole + "a", true, nil, false},
		"cut":                             {"aa", true, errors.New("cut"), false},
		"cut though its length was known": {"aa", false, errors.New("cut"), false},
		"empty":                           {"", false, nil, true},
	} {
		b := newBench(t, func(o *Options) { o.MaxBody = 1000 })
		b.header = []string{"Cache-Control", "max-age=60"}
		b.body, b.unknown, b.cut = tc.body, tc.unknown, tc.cut
		if a := b.do("GET /pets"); a.body != tc.body {
			t.Errorf("%s: the client got %d bytes", name, len(a.body))
		}
		b.calls()
		if a := b.do("GET /pets"); (b.calls() == 0) != tc.stored || a.body != tc.body {
			t.Errorf("%s: stored %v, %d bytes", name, !tc.stored, len(a.body))
		}
		if n := b.cache.pending.Load(); n != 0 {
			t.Errorf("%s: %d bytes are still claimed", name, n)
		}
	}
}

func TestStoredAnswersAreTold(t *testing.T) {
	told := 0
	b := newBench(t, func(o *Options) { o.Publish = func(*exchange.Exchange) { told++ } })
	b.header = []string{"Cache-Control", "max-age=60", "ETag", `"1"`}
	b.do("GET /pets")
	b.do("GET /pets", "Cache-Control", "no-cache")
	if told != 0 {
		t.Errorf("%d requests were told that reached the backend: it tells them itself", told)
	}
	b.do("GET /pets")
	b.do("HEAD /pets")
	b.do("GET /pets", "If-None-Match", `"1"`)
	if told != 3 {
		t.Errorf("%d of 3 were told", told)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Memory = 1 << 20; o.MaxBody = 1 << 20 })
	b.header = []string{"Cache-Control", "max-age=60", "Vary", "X-Own"}
	b.body = strings.Repeat("a", 1000)
	for i := range 5000 {
		b.do(fmt.Sprintf("GET /pets/%d", i%4000), "X-Own", fmt.Sprint(i))
	}
	s := b.cache.Stats()
	if s.Bytes > 1<<20 || s.Bytes < 1<<19 || s.Answers < 300 || s.Evicted == 0 {
		t.Errorf("%+v", s)
	}
	b.calls()
	for i := range 100 {
		b.do("GET /one", "X-Own", fmt.Sprint(i))
	}
	if b.do("GET /one", "X-Own", "99"); b.calls() != 100 {
		t.Error("the latest variant is not stored")
	}
	if b.do("GET /one", "X-Own", "0"); b.calls() != 1 {
		t.Error("the eldest of a hundred variants is stored")
	}
	b.body = strings.Repeat("a", 100_000) // more than a shard has
	b.do("GET /large")
	b.calls()
	if b.do("GET /large"); b.calls() != 1 {
		t.Error("an answer larger than its part of the memory was stored")
	}
}

func TestAPIsWithoutACacheAreLeftAlone(t *testing.T) {
	if New(Options{APIs: []spec.API{{ID: 0}}}) != nil {
		t.Error("there is nothing to cache")
	}
}
