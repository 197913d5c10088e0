package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen/fronttest"
)

// memoryConn is a connection whose peer has sent some bytes and ended.
type memoryConn struct {
	net.Conn
	io.Reader
}

func (c memoryConn) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c memoryConn) SetReadDeadline(time.Time) error { return nil }

// reading is what somebody understood of a request or an answer.
type reading struct {
	head     string // of the first line
	host     string
	fields   []string
	body     string
	trailers []string
}

func linesOf(m *exchange.Message, fields []exchange.Field, skip ...exchange.FieldID) []string {
	var all []string
	for _, f := range fields {
		if !slices.Contains(skip, f.ID) {
			all = append(all, textproto.CanonicalMIMEHeaderKey(string(m.Name(f)))+": "+string(m.Value(f)))
		}
	}
	slices.Sort(all)
	return all
}

func linesOfHeader(h http.Header, skip ...string) []string {
	var all []string
	for name, values := range h {
		for _, v := range values {
			if !slices.Contains(skip, name) {
				all = append(all, name+": "+v)
			}
		}
	}
	slices.Sort(all)
	return all
}

var fuzzLimits = headLimits{size: 8 << 10, target: 4 << 10, fields: 100}

// readAll gives the body that follows a head in data.
func readAll(data []byte, m *exchange.Message, how framing, length int64) (string, error) {
	l := &link{nc: memoryConn{Reader: bytes.NewReader(data)}, watch: &watch{}}
	l.room()
	var in inbound
	in.begin(l, m, how, length, 0)
	var body []byte
	for {
		chunk, err := in.next()
		body = append(body, chunk...)
		if errors.Is(err, io.EOF) {
			return string(body), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// ours reads a request with this package.
func ours(data []byte) (*reading, error) {
	var h requestHead
	var m, tail exchange.Message
	done, err := h.parse(data, &m, &fuzzLimits)
	if err != nil {
		return nil, err
	}
	if !done {
		return nil, io.ErrUnexpectedEOF
	}
	how := sized
	if h.length < 0 {
		how = chunked
	}
	body, err := readAll(data[h.lines.start:], &tail, how, h.length)
	if err != nil {
		return nil, err
	}
	r := &reading{head: h.method + " " + string(h.target.of(data)), host: string(m.Get(exchange.Host)), body: body}
	r.fields = linesOf(&m, m.Fields, exchange.Host, exchange.TransferEncoding, exchange.Trailer)
	r.trailers = linesOf(&tail, tail.Trailers)
	return r, nil
}

// theirs reads it with net/http.
func theirs(data []byte) (*reading, error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	target := req.RequestURI
	if i := strings.Index(target, "://"); i >= 0 && target[0] != '/' {
		rest := target[i+3:]
		target = ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			target = rest[i:]
		}
	}
	r := &reading{head: req.Method + " " + target, host: req.Host, body: string(body)}
	r.fields = linesOfHeader(req.Header)
	for name, values := range req.Trailer {
		if trailerAllowed(exchange.IdentifyString(name)) {
			for _, v := range values {
				r.trailers = append(r.trailers, name+": "+v)
			}
		}
	}
	slices.Sort(r.trailers)
	return r, nil
}

// stricter is why this package refuses what net/http takes, refusal by
// refusal. One that is not in here must be shared by net/http.
var stricter = map[error]string{
	errLineEnd:       "net/http takes a bare LF for a line's end (RFC 9112 section 2.2 allows, two parsers may differ)",
	errTarget:        "net/http takes any byte that is no control in a target, an authority for CONNECT, and any scheme",
	errMethod:        "methods are at most 32 bytes",
	errMisdirected:   "net/http lets an absolute-form target override Host",
	errHost:          "net/http leaves a missing or odd Host to its server, and takes an empty one",
	errLength:        "net/http takes equal Content-Lengths, and signs that it trims",
	errFraming:       "net/http drops Content-Length beside chunked, and reads chunked in HTTP/1.0",
	errUnknown:       "net/http reads any HTTP/x.y",
	errConnectMethod: "a gateway is no tunnel",
	errExpectation:   "net/http leaves Expect to its server",
	errTargetLong:    "limits", errHeadLarge: "limits", errFieldsMany: "limits",
	errChunkExt:      "limits of chunk extensions",
	errChunk:         "net/http takes white space behind a chunk size, empty extensions, 16 digits",
	errFieldValue:    "net/http reads control characters in values and leaves them to its server; so with trailers",
	errFieldName:     "net/http takes names in trailers, and of other bytes, that its server refuses",
	errFold:          "net/http unfolds",
	errCoding:        "net/http ignores the coding of HTTP/1.0 requests",
	errUnknownCoding: "net/http ignores the coding of HTTP/1.0 requests",
}

// laxer tells where this package takes what net/http refuses.
var laxer = []struct {
	why string
	is  func(data []byte, err error) bool
}{
	{"one empty line may come first (RFC 9112 section 2.2)", func(data []byte, _ error) bool { return bytes.HasPrefix(data, []byte("\r\n")) }},
	{"net/http refuses authorities that RFC 3986 knows (escapes, empty ports)", func(_ []byte, err error) bool { return strings.Contains(err.Error(), "parse ") }},
	{"net/http bounds the overhead of chunks more tightly", func(_ []byte, err error) bool {
		return strings.Contains(err.Error(), "non-data")
	}},
	{"trailers that mean framing are ignored, not refused (RFC 9110 section 6.5.1)", func(_ []byte, err error) bool {
		return strings.Contains(err.Error(), "bad trailer key")
	}},
}

func FuzzRequestAgainstNetHTTP(f *testing.F) {
	for _, tc := range fronttest.RawRequests {
		f.Add([]byte(tc.Send))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := ours(data)
		b, errB := theirs(data)
		switch {
		case errA != nil && errB == nil:
			if _, ok := stricter[errA]; !ok {
				t.Fatalf("refused (%v) what net/http reads as %+v", errA, b)
			}
		case errA == nil && errB != nil:
			if !slices.ContainsFunc(laxer, func(l struct {
				why string
				is  func(data []byte, err error) bool
			}) bool {
				return l.is(data, errB)
			}) {
				t.Fatalf("took %+v, which net/http refuses: %v", a, errB)
			}
		case errA == nil:
			if a.head != b.head || a.body != b.body || a.host != "" && !strings.EqualFold(a.host, b.host) ||
				!slices.Equal(a.fields, b.fields) || !slices.Equal(a.trailers, b.trailers) {
				t.Fatalf("read\n%+v, net/http reads\n%+v", a, b)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n",
		"HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\nabc",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", "HTTP/1.1 000 X\r\n\r\n",
	} {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		var h responseHead
		var m, tail exchange.Message
		done, err := h.parse(data, &m, &fuzzLimits)
		if err != nil || !done || h.conclude(&m, method) != nil {
			return
		}
		body, err := readAll(data[h.start:], &tail, h.framing, h.length)
		if err != nil {
			return
		}
		// What we understood, net/http must understand alike.
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("took an answer that net/http refuses: %v", err)
		}
		theirBody, err := io.ReadAll(resp.Body)
		if err != nil {
			if strings.Contains(err.Error(), "non-data") || strings.Contains(err.Error(), "bad trailer key") {
				return // as with requests
			}
			t.Fatalf("took a body that net/http refuses: %v", err)
		}
		fields := linesOfHeader(resp.Header, "Connection", "Content-Length")
		own := linesOf(&m, m.Fields, exchange.TransferEncoding, exchange.Trailer, exchange.Connection, exchange.ContentLength)
		if resp.StatusCode != h.status || string(theirBody) != body || !slices.Equal(fields, own) {
			t.Fatalf("read %d %q %q, net/http reads %d %q %q", h.status, body, own, resp.StatusCode, theirBody, fields)
		}
	})
}

// FuzzPassedOn sends any request through the proxy's two halves in memory and
// reads what comes out with the same strictness.
func FuzzPassedOn(f *testing.F) {
	for _, tc := range fronttest.RawRequests {
		f.Add([]byte(tc.Send))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var h requestHead
		x := new(exchange.Exchange)
		if done, err := h.parse(data, &x.Request, &fuzzLimits); !done || err != nil || h.asterisk {
			return
		}
		x.Method, x.Major, x.Minor, x.Target = h.method, 1, h.minor, h.target.of(data)
		if len(x.Target) == 0 || x.Target[0] != '/' {
			return
		}
		x.Request.Length = h.length
		if h.length != 0 {
			x.Request.Body = &requestBody{}
		}
		x.Request.StripHop()
		b := &backendConn{target: &upstream{to: exchange.Target{Host: "backend"}}}
		out := b.appendHead(nil, x, x.Target)
		var again requestHead
		var m exchange.Message
		done, err := again.parse(out, &m, &headLimits{size: 16 << 10, target: 8 << 10, fields: 200})
		if !done || err != nil || again.lines.start != len(out) {
			t.Fatalf("passed on %q: %v, %v, %d of %d", out, done, err, again.lines.start, len(out))
		}
		if again.method != h.method || string(again.target.of(out)) != string(x.Target) || again.length != h.length {
			t.Fatalf("passed on %q", out)
		}
	})
}
