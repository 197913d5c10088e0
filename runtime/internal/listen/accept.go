package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// dispatch accepts for the engine. TLS is ended here, so that HTTP/2, which
// ALPN tells, can go to net/http.
func (l *Listener) dispatch(socket net.Listener) error {
	defer l.loops.Done()
	for pause := time.Duration(0); ; {
		conn, err := socket.Accept()
		switch {
		case err == nil:
			pause = 0
			l.handing.Add(1)
			l.engine.run(conn, func() { l.serveConn(conn) })
		case errors.Is(err, net.ErrClosed):
			_ = l.handed.Close()
			return nil
		default:
			// Out of descriptors, mostly: some will be given back.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			l.options.Log.Error("accepting a connection failed", "error", err)
			time.Sleep(pause)
		}
	}
}

func (l *Listener) serveConn(conn net.Conn) {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		l.handing.Done()
		if http2 := l.options.Engine(conn, nil); http2 != nil {
			l.handed.give(http2)
		}
		return
	}
	err := l.handshake(secure)
	l.handing.Done()
	state := secure.ConnectionState()
	switch {
	case err != nil:
		l.options.Log.Debug("TLS handshake failed", "error", err, "peer", conn.RemoteAddr())
		answerPlaintext(err)
		_ = conn.Close()
	case state.NegotiatedProtocol == "h2":
		l.handed.give(conn)
	default:
		_ = l.options.Engine(conn, &state) // HTTP/2 was for ALPN to say
	}
}

// answerPlaintext tells a client who spoke plain HTTP to the TLS port what is
// wrong, as net/http's server does.
func answerPlaintext(err error) {
	e, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || e.Conn == nil {
		return
	}
	switch string(e.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		_, _ = io.WriteString(e.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nPlain HTTP was spoken to the HTTPS port.\n")
	}
}

// handshake runs in a goroutine of its own: its stack, some 32 KB, would stay
// with the connection else.
func (l *Listener) handshake(conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), l.options.Timeouts.Header)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- conn.HandshakeContext(ctx) }()
	return <-done
}

// handover is a net.Listener whose connections come from another one.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handover) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.closed:
		_ = conn.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// tracker knows the connections that net/http does not: those of the engine
// and tunnels.
type tracker struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	empty chan struct{} // closed and replaced when the last one has ended
}

func newTracker() *tracker {
	return &tracker{conns: map[net.Conn]struct{}{}, empty: make(chan struct{})}
}

// run starts f in a goroutine of its own.
func (t *tracker) run(conn net.Conn, f func()) {
	t.add(conn)
	go func() {
		defer t.remove(conn)
		f()
	}()
}

func (t *tracker) add(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns[conn] = struct{}{}
}

func (t *tracker) remove(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, conn)
	if len(t.conns) == 0 {
		close(t.empty)
		t.empty = make(chan struct{})
	}
}

// wait waits until there is none.
func (t *tracker) wait(ctx context.Context) error {
	t.mu.Lock()
	n, empty := len(t.conns), t.empty
	t.mu.Unlock()
	if n == 0 {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close cuts all and tells how many there were.
func (t *tracker) close() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.conns {
		_ = conn.Close()
	}
	return len(t.conns)
}

// bounded accepts no more than n connections at a time; the rest wait in the
// kernel's queue.
func bounded(socket net.Listener, n int) net.Listener {
	return &boundedListener{Listener: socket, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &boundedConn{TCPConn: conn.(*net.TCPConn), release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// boundedConn keeps the methods of a TCP connection, CloseWrite above all.
type boundedConn struct {
	*net.TCPConn
	release func()
}

func (c *boundedConn) Close() error {
	defer c.release()
	return c.TCPConn.Close()
}
