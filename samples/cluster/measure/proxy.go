package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is a network that fails on demand.
type proxy struct {
	net.Listener
	to   atomic.Pointer[string]
	mode atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// How a proxy fails.
const (
	passes   int32 = iota
	cuts           // connections end, new ones too
	hangs          // nothing travels any more; new ones are accepted
	slow           // everything takes 300 ms longer
	truncate       // connections end amid a message
)

func newProxy(to string) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Listener: ln, conns: map[net.Conn]bool{}}
	p.to.Store(&to)
	go p.serve()
	return p, nil
}

func (p *proxy) address() string { return p.Addr().String() }

// become changes how it fails.
func (p *proxy) become(mode int32) {
	p.mode.Store(mode)
	if mode == cuts {
		p.cut()
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) end() {
	p.Close()
	p.become(cuts)
}

func (p *proxy) serve() {
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		if p.mode.Load() == cuts {
			near.Close()
			continue
		}
		far, err := net.Dial("tcp", *p.to.Load())
		if err != nil {
			near.Close()
			continue
		}
		go p.carry(near, far)
		go p.carry(far, near)
	}
}

// carry copies one way until one of both ends.
func (p *proxy) carry(from, to net.Conn) {
	p.mu.Lock()
	p.conns[from] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, from)
		p.mu.Unlock()
		from.Close()
		to.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		switch p.mode.Load() {
		case cuts:
			return
		case slow:
			time.Sleep(300 * time.Millisecond)
		case truncate:
			_, _ = to.Write(buf[:n/2])
			return
		}
		for p.mode.Load() == hangs {
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
