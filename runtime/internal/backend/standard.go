package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"sync"
	"time"

	"mgw/runtime/internal/exchange"
)

// StandardOptions say how Standard connects. Zero values mean the defaults.
type StandardOptions struct {
	TLS            *tls.Config
	NoHTTP2        bool
	Connect        time.Duration // 10 s, and as long for a TLS handshake
	Idle           time.Duration // an unused connection is kept; 90 s
	StatusLine     int           // bytes; 4096
	ResponseHeader int64         // bytes; 8192
	Proxy          *url.URL
}

// Standard is the exchange.Transport that net/http gives.
type Standard struct {
	options StandardOptions
	mu      sync.Mutex
	open    map[*upstream]struct{}
}

// NewStandard gives a transport with no connection yet.
func NewStandard(options StandardOptions) *Standard {
	if options.Connect == 0 {
		options.Connect = 10 * time.Second
	}
	if options.Idle == 0 {
		options.Idle = 90 * time.Second
	}
	if options.StatusLine == 0 {
		options.StatusLine = 4096
	}
	if options.ResponseHeader == 0 {
		options.ResponseHeader = 8192
	}
	return &Standard{options: options, open: map[*upstream]struct{}{}}
}

// Close ends idle connections.
func (s *Standard) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u := range s.open {
		u.pool.CloseIdleConnections()
	}
}

// Open gives the way to a target, with connections of its own.
func (s *Standard) Open(to exchange.Target) exchange.Upstream {
	u := &upstream{standard: s, to: to, pool: s.newPool(&to)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[u] = struct{}{}
	return u
}

// upstream is one target and the connections to it.
type upstream struct {
	standard *Standard
	to       exchange.Target
	pool     *http.Transport
}

// Close implements exchange.Upstream. What is in use now is closed when it
// comes free, as nothing asks for a connection any more.
func (u *upstream) Close() {
	u.standard.mu.Lock()
	delete(u.standard.open, u)
	u.standard.mu.Unlock()
	u.pool.CloseIdleConnections()
}

func (s *Standard) newPool(to *exchange.Target) *http.Transport {
	pool := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: s.options.Connect}).DialContext,
		TLSHandshakeTimeout:    s.options.Connect,
		TLSClientConfig:        s.options.TLS.Clone(), // net/http changes it
		Protocols:              s.protocols(to.HTTP2),
		HTTP2:                  http2Config(),
		DisableCompression:     true,
		MaxConnsPerHost:        to.MaxActive,
		MaxIdleConnsPerHost:    to.MaxIdle,
		IdleConnTimeout:        s.options.Idle,
		MaxResponseHeaderBytes: s.options.ResponseHeader,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}
	if s.options.Proxy != nil {
		pool.Proxy = http.ProxyURL(s.options.Proxy)
	}
	return pool
}

// call is one RoundTrip and what remains of it until the answer's body ends.
type call struct {
	x      *exchange.Exchange
	to     *exchange.Target
	named  bool // a proxy wants the target's name in the request line
	cancel context.CancelCauseFunc
	alarm  *alarm
	body   *requestBody // nil: the request has none

	mu       sync.Mutex // guards what net/http's goroutines see
	got      bool       // a connection: from now on the backend may see bytes
	answered bool       // or failed: no more interim answers
}

var errStatusLine = errors.New("the status line of the answer is too long")

var errNoProgress = errors.New("the backend made no progress in time")

// RoundTrip implements exchange.Upstream.
func (u *upstream) RoundTrip(ctx context.Context, x *exchange.Exchange, requestTarget []byte) error {
	// net/http does not stop between connection and first byte.
	if err := x.Admit(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{x: x, to: &u.to, named: u.standard.options.Proxy != nil && !u.to.Secure, cancel: cancel}
	request := c.request(ctx, requestTarget)
	c.alarm = newAlarm(u.to.Wait, func() {
		cancel(errNoProgress)
		if c.body != nil {
			c.body.interrupt()
		}
	})
	response, err := u.pool.RoundTrip(request)
	c.mu.Lock()
	c.answered = true
	c.mu.Unlock()
	c.alarm.rest()
	if err != nil {
		cause := context.Cause(ctx)
		c.finish()
		return c.failure(err, cause)
	}
	if response.ProtoMajor == 1 && len("HTTP/1.1 ")+len(response.Status) > u.standard.options.StatusLine {
		c.finish()
		_ = response.Body.Close()
		return c.failure(errStatusLine, nil)
	}
	c.fill(response)
	return nil
}

// request makes net/http's view of the exchange.
func (c *call) request(ctx context.Context, requestTarget []byte) *http.Request {
	x := c.x
	r := &http.Request{
		Method: x.Method,
		URL:    c.url(requestTarget),
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(x.Request.Fields)),
		Host:   c.to.Host,
	}
	// Present and empty: net/http adds none of its own.
	r.Header["User-Agent"] = []string{""}
	for _, f := range x.Request.Fields {
		name, value := http.CanonicalHeaderKey(string(x.Request.Name(f))), string(x.Request.Value(f))
		switch f.ID {
		case exchange.Host, exchange.Trailer:
		case exchange.UserAgent:
			r.Header[name] = []string{value}
		default:
			r.Header[name] = append(r.Header[name], value)
		}
	}
	if x.Request.Body != nil {
		r.ContentLength = x.Request.Length
		c.body = &requestBody{call: c, from: x.Request.Body, trailers: announced(&x.Request)}
		if r.ContentLength == exchange.Unknown {
			r.Trailer = c.body.trailers
		}
		r.Body = c.body.reader()
		r.GetBody = c.body.again
	}
	return r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:        c.gotConn,
		Got1xxResponse: c.inform,
	}))
}

