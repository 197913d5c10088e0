// Package cache answers requests with what a backend answered before
// (x-wso2-response-cache): a shared HTTP cache in memory, RFC 9111.
//
// In: requests of APIs that want it, after everything that may refuse them and
// before the backend; then the backends' answers. Out: stored answers with
// their Age, conditional requests where one must be validated, and the memory
// of answers whose backends allow that they are kept. What may be kept, and for
// how long, the library cacheobject says; this package is stricter: nothing
// without an explicit lifetime (or the API's own), nothing with Set-Cookie.
//
// It stands behind authentication, so that whoever gets a stored answer was
// permitted to ask for it, and behind the removal of credentials: a backend
// that does not see who asks cannot answer differently. One that does see it
// (Authorization, Cookie, a backend JWT) is a case of RFC 9111 section 3.5: its
// answers are kept only when it says that they are for everybody.
//
// Memory is bounded. Of the same requests at the same time one goes to the
// backend. The package never asks a backend by itself, and a stored answer costs
// no allocation.
package cache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Options say what is cached, and in how much memory.
type Options struct {
	APIs []spec.API
	Now  func() int64 // the clock's: nanoseconds since the epoch

	// Before is the Cache whose place this one takes: its counts go on, what it
	// has stored does not.
	Before *Cache

	Memory  int64 // bytes of all stored answers; 64 MiB
	MaxBody int   // bytes of one stored body; 1 MiB

	// Identity names request fields, beside Authorization and Cookie, by which
	// a backend may know who asks.
	Identity []string
	// Publish is told of each request that a stored answer satisfies; may be
	// nil.
	Publish func(*exchange.Exchange)
}

// Cache is safe for concurrent use.
type Cache struct {
	options  Options
	fallback []int64 // by API: lifetime of an answer that tells none; -1: not cached
	seed     maphash.Seed
	shards   [shards]shard
	visits   sync.Pool
	pending  atomic.Int64 // bytes of answers that are not complete yet
	counts   *counts
}

// New gives nil when no API wants a cache.
func New(o Options) *Cache {
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	c := &Cache{options: o, seed: maphash.MakeSeed(), fallback: make([]int64, len(o.APIs)), counts: new(counts)}
	if c.options.Before = nil; o.Before != nil {
		c.counts = o.Before.counts
	}
	c.visits.New = func() any { return &visit{cache: c} }
	some := false
	for i := range o.APIs {
		api := &o.APIs[i]
		c.fallback[api.ID] = -1
		if api.ResponseCache != nil {
			c.fallback[api.ID] = int64(api.ResponseCache.FallbackSeconds) * int64(time.Second)
			some = true
		}
	}
	if !some {
		return nil
	}
	for i := range c.shards {
		c.shards[i].init(o.Memory / shards)
	}
	return c
}

// visit is a request that the cache could not answer, until its answer is out.
type visit struct {
	cache *Cache
	key   []byte
	hash  uint64
	asked directives
	own   int    // fields that earlier stages put into the response
	epoch uint32 // of the key's place when the request went on
	sent  int64

	unsafe   bool   // its answer may make stored ones invalid
	known    bool   // the backend may know who asks
	stale    *entry // to be validated; nil for none
	matched  bool   // the client has what stale holds
	flight   *flight
	recorder recorder
}

// Answer is the stage: it gives false when a stored answer satisfies the
// request.
func (c *Cache) Answer(x *exchange.Exchange) bool {
	if c.fallback[x.API.ID] < 0 {
		return true
	}
	switch x.Method {
	case "GET", "HEAD":
	case "OPTIONS", "TRACE":
		return true
	default:
		v := c.visit(x)
		v.unsafe = true
		x.Cached = v
		return true
	}
	if !cacheable(x) {
		return true
	}
	v := c.visit(x)
	if !v.asked.read(&x.Request) {
		c.leave(v)
		return true
	}
	if e := c.find(x, v); e != nil && v.asked.satisfied(e, c.options.Now()) {
		c.serve(x, v, e)
		return false
	}
	if v.asked.onlyIfCached {
		c.leave(v)
		reply.NotCached.Send(x)
		return false
	}
	if x.Method == "HEAD" || v.asked.noStore {
		c.leave(v)
		return true
	}
	return c.miss(x, v)
}

// cacheable tells requests that a stored answer may satisfy: the others go to
// the backend as if there were no cache.
func cacheable(x *exchange.Exchange) bool {
	if x.Request.Body != nil {
		return false
	}
	for _, f := range x.Request.Fields {
		switch f.ID {
		case exchange.Range, exchange.IfMatch, exchange.IfUnmodifiedSince, exchange.IfRange, exchange.Upgrade:
			return false
		}
	}
	return true
}

func (c *Cache) visit(x *exchange.Exchange) *visit {
	v := c.visits.Get().(*visit)
	v.key = appendKey(v.key[:0], x)
	v.hash = maphash.Bytes(c.seed, v.key)
	return v
}

// leave gives a visit back.
func (c *Cache) leave(v *visit) {
	*v = visit{cache: c, key: v.key[:0]}
	c.visits.Put(v)
}

// serve answers with a stored answer.
func (c *Cache) serve(x *exchange.Exchange, v *visit, e *entry) {
	c.leave(v)
	e.fill(x, c.options.Now(), e.matches(&x.Request))
	c.counts.hits.Add(1)
	if c.options.Publish != nil {
		c.options.Publish(x)
	}
}

// miss lets a request go to the backend: alone, or first of all that ask the
// same, or after the first of them did not help.
func (c *Cache) miss(x *exchange.Exchange, v *visit) bool {
	if wait, lead := c.join(v); wait != nil {
		wait.wait(x)
		if e := c.find(x, v); e != nil && v.asked.satisfied(e, c.options.Now()) {
			c.serve(x, v, e)
			return false
		}
	} else {
		v.flight = lead
	}
	c.counts.misses.Add(1)
	if e := c.find(x, v); e != nil && e.validator() {
		v.validate(x, e)
	}
	v.own, v.sent, v.epoch = len(x.Response.Fields), c.options.Now(), c.shard(v.hash).epoch(v.hash)
	v.known = c.identified(x)
	x.Cached = v
	return true
}

// identified tells whether the backend may see who asks: an interceptor, which
// knows, may have told it in a field of any name.
func (c *Cache) identified(x *exchange.Exchange) bool {
	if x.Interception != nil {
		return true
	}
	for _, f := range x.Request.Fields {
		if f.ID == exchange.Authorization || f.ID == exchange.Cookie {
			return true
		}
	}
	for _, name := range c.options.Identity {
		if _, ok := x.Request.Lookup(name); ok {
			return true
		}
	}
	return false
}
