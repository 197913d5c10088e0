// Package listen is the gateway's door: it binds, accepts, ends TLS and turns
// requests into exchanges.
//
// In: connections. Out: each request as an exchange, run through the chain, and
// the chain's answer written back. net/http reads HTTP/1.1 and HTTP/2 here; an
// Engine takes plain HTTP/1.1 connections off its hands where one is given.
//
// Limits and time-outs hold without being asked for. Stages never see net/http,
// a body is never held as a whole, and an answer that cannot be finished is cut
// so that the client notices. The package never routes, never decides, and
// keeps nothing of a request once its exchange is done.
package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
)

// Options say where to listen and what to do with requests. Zero values of
// limits and time-outs mean the defaults.
type Options struct {
	Chain exchange.Handler
	// System answers the gateway's own endpoints: it gives false when it has.
	// Such requests do not run through the chain.
	System exchange.Stage
	Now    func() int64 // the clock's
	Log    *slog.Logger

	HTTP  string // host:port; "" for none
	HTTPS string

	Certificate Certificate
	ClientAuth  tls.ClientAuthType // whether callers show certificates
	ClientCAs   *x509.CertPool
	NoHTTP2     bool
	NoKeepAlive bool // each HTTP/1 connection carries one request

	TrustedProxies Proxies
	// Address tells who the client is; nil believes TrustedProxies.
	Address        func(peer netip.Addr, request *exchange.Message) netip.Addr
	MaxConnections int // of each listener; 0 is unbounded
	Limits         Limits
	Timeouts       Timeouts

	// Engine serves an HTTP/1.1 connection until it is done, and closes it; the
	// state is nil on plaintext, and a TLS connection has shaken hands already.
	// A plaintext connection that opens with the preface of HTTP/2 it gives back
	// instead. Without an engine net/http does all this.
	Engine func(net.Conn, *tls.ConnectionState) (http2 net.Conn)
	// Drain lets the engine's connections finish and closes those that are
	// idle, until its context ends. Shutdown calls it when no connection will
	// be handed to the engine any more.
	Drain func(context.Context) error
}

// Limits bound what one request may bring.
type Limits struct {
	URI    int   // bytes of the request target; 4096
	Header int   // bytes of all field lines; 8192
	Fields int   // field lines; 100
	Body   int64 // bytes; 0 is unbounded
}

// Timeouts bound how long a client may take.
type Timeouts struct {
	Header time.Duration // for a request's head, and a TLS handshake; 10 s
	Idle   time.Duration // between requests; 120 s
	// Body is how long a body may stand still, and the head start it gets
	// before it must arrive at MinBodyRate bytes a second; 30 s and 240.
	Body        time.Duration
	MinBodyRate int
	Write       time.Duration // for a client to take 64 KB; 60 s
	Tunnel      time.Duration // without a byte on an upgraded connection; 0 is unbounded
}

func (o *Options) setDefaults() {
	set(&o.Limits.URI, 4096)
	set(&o.Limits.Header, 8192)
	set(&o.Limits.Fields, 100)
	set(&o.Timeouts.Header, 10*time.Second)
	set(&o.Timeouts.Idle, 120*time.Second)
	set(&o.Timeouts.Body, 30*time.Second)
	set(&o.Timeouts.MinBodyRate, 240)
	set(&o.Timeouts.Write, 60*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Address == nil {
		o.Address = o.TrustedProxies.Client
	}
}

func set[T int | time.Duration](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

// Listener is bound sockets and the server behind them.
type Listener struct {
	options Options
	front   *front
	server  *http.Server
	http    net.Listener // nil: none
	https   net.Listener
	secured atomic.Pointer[Secured] // of handshakes that begin now
	handed  *handover               // connections that the engine leaves to net/http
	engine  *tracker                // connections that the engine serves
	loops   sync.WaitGroup          // that accept for the engine
	// starting orders Serve and Shutdown: loops does not grow once it is waited for.
	starting sync.Mutex
	handing  sync.WaitGroup // connections on their way to it
}

// New binds. Connections wait until Serve.
func New(options Options) (*Listener, error) {
	options.setDefaults()
	l := &Listener{options: options}
	if err := l.bind(); err != nil {
		l.closeSockets()
		return nil, err
	}
	l.front = newFront(&l.options)
	if options.Engine != nil {
		l.engine, l.handed = newTracker(), newHandover()
	}
	l.server = &http.Server{
		Handler:           l.front,
		ReadHeaderTimeout: options.Timeouts.Header,
		IdleTimeout:       options.Timeouts.Idle,
		// The front judges precisely; beyond this net/http stops reading.
		MaxHeaderBytes: options.Limits.Header + options.Limits.URI,
		ErrorLog:       slog.NewLogLogger(options.Log.Handler(), slog.LevelDebug),
		Protocols:      new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250,
			SendPingTimeout:      options.Timeouts.Idle,
			WriteByteTimeout:     options.Timeouts.Write,
		},
	}
	l.server.Protocols.SetHTTP1(true)
	l.server.Protocols.SetHTTP2(!options.NoHTTP2)
	l.server.Protocols.SetUnencryptedHTTP2(!options.NoHTTP2)
	return l, nil
}

func (l *Listener) bind() error {
	var err error
	if l.options.HTTP != "" {
		if l.http, err = l.socket(l.options.HTTP); err != nil {
			return fmt.Errorf("binding the HTTP listener: %w", err)
		}
	}
	if l.options.HTTPS == "" {
		return nil
	}
	secured, err := l.Secure(l.options.Certificate, l.options.ClientAuth)
	if err != nil {
		return err
	}
	l.Renew(secured)
	plain, err := l.socket(l.options.HTTPS)
	if err != nil {
		return fmt.Errorf("binding the HTTPS listener: %w", err)
	}
	l.https = tls.NewListener(plain, &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.secured.Load().config, nil },
	})
	return nil
}

