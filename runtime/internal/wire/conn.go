package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mgw/runtime/internal/exchange"
)

// conn is a client's connection. Its goroutine waits for heads, and serves
// each of them before it looks at the next.
//
// On Linux it waits inside of the descriptor's read callback: what arrives
// while a request is served is remembered by the poller, so that the read that
// finds nothing, one a request with net.Conn, is not needed.
type conn struct {
	link
	server *Server
	tls    *tls.ConnectionState
	scheme string
	peer   netip.AddrPort
	socket syscall.RawConn // to look at; also that of a TLS connection

	x        *exchange.Exchange // nil between two requests
	head     requestHead
	whole    bool  // the head has been read and its request not yet been served
	since    int64 // when its first byte came
	idle     int64 // when the last answer was out
	body     requestBody
	closing  bool
	untidy   bool // bytes that the client sent may be unread at the end
	served   bool // at least one request
	probed   bool // looked for an end that came together with the last bytes
	lastLook bool // draining: one more read, then close
	preface  bool // of HTTP/2: somebody else's
	step     func(fd uintptr) bool
	polled   bool    // inside of the poller's callback, which lends
	fd       uintptr // this descriptor
	vector   vector
	one      [1]byte

	writing sync.Mutex // between an interim answer and the final one
	replied bool
	context atomic.Pointer[clientContext]
}

func newConn(s *Server, nc net.Conn, state *tls.ConnectionState) *conn {
	c := &conn{server: s, tls: state, scheme: "http"}
	c.nc, c.watch, c.patience = nc, s.watch, s.options.WriteTimeout
	c.raw = rawConn(nc)
	c.socket = c.raw
	if state != nil {
		c.scheme = "https"
		if t, ok := nc.(*tls.Conn); ok {
			c.socket = rawConn(t.NetConn())
		}
	}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = a.AddrPort()
		c.peer = netip.AddrPortFrom(c.peer.Addr().Unmap().WithZone(""), c.peer.Port())
	}
	c.body.conn = c
	c.body.patience = s.options.BodyTimeout
	c.body.rate = rate{least: s.options.MinBodyRate, grace: s.options.BodyTimeout}
	c.step = c.readable
	c.context.Store(newClientContext(s.base))
	return c
}

// handle serves the requests that stand in the buffer. In the poller it leaves
// alone those that must read more than that.
func (c *conn) handle(inPoller bool) {
	for c.start < c.end && !c.closing {
		if c.x == nil {
			c.x = exchange.Acquire()
			c.head = requestHead{}
			c.since = c.watch.now.Load()
		}
		done, err := c.head.parse(c.buf[c.start:c.end], &c.x.Request, &c.server.limits)
		if done && err == nil {
			err = c.judge()
		}
		if err != nil {
			if c.preface = c.http2(err); c.preface {
				c.closing = true
				return
			}
			c.refuse(err)
			return
		}
		if !done {
			return
		}
		if c.whole = true; inPoller && !c.selfContained() {
			return
		}
		c.serve()
	}
}

// judge refuses a head that is valid, but not here.
func (c *conn) judge() error {
	most := c.server.options.MaxBody
	switch {
	case c.head.authority.end > 0 && c.head.https != (c.tls != nil):
		return errMisdirected
	case most > 0 && c.head.length > most:
		return errBodyLarge
	}
	return nil
}

// selfContained tells whether the request stands in the buffer as a whole.
func (c *conn) selfContained() bool {
	h := &c.head
	return h.length >= 0 && h.length <= int64(c.end-c.start-h.lines.start) && !(h.connection && c.x.Request.Get(exchange.Upgrade) != nil)
}

// serve runs one exchange.
func (c *conn) serve() {
	x := c.begin()
	var err error
	switch o := &c.server.options; {
	case c.head.asterisk:
		x.Status = 200
		err = c.Reply(x)
	case o.System != nil && !o.System(x):
		err = c.Reply(x)
	default:
		err = o.Chain.Serve(x)
	}
	c.finish(err)
}

