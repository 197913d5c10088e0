package cache

import (
	"errors"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// Reply looks at what came of a request that the cache let pass. It goes before
// everything else that is done to answers: what is stored is the backend's.
func (c *Cache) Reply(x *exchange.Exchange) {
	v, ok := x.Cached.(*visit)
	if !ok {
		return
	}
	answered := x.Code == 0 && x.Backend != "" && !x.Aborted && x.Status != 101
	switch {
	case v.unsafe:
		// RFC 9111 section 4.4.
		if answered && x.Status < 400 {
			c.forget(v)
		}
	case v.stale != nil && answered && x.Status == 304:
		c.refresh(x, v)
	case v.stale != nil && failed(x) && c.mayBeStale(v):
		v.replace(x, v.stale)
		v.announce(false)
	case !answered:
		v.announce(false)
	default:
		c.consider(x, v)
	}
}

// consider keeps an answer of the backend, if it may be kept.
func (c *Cache) consider(x *exchange.Exchange, v *visit) {
	e := c.assess(x, v, x.Status, received(x, v.own))
	if e == nil {
		v.announce(false)
		return
	}
	e.complete()
	v.record(x, e)
}

// refresh answers with what was stored and has been found to hold. Where the
// backend has changed its mind about keeping it, this is the last time.
func (c *Cache) refresh(x *exchange.Exchange, v *visit) {
	c.counts.validated.Add(1)
	old, news := v.stale, received(x, v.own)
	e := c.assess(x, v, old.status, refreshed(old, &news))
	switch tag := news.Get(exchange.ETag); {
	case e == nil, tag != nil && strong(string(tag)) != strong(old.etag):
		c.forget(v)
		e = &entry{head: refreshed(old, &news), status: old.status, received: c.options.Now()}
		e.complete()
		e.body = old.body
		v.announce(false)
	default:
		e.complete()
		e.body = old.body
		c.keep(v, e)
		v.announce(true)
		v.land()
	}
	v.replace(x, e)
}

// failed tells answers that a stale one may stand in for (RFC 5861 section 4).
func failed(x *exchange.Exchange) bool {
	switch x.Code {
	case reply.BackendUnreachable.Code, reply.BackendTimeout.Code:
		return true
	case 0:
		return x.Backend != "" && !x.Aborted && (x.Status == 500 || x.Status == 502 || x.Status == 503 || x.Status == 504)
	}
	return false
}

// mayBeStale tells whether the backend allows it, still.
func (c *Cache) mayBeStale(v *visit) bool {
	e := v.stale
	return !v.asked.noCache && e.age(c.options.Now())-e.lifetime <= e.staleIfError
}

var errReplaced = errors.New("a stored answer takes this one's place")

// replace makes an entry the answer in place of the backend's.
func (v *visit) replace(x *exchange.Exchange, e *entry) {
	m := &x.Response
	if m.Body != nil {
		m.Body.Abort(errReplaced)
		m.Body = nil
	}
	m.Fields, m.Trailers = m.Fields[:min(v.own, len(m.Fields))], m.Trailers[:0]
	x.Code, x.Level = 0, ""
	e.fill(x, v.cache.options.Now(), v.matched)
}

// Done ends what Answer began, however the request ended.
func (c *Cache) Done(x *exchange.Exchange) {
	v, ok := x.Cached.(*visit)
	if !ok {
		return
	}
	x.Cached = nil
	if r := &v.recorder; r.from != nil {
		if r.entry != nil {
			r.drop()
		}
		// After a panic somebody may still end the body.
		if x.Response.Body == exchange.Body(r) {
			x.Response.Body = r.from
		}
	}
	v.land()
	c.leave(v)
}
