package cache

import (
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"

	"mgw/runtime/internal/exchange"
)

// assess makes an entry of a head that came from a backend, without a body. It
// gives nil for an answer that must not be kept.
func (c *Cache) assess(x *exchange.Exchange, v *visit, status int, head exchange.Message) *entry {
	if !understood(status) || unfit(&head) {
		return nil
	}
	control, err := cacheobject.ParseResponseCacheControl(joined(&head, exchange.CacheControl))
	if err != nil {
		return nil
	}
	now := c.options.Now()
	o := cacheobject.Object{
		RespDirectives: control, RespStatusCode: status, NowUTC: time.Unix(0, now).UTC(),
		RespHeaders: map[string][]string{}, ReqHeaders: map[string][]string{},
		ReqDirectives: v.asked.parsed, ReqMethod: "GET",
	}
	date, _ := parseDate(string(head.Get(exchange.Date)))
	o.RespDateHeader = date
	expires := head.Get(exchange.Expires)
	if expires != nil {
		o.RespHeaders["Expires"] = []string{string(expires)}
		o.RespExpiresHeader = expiry(string(expires), date, o.NowUTC)
	}
	if v.known {
		o.ReqHeaders["Authorization"] = []string{"somebody"}
	}
	var r cacheobject.ObjectResults
	if cacheobject.CachableObject(&o, &r); len(r.OutReasons) > 0 || r.OutErr != nil {
		return nil
	}
	e := &entry{head: head, status: status, received: now, initial: age(&head, date, now, v.sent)}
	e.etag, e.modified = string(head.Get(exchange.ETag)), string(head.Get(exchange.LastModified))
	e.noCache = control.NoCachePresent
	e.mustRevalidate = e.noCache || control.MustRevalidate || control.ProxyRevalidate || control.SMaxAge >= 0
	// Said beside s-maxage, which forbids stale answers, it is the exception.
	if !e.noCache && !control.MustRevalidate && !control.ProxyRevalidate {
		e.staleIfError = max(0, seconds(control.StaleIfError))
	}
	switch silent := head.Get(exchange.CacheControl) == nil && head.Get(exchange.Pragma) == nil && expires == nil; {
	case silent && byDefault(status) && !v.known:
		e.lifetime = c.fallback[x.API.ID]
	case !silent:
		cacheobject.ExpirationObject(&o, &r)
		if !r.OutExpirationTime.IsZero() {
			e.lifetime = max(0, int64(r.OutExpirationTime.Sub(o.NowUTC)))
		}
	}
	// One that is stale already is of use when it can be validated, or given
	// in place of a failure.
	if e.lifetime <= e.initial && (silentAndStale(control, expires) || !e.validator()) {
		return nil
	}
	var ok bool
	if e.vary, ok = vary(&e.head, &x.Request); !ok {
		return nil
	}
	return e
}

// silentAndStale tells an answer that says nothing of being kept.
func silentAndStale(control *cacheobject.ResponseCacheDirectives, expires []byte) bool {
	return expires == nil && control.MaxAge < 0 && control.SMaxAge < 0 && !control.NoCachePresent && !control.Public
}

// understood are the statuses that are kept when the backend says so.
func understood(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// byDefault are those that are kept when it says nothing and the definition
// names a time: none that may be the fault of a moment.
func byDefault(status int) bool {
	switch status {
	case 200, 203, 300, 301, 308, 410:
		return true
	}
	return false
}

// unfit tells answers that are one client's, or more than a head and a body.
func unfit(head *exchange.Message) bool {
	for _, f := range head.Fields {
		if f.ID == exchange.SetCookie || f.ID == exchange.Trailer {
			return true
		}
	}
	return false
}

// expiry reads Expires. What is no date is in the past (RFC 9111 section 5.3).
func expiry(s string, date, now time.Time) time.Time {
	if t, ok := parseDate(s); ok {
		return t
	}
	if date.IsZero() {
		return now
	}
	return date
}

// age is an answer's when it arrives (RFC 9111 section 4.2.3).
func age(head *exchange.Message, date time.Time, now, sent int64) int64 {
	initial := max(0, now-sent)
	if s, err := strconv.ParseInt(strings.TrimSpace(string(head.Get(exchange.Age))), 10, 32); err == nil && s > 0 {
		initial += s * int64(time.Second)
	}
	if !date.IsZero() {
		initial = max(initial, now-date.UnixNano())
	}
	return initial
}

// received copies the head of a backend's answer, without what earlier stages
// put into it.
func received(x *exchange.Exchange, own int) (head exchange.Message) {
	for _, f := range x.Response.Fields[min(own, len(x.Response.Fields)):] {
		head.AddFieldOf(&x.Response, f)
	}
	return head
}

// complete takes Age out and puts Date in: what is stored is sent with an age
// of its own, which counts from that date.
func (e *entry) complete() {
	e.head.Del("Age")
	if e.head.Get(exchange.Date) == nil {
		e.head.Add("Date", time.Unix(0, e.received).UTC().Format(httpDate))
	}
}

// refreshed is the head of a stored answer with what a 304 says anew (RFC 9111
// section 3.2).
func refreshed(e *entry, news *exchange.Message) (head exchange.Message) {
	for _, f := range e.head.Fields {
		if keeps(f.ID) || f.ID != exchange.Date && !has(news, e.head.Name(f)) {
			head.AddFieldOf(&e.head, f)
		}
	}
	for _, f := range news.Fields {
		if !keeps(f.ID) {
			head.AddFieldOf(news, f)
		}
	}
	return head
}

// keeps tells fields that belong to the stored body.
func keeps(id exchange.FieldID) bool {
	return id == exchange.ContentLength || id == exchange.ContentEncoding || id == exchange.ContentType
}

func has(m *exchange.Message, name []byte) bool {
	_, ok := m.Lookup(string(name))
	return ok
}
