package cache

import (
	"math"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"

	"mgw/runtime/internal/exchange"
)

// directives is what a request says in Cache-Control (RFC 9111 section 5.2.1).
// Times are nanoseconds; -1 is none.
type directives struct {
	given                      bool
	noStore, noCache           bool
	onlyIfCached               bool
	maxAge, minFresh, maxStale int64
	parsed                     *cacheobject.RequestCacheDirectives // nil when not given
}

// read gives false for a field that cannot be understood.
func (d *directives) read(m *exchange.Message) bool {
	*d = directives{maxAge: -1, minFresh: -1, maxStale: -1}
	if m.Get(exchange.CacheControl) == nil {
		return true
	}
	p, err := cacheobject.ParseRequestCacheControl(joined(m, exchange.CacheControl))
	if err != nil {
		return false
	}
	d.given, d.parsed = true, p
	d.noStore, d.noCache, d.onlyIfCached = p.NoStore, p.NoCache, p.OnlyIfCached
	d.maxAge, d.minFresh = seconds(p.MaxAge), seconds(p.MinFresh)
	// MaxStaleSet is for one without a time, which means any.
	if d.maxStale = seconds(p.MaxStale); d.maxStale < 0 && p.MaxStaleSet {
		d.maxStale = math.MaxInt64
	}
	return true
}

func seconds(s cacheobject.DeltaSeconds) int64 {
	if s < 0 {
		return -1
	}
	return int64(s) * int64(time.Second)
}

// joined gives all lines of a list field as one.
func joined(m *exchange.Message, id exchange.FieldID) string {
	var all []byte
	for _, f := range m.Fields {
		if f.ID == id {
			if all != nil {
				all = append(all, comma...)
			}
			all = append(all, m.Value(f)...)
		}
	}
	return string(all)
}

// satisfied tells whether a stored answer may be given without asking the
// backend (RFC 9111 section 4).
func (d *directives) satisfied(e *entry, now int64) bool {
	age := e.age(now)
	left := e.lifetime - age
	switch {
	case d.noCache || e.noCache:
		return false
	case d.maxAge >= 0 && age > d.maxAge:
		return false
	case d.minFresh >= 0 && left < d.minFresh:
		return false
	case left > 0:
		return true
	}
	return d.maxStale >= 0 && !e.mustRevalidate && -left <= d.maxStale
}