func (l *Listener) socket(address string) (net.Listener, error) {
	socket, err := net.Listen("tcp", address)
	if err == nil && l.options.MaxConnections > 0 {
		socket = bounded(socket, l.options.MaxConnections)
	}
	return socket, err
}

// Addresses tells where the listeners are bound, nil for one that is not.
func (l *Listener) Addresses() (http, https net.Addr) {
	if l.http != nil {
		http = l.http.Addr()
	}
	if l.https != nil {
		https = l.https.Addr()
	}
	return http, https
}

// Serve serves until Shutdown, then gives nil once no connection is accepted
// any more.
func (l *Listener) Serve() error {
	sockets := l.accepting()
	errs := make(chan error, len(sockets))
	for _, serve := range sockets {
		go func() { errs <- serve() }()
	}
	var failed error
	for range sockets {
		err := <-errs
		if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			failed = errors.Join(failed, err)
			l.closeSockets()
		}
	}
	return failed
}

// accepting gives what must run for connections to be served: nothing after a
// Shutdown that came first.
func (l *Listener) accepting() (loops []func() error) {
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.front.closing.Load() {
		return nil
	}
	if l.options.Engine != nil {
		loops = append(loops, func() error { return l.server.Serve(l.handed) })
	}
	for _, socket := range []net.Listener{l.http, l.https} {
		switch {
		case socket == nil:
		case l.options.Engine != nil:
			l.loops.Add(1)
			loops = append(loops, func() error { return l.dispatch(socket) })
		default:
			loops = append(loops, func() error { return l.server.Serve(socket) })
		}
	}
	return loops
}

func (l *Listener) closeSockets() {
	for _, socket := range []net.Listener{l.http, l.https} {
		if socket != nil {
			_ = socket.Close()
		}
	}
}

// CutError tells that a shutdown could not wait for everything.
type CutError struct{ Requests int64 }

func (e *CutError) Error() string {
	return fmt.Sprintf("%d requests were cut", e.Requests)
}

// Shutdown stops accepting and waits for what is under way until ctx ends; what
// is left then is cut, and a *CutError tells how much that was.
func (l *Listener) Shutdown(ctx context.Context) error {
	l.starting.Lock()
	l.front.closing.Store(true)
	l.starting.Unlock()
	l.closeSockets()
	drained := l.drain(ctx)
	err := l.server.Shutdown(ctx)
	if ctx.Err() == nil { // else err is about sockets that are closed already
		err = l.front.tunnels.wait(ctx)
	}
	if err == nil && l.engine != nil {
		err = l.engine.wait(ctx)
	}
	if err == nil {
		<-drained
		return nil
	}
	cut := &CutError{Requests: l.front.active.Load()}
	if l.engine != nil {
		cut.Requests += int64(l.engine.close())
	}
	_ = l.server.Close()
	l.front.tunnels.close()
	l.front.finish(time.Second)
	<-drained
	return cut
}

// drain tells the engine to come to an end. The channel is closed when it has.
func (l *Listener) drain(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if l.options.Engine == nil || l.options.Drain == nil {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		l.loops.Wait()
		l.handing.Wait()
		if err := l.options.Drain(ctx); err != nil {
			l.options.Log.Debug("draining the engine", "error", err)
		}
	}()
	return done
}
