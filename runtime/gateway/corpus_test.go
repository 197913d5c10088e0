package gateway

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"mgw/runtime/internal/listen/fronttest"
	"mgw/runtime/spec"
)

// countingBackend says what it received, and counts what began to arrive and
// what came as a whole.
type countingBackend struct {
	*httptest.Server
	began, whole atomic.Int64
}

func newCountingBackend(t *testing.T) *countingBackend {
	b := new(countingBackend)
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.began.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		b.whole.Add(1)
		path, query, has := strings.Cut(r.RequestURI, "?")
		if !has {
			query = "?"
		}
		fmt.Fprintf(w, "%s %s %s [%s]", r.Method, path, query, body)
	}))
	b.Start()
	t.Cleanup(b.Close)
	return b
}

// everything forwards all paths to the backend.
func everything(backend string) *spec.Gateway {
	content := served(backend)
	content.APIs[0].BasePath, content.APIs[0].Context = "", ""
	content.APIs[0].Operations = nil
	for i, method := range []string{"GET", "POST", "PURGE", "get"} {
		content.APIs[0].Operations = append(content.APIs[0].Operations,
			spec.Operation{ID: i, Method: method, Path: "/*", KeyPath: "/*", Security: spec.Security{Disabled: true}, Sandbox: spec.NoEndpoint})
	}
	return content
}

// withoutHost takes the host out of what a request should be read as: the
// backend is told its own.
func withoutHost(want string) string {
	parts := strings.SplitN(want, " ", 5)
	return strings.Join(append(parts[:3], parts[4]), " ")
}

// servedByNetHTTP are malformed requests that net/http understands, so that its
// handler cannot refuse them, or waits for the rest of.
var servedByNetHTTP = map[string]string{
	"bare LF at the end": "a bare LF ends a line", "bare LF after a value": "likewise", "bare LF ends the head": "likewise",
	"absolute-form contradicts Host": "the target wins", "absolute-form contradicts the port": "likewise",
	"folded value": "unfolded", "folded by a tab": "unfolded", "line of a space": "unfolded", "coding folded": "unfolded",
	"lengths repeated": "equal ones become one",
	"both framings":    "the length is dropped", "both framings, other order": "likewise", "both framings, length of zero": "likewise",
	"chunked in HTTP/1.0":    "the coding is ignored",
	"size with space behind": "trimmed", "size with tab behind": "trimmed",
	"extension with NUL": "extensions are not read", "extension empty": "likewise",
	"trailer folded": "unfolded", "trailer with space before the colon": "trimmed",
}

// patientNetHTTP are those that net/http waits for the rest of, until its
// time-out: not asked here.
var patientNetHTTP = map[string]bool{
	"no version": true, "method alone": true, "target without end": true, "head without end": true,
	"size that is negative as int64": true, "bare LF ends the trailers": true,
	"no HTTP at all": true, "TLS on a plaintext port": true,
}

const emptyLine = "one empty line first" // net/http refuses what section 2.2 of RFC 9112 allows

// prefaceHTTP2 is no malformed request to a gateway, which speaks it.
const prefaceHTTP2 = "preface of HTTP/2"

func TestNothingOfAMalformedRequestReachesABackend(t *testing.T) {
	for _, engine := range []string{"fast", "standard"} {
		for _, head := range []bool{true, false} {
			// Those whose body is at fault may still begin at the backend when they
			// have been answered: they have one of their own.
			t.Run(fmt.Sprint(engine, " head ", head), func(t *testing.T) { sendCorpus(t, engine, head) })
		}
	}
}

func sendCorpus(t *testing.T, engine string, head bool) {
	backend := newCountingBackend(t)
	g := start(t, everything(backend.URL), "listenerConfig.engine="+engine, "listenerConfig.maxEntityBodySize=1000000")
	for _, r := range fronttest.RawRequests {
		if r.Name == prefaceHTTP2 || engine == "standard" && patientNetHTTP[r.Name] || head != (r.Status == 0 || r.HeadRefused()) {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			began, whole := backend.began.Load(), backend.whole.Load()
			got, err := fronttest.AskRaw(strings.TrimPrefix(g.url, "http://"), r.Send, false)
			began, whole = backend.began.Load()-began, backend.whole.Load()-whole
			if got.Second != "" {
				began, whole = began-1, whole-1
			}
			said := fmt.Sprintf("%d %q, closed %v, %v; at the backend %d began, %d came as a whole", got.Status, got.Body, got.Closed, err, began, whole)
			served := r.Status == 0
			if engine == "standard" {
				served = served && r.Name != emptyLine || servedByNetHTTP[r.Name] != ""
			}
			switch {
			case served && r.Status == 0 && (err != nil || got.Status != 200 || got.Body != withoutHost(r.Want)):
				t.Errorf("%s, want %s", said, withoutHost(r.Want))
			case served && (err != nil || got.Status != 200 || whole != 1):
				t.Errorf("%s: net/http no longer serves it", said)
			case !served && (whole != 0 || r.HeadRefused() && began != 0):
				t.Errorf("%s, want nothing", said)
			case !served && engine == "fast" && (err != nil || got.Status != r.Status || !got.Closed):
				t.Errorf("%s, want %d and the end", said, r.Status)
			case !served && engine == "standard" && err == nil && got.Status < 400:
				t.Errorf("%s, want a refusal", said)
			}
		})
	}
}

func TestEachPortSaysThatTheOthersProtocolWasSpoken(t *testing.T) {
	for _, engine := range []string{"fast", "standard"} {
		g := start(t, everything("http://127.0.0.1:1"), "listenerConfig.engine="+engine)
		plain, secure := g.listener.Addresses()
		if _, err := (&tls.Dialer{}).Dial("tcp", plain.String()); err == nil {
			t.Errorf("%s: TLS was spoken on the plaintext port", engine)
		}
		if engine == "fast" {
			got, err := fronttest.AskRaw(plain.String(), "\x16\x03\x01\x02\x00\x01", false)
			if err != nil || got.Status != 400 || !strings.Contains(got.Body, "TLS was spoken to the plain HTTP port") {
				t.Errorf("TLS: %+v, %v", got, err)
			}
		}
		got, err := fronttest.AskRaw(secure.String(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false)
		if err != nil || got.Status != 400 || !strings.Contains(got.Body, "HTTPS") {
			t.Errorf("%s, plain HTTP: %+v, %v", engine, got, err)
		}
	}
}
