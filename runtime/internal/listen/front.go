package listen

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// front is the net/http handler that makes exchanges of requests.
type front struct {
	options *Options
	closing atomic.Bool // answers are each connection's last
	active  atomic.Int64
	busy    sync.WaitGroup
	tunnels *tracker
}

func newFront(o *Options) *front {
	return &front{options: o, tunnels: newTracker()}
}

// finish waits for handlers whose connections have been closed.
func (f *front) finish(most time.Duration) {
	done := make(chan struct{})
	go func() { f.busy.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(most):
	}
}

// ServeHTTP serves one request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.active.Add(1)
	f.busy.Add(1)
	defer f.busy.Done()
	defer f.active.Add(-1)

	x := exchange.Acquire()
	c := &client{front: f, w: w, r: r, control: http.NewResponseController(w)}
	c.open(x)
	var err error
	switch fault := f.fill(x, r); {
	case fault != nil:
		c.refused = true
		fault.Send(x)
		err = f.options.Chain.Refuse(x)
	case f.options.System != nil && !f.options.System(x):
		err = c.Reply(x)
	default:
		err = f.options.Chain.Serve(x)
	}
	c.close()
	exchange.Release(x)
	if err != nil {
		// Also what makes net/http close the connection or reset the stream.
		panic(http.ErrAbortHandler)
	}
}

// fill copies the request into the exchange, or gives the fault that refuses
// it.
func (f *front) fill(x *exchange.Exchange, r *http.Request) *reply.Fault {
	x.Method, x.Scheme = r.Method, "http"
	x.Major, x.Minor = r.ProtoMajor, r.ProtoMinor
	if x.TLS = r.TLS; x.TLS != nil {
		x.Scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.Peer = netip.AddrPortFrom(peer.Addr().Unmap().WithZone(""), peer.Port())
	}
	if f.options.Now != nil {
		x.Start = f.options.Now()
	}
	size := f.fields(x, r)
	x.Address = f.options.Address(x.Peer.Addr(), &x.Request)
	if fault := f.target(x, r); fault != nil {
		return fault
	}
	switch {
	case size > f.options.Limits.Header || len(x.Request.Fields) > f.options.Limits.Fields:
		return reply.HeaderTooLarge
	case x.Request.Count(exchange.ContentLength) > 1 || len(x.Host) == 0 && (x.Major > 1 || x.Minor > 0):
		return reply.BadRequest
	case len(x.Host) > 0 && !validHost(r.Host):
		return reply.BadRequest
	case x.Major == 1 && x.Minor > 1:
		return reply.VersionNotSupported
	case f.options.Limits.Body > 0 && r.ContentLength > f.options.Limits.Body:
		return reply.BodyTooLarge
	}
	return nil
}

// fields copies the header and gives how many bytes its lines have.
func (f *front) fields(x *exchange.Exchange, r *http.Request) (size int) {
	m := &x.Request
	if r.Host != "" {
		m.Add("Host", r.Host)
		size += len("Host: \r\n") + len(r.Host)
	}
	for name, values := range r.Header {
		for _, value := range values {
			m.Add(name, value)
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	// net/http takes this one away.
	for name := range r.Trailer {
		m.Add("Trailer", name)
	}
	return size
}

// target takes the request target apart, without decoding anything.
func (f *front) target(x *exchange.Exchange, r *http.Request) *reply.Fault {
	target := r.RequestURI
	switch {
	case len(target) > f.options.Limits.URI:
		return reply.URITooLong
	case x.Method == "CONNECT":
		return reply.NotImplemented
	case !strings.HasPrefix(target, "/"):
		// Absolute-form, RFC 9112 section 3.2.2; net/http has taken Host from it.
		scheme, rest, ok := strings.Cut(target, "://")
		if !ok || !strings.EqualFold(scheme, x.Scheme) {
			return reply.BadRequest
		}
		authority := rest
		target = ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			authority, target = rest[:i], rest[i:]
		}
		if authority != r.Host { // a user, or no authority at all
			return reply.BadRequest
		}
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	x.Host = append(x.Host, r.Host...)
	x.Target = append(x.Target, target...)
	x.Path = x.Target
	if i := bytes.IndexByte(x.Target, '?'); i >= 0 {
		x.Path, x.Query = x.Target[:i:i], x.Target[i+1:]
	}
	return nil
}