// url gives one that net/http writes as the request target, byte by byte.
func (c *call) url(requestTarget []byte) *url.URL {
	u := &url.URL{Scheme: "http", Host: c.to.Address}
	if c.to.Secure {
		u.Scheme = "https"
	}
	path := string(requestTarget)
	for i := range len(path) {
		if path[i] == '?' {
			path, u.RawQuery = path[:i], path[i+1:]
			u.ForceQuery = true
			break
		}
	}
	switch {
	case c.named: // net/http puts nothing before Opaque
		u.Opaque = "http://" + c.to.Host + path
	case len(path) > 1 && path[1] == '/':
		// Two slashes at the start of Opaque would be an authority.
		u.RawPath = path
		u.Path, _ = url.PathUnescape(path)
	default:
		u.Opaque = path
	}
	return u
}

// announced gives the trailer fields that the client has named.
func announced(m *exchange.Message) http.Header {
	trailers := http.Header{}
	for _, f := range m.Fields {
		if f.ID != exchange.Trailer {
			continue
		}
		for name, rest := exchange.NextElement(m.Value(f)); name != nil; name, rest = exchange.NextElement(rest) {
			if mayTrail(exchange.Identify(name)) {
				trailers[http.CanonicalHeaderKey(string(name))] = nil
			}
		}
	}
	return trailers
}

// mayTrail tells fields that may come after the body: not those that frame,
// route or authenticate (RFC 9110 section 6.5.1).
func mayTrail(id exchange.FieldID) bool {
	switch id {
	case exchange.Authorization, exchange.Connection, exchange.ContentEncoding, exchange.ContentLength, exchange.ContentType,
		exchange.Cookie, exchange.Expect, exchange.Forwarded, exchange.Host, exchange.KeepAlive, exchange.ProxyAuthorization,
		exchange.ProxyConnection, exchange.SetCookie, exchange.TE, exchange.Trailer, exchange.TransferEncoding, exchange.Upgrade,
		exchange.XForwardedFor, exchange.XForwardedHost, exchange.XForwardedProto:
		return false
	}
	return true
}

func (c *call) gotConn(httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = true
	switch {
	case c.answered:
	case c.x.GRPC():
		c.patience()
	default:
		c.alarm.set(c.to.Timeout)
	}
}

// patience is how long a gRPC call may be silent: as long as its caller says,
// or as long as the caller may go on and the endpoint's time after that.
func (c *call) patience() {
	value, _ := c.x.Request.Lookup("grpc-timeout")
	switch timeout := exchange.GRPCTimeout(value); {
	case timeout > 0:
		c.alarm.fix(timeout)
	case c.body != nil:
		c.alarm.pause()
	default:
		c.alarm.set(c.to.Timeout)
	}
}

// inform passes an interim answer on. It runs in net/http's goroutine while
// the exchange's waits.
func (c *call) inform(status int, header textproto.MIMEHeader) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm.progress()
	if c.answered || status == http.StatusContinue {
		return nil
	}
	var head exchange.Message
	addHeader(&head, http.Header(header))
	head.StripHop()
	return c.x.Client.Inform(status, &head)
}

func addHeader(m *exchange.Message, header http.Header) {
	for name, values := range header {
		for _, value := range values {
			m.Add(name, value)
		}
	}
}

// failure says why there is no answer.
func (c *call) failure(err, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := &exchange.AttemptError{Sent: c.got, Err: fmt.Errorf("asking %s: %w", c.to.Host, err)}
	if c.body != nil {
		failed.Body = c.body.failure()
	}
	failed.Timeout = errors.Is(cause, errNoProgress) || errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err)
	failed.Busy = !c.got && c.to.MaxActive > 0 && errors.Is(cause, errNoProgress)
	return failed
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// fill puts the answer into the exchange.
func (c *call) fill(response *http.Response) {
	x := c.x
	x.Status = response.StatusCode
	x.Uploading = c.body != nil && !c.body.whole.Load()
	addHeader(&x.Response, response.Header)
	for name := range response.Trailer {
		x.Response.Add("Trailer", name)
	}
	x.Response.Length = response.ContentLength
	if response.StatusCode == http.StatusSwitchingProtocols {
		x.Response.Length = 0
		if tunnel, ok := response.Body.(io.ReadWriteCloser); ok {
			x.Tunnel = &tunneled{tunnel, c}
			return
		}
	}
	if response.Body == http.NoBody || x.Method == http.MethodHead || response.ContentLength == 0 {
		_ = response.Body.Close()
		c.finish()
		return
	}
	x.Response.Body = &responseBody{call: c, response: response, quiet: endless(x.Response.Get(exchange.ContentType))}
}

// endless tells answers that may be silent for as long as they like.
func endless(contentType []byte) bool {
	const events = "text/event-stream"
	return len(contentType) >= len(events) && equalFold(contentType[:len(events)], events) || exchange.IsGRPC(contentType)
}

// finish ends what is left of the call; the exchange is its owner's alone then.
func (c *call) finish() {
	c.alarm.rest()
	if c.body != nil {
		c.body.stop()
	}
	c.cancel(nil)
}

// tunneled is an upgraded connection.
type tunneled struct {
	io.ReadWriteCloser
	call *call
}

func (t *tunneled) Close() error {
	defer t.call.finish()
	return t.ReadWriteCloser.Close()
}

func (t *tunneled) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