// begin fills the exchange from the head.
func (c *conn) begin() *exchange.Exchange {
	x, h := c.x, &c.head
	c.whole = false
	c.alarm.Store(0)
	c.shrink()
	raw := c.buf[c.start : c.start+h.lines.start]
	x.Client = c
	x.Method, x.Scheme, x.Major, x.Minor = h.method, c.scheme, 1, h.minor
	x.Peer, x.TLS, x.Start = c.peer, c.tls, c.server.options.Clock.Now()
	x.Target = h.target.of(raw)
	if len(x.Target) == 0 || x.Target[0] == '?' {
		x.Target = append([]byte{'/'}, x.Target...) // absolute-form without a path
	}
	x.Path = x.Target
	if h.query != 0 {
		end := len(x.Target) - (h.target.end - h.query)
		x.Path, x.Query = x.Target[:end-1:end-1], x.Target[end:]
	}
	x.Host = x.Request.Get(exchange.Host)
	if len(h.authority.of(raw)) > 0 {
		x.Host = h.authority.of(raw)
	}
	x.Address = c.peer.Addr()
	if c.server.options.Address != nil {
		x.Address = c.server.options.Address(x.Address, &x.Request)
	}
	c.start += h.lines.start
	c.lent = c.start
	c.replied = false
	c.body.open(x, h)
	return x
}

// shrink moves a request that stands in the buffer alone into one of its size.
// A thousand that wait for their backend hold 2 MB then, not 16, and the buffer
// that the kernel fills next is still in the cache.
func (c *conn) shrink() {
	size := c.end - c.start
	if c.head.length != 0 || size != c.head.lines.start || size > headBuffer {
		return
	}
	next := getHead()
	copy(next, c.buf[c.start:c.end])
	putBuffer(c.buf)
	c.buf, c.start, c.end = next, 0, size
	c.x.Request.Lend(next[:size:size])
}

// finish ends an exchange: what is left of its body goes, or the connection.
func (c *conn) finish(err error) {
	c.endContext()
	if err != nil || !c.head.keepAlive {
		c.closing = true
	}
	if !c.closing && !c.body.skip() {
		c.closing = true
	}
	// What is unread when a connection is closed resets it.
	if c.closing && (!c.body.finished.Load() || c.start < c.end) {
		c.untidy = true
	}
	c.x.Reset()
	c.release()
	c.head = requestHead{}
	c.since = c.watch.now.Load()
	c.idle, c.probed, c.served = c.since, c.raw == nil, true
	if c.server.draining.Load() {
		c.closing = true
	}
}

// refuse answers a request that cannot be read.
func (c *conn) refuse(err error) {
	c.closing, c.untidy, c.head.keepAlive = true, true, false
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = bad(err.Error())
	}
	if c.x == nil {
		c.x = exchange.Acquire()
	}
	x := c.x
	x.Reset()
	x.Client, x.Peer, x.Start = c, c.peer, c.server.options.Clock.Now()
	x.Address, x.Scheme, x.Major, x.Minor = c.peer.Addr(), c.scheme, 1, 1
	x.Method = c.head.method
	c.head.minor = 1
	c.replied = false
	c.body.finished.Store(true)
	r.fault.Send(x)
	_ = c.server.options.Chain.Refuse(x)
}

// lingering bounds how long, and how many bytes, a closed connection is still
// read: closing at once would reset it and take the answer from the client.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 8 << 20
)

func (c *conn) close() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && c.untidy && !c.cut.Load() {
		_ = half.CloseWrite()
		_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
		b := getSmall()
		for n := 0; n < lingerBytes; {
			m, err := c.nc.Read(b)
			if n += m; err != nil {
				break
			}
		}
		putBuffer(b)
	}
	_ = c.nc.Close()
	c.start = c.end
	if c.x != nil {
		discard(&c.x.Response, errClosed) // after a panic
		exchange.Release(c.x)
		c.x = nil
	}
	c.drop()
}
