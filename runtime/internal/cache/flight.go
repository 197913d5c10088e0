package cache

import (
	"time"

	"mgw/runtime/internal/exchange"
)

// flight is a request on its way to the backend, which others that ask the same
// wait for.
type flight struct {
	head   chan struct{} // closed when the answer's head is there, or there is none
	done   chan struct{} // closed when the answer is stored, or will not be
	kept   bool          // before head is closed: the answer is going to be stored
	headed bool
	ended  bool
}

// How long others wait: for a head, which depends on the backend, and for a
// body, which comes no faster than the first client takes it.
const (
	headPatience = 5 * time.Second
	bodyPatience = time.Second
)

// join gives the flight that asks for a key, or begins one. It gives neither
// for a key whose last answer was not kept: waiting would only delay.
func (c *Cache) join(v *visit) (wait, lead *flight) {
	s := c.shard(v.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lone[place(v.hash)] == v.hash {
		return nil, nil
	}
	if f := s.flights[v.hash]; f != nil {
		return f, nil
	}
	f := &flight{head: make(chan struct{}), done: make(chan struct{})}
	s.flights[v.hash] = f
	return nil, f
}

// wait returns when the flight has ended, or it is no use waiting for it.
func (f *flight) wait(x *exchange.Exchange) {
	timer := time.NewTimer(headPatience)
	defer timer.Stop()
	gone := x.Client.Context().Done()
	select {
	case <-f.head:
	case <-timer.C:
		return
	case <-gone:
		return
	}
	if !f.kept {
		return
	}
	timer.Reset(bodyPatience)
	select {
	case <-f.done:
	case <-timer.C:
	case <-gone:
	}
}

// announce tells those who wait whether there is something to wait for.
func (v *visit) announce(kept bool) {
	c, f := v.cache, v.flight
	s := c.shard(v.hash)
	s.mu.Lock()
	switch lone := &s.lone[place(v.hash)]; {
	case !kept:
		*lone = v.hash
	case *lone == v.hash:
		*lone = 0
	}
	s.mu.Unlock()
	if f != nil && !f.headed {
		f.headed, f.kept = true, kept
		close(f.head)
	}
	if !kept {
		v.land()
	}
}

// land ends the flight.
func (v *visit) land() {
	f := v.flight
	if f == nil || f.ended {
		return
	}
	f.ended = true
	s := v.cache.shard(v.hash)
	s.mu.Lock()
	if s.flights[v.hash] == f {
		delete(s.flights, v.hash)
	}
	s.mu.Unlock()
	if !f.headed {
		f.headed = true
		close(f.head)
	}
	close(f.done)
}
