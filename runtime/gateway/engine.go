package gateway

import (
	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/listen"
	"mgw/runtime/internal/wire"
)

// fast tells whether the HTTP/1.1 engine serves; otherwise net/http does.
func (g *Gateway) fast() bool { return g.options.Config.Listener.Engine == "fast" }

// useEngine lets the engine serve the HTTP/1.1 connections of the listener,
// with the limits that the listener has.
func (g *Gateway) useEngine(o *listen.Options) (err error) {
	g.engine, err = wire.NewServer(wire.Options{
		Chain:         o.Chain,
		Clock:         g.clock,
		Address:       o.Address,
		System:        o.System,
		HTTP2:         !o.NoHTTP2,
		Panic:         func(recovered any) { g.options.Log.Error("a connection ran into a bug", "panic", recovered) },
		MaxTarget:     o.Limits.URI,
		MaxHeader:     o.Limits.Header,
		MaxFields:     o.Limits.Fields,
		MaxBody:       o.Limits.Body,
		NoKeepAlive:   o.NoKeepAlive,
		HeaderTimeout: o.Timeouts.Header,
		BodyTimeout:   o.Timeouts.Body,
		MinBodyRate:   int64(o.Timeouts.MinBodyRate),
		IdleTimeout:   o.Timeouts.Idle,
		WriteTimeout:  o.Timeouts.Write,
		TunnelTimeout: o.Timeouts.Tunnel,
	})
	if err != nil {
		return err
	}
	o.Engine, o.Drain = g.engine.ServeConn, g.engine.Shutdown
	return nil
}

// engines sends plain HTTP/1.1 backends through the engine, and those that may
// speak HTTP/2 through net/http.
type engines struct {
	fast     *wire.Transport
	standard *backend.Standard
	http2    bool // is tried with backends on https
}

func (e *engines) Open(to exchange.Target) exchange.Upstream {
	if to.HTTP2 || to.Secure && e.http2 {
		return e.standard.Open(to)
	}
	return e.fast.Open(to)
}

func (e *engines) Close() {
	e.fast.Close()
	e.standard.Close()
}
