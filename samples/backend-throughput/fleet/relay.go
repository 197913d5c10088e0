package fleet

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Relay stands between gateways and Redis, and makes the way long or closes
// it.
type Relay struct {
	Address string
	ln      net.Listener
	to      string
	delay   atomic.Int64 // each way
	cut     atomic.Bool

	group sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool
	ended bool
}

// NewRelay listens on a free port of the loopback. Close ends it.
func NewRelay(to string) (*Relay, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{Address: ln.Addr().String(), ln: ln, to: to, conns: map[net.Conn]bool{}}
	r.group.Go(r.accept)
	return r, nil
}

// Delay makes what passes take longer, in each direction.
func (r *Relay) Delay(d time.Duration) { r.delay.Store(int64(d)) }

// Cut makes all that is on its way, or comes, vanish: nothing is refused, and
// nothing is answered. Mended, it carries new connections; the old are gone.
func (r *Relay) Cut(cut bool) {
	r.cut.Store(cut)
	if !cut {
		r.mu.Lock()
		defer r.mu.Unlock()
		for c := range r.conns {
			c.Close()
		}
	}
}

// Close ends the relay and its connections.
func (r *Relay) Close() {
	r.ln.Close()
	r.mu.Lock()
	r.ended = true
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.group.Wait()
}

func (r *Relay) accept() {
	for {
		from, err := r.ln.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			from.Close()
			continue
		}
		if !r.keep(from, to) {
			return
		}
		r.group.Go(func() { r.carry(from, to) })
		r.group.Go(func() { r.carry(to, from) })
	}
}

func (r *Relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.ended {
			c.Close()
		} else {
			r.conns[c] = true
		}
	}
	return !r.ended
}

// parcel is what was read at a time.
type parcel struct {
	data []byte
	due  time.Time
}

// carry copies until either side ends. Reading goes on while parcels wait, so
// that a delay is one and not a bottleneck.
func (r *Relay) carry(from, to net.Conn) {
	parcels := make(chan parcel, 1024)
	r.group.Go(func() {
		defer close(parcels)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 && !r.cut.Load() {
				parcels <- parcel{buffer[:n], time.Now().Add(time.Duration(r.delay.Load()))}
			}
			if err != nil {
				return
			}
		}
	})
	var failed error
	for p := range parcels {
		time.Sleep(time.Until(p.due))
		if failed == nil && !r.cut.Load() {
			_, failed = to.Write(p.data)
		}
		if failed != nil {
			from.Close() // ends the reader, whose parcels are thrown away
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range []net.Conn{from, to} {
		c.Close()
		delete(r.conns, c)
	}
}
