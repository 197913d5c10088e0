package throttle

import (
	"strconv"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/limit"
	"mgw/runtime/internal/reply"
)

// exceeded answers a request that a limit refused.
func (t *Throttle) exceeded(x *exchange.Exchange, c *charge, d limit.Decision) {
	counter := c.counters[d.Refused]
	k := t.kinds[counter.Rule()]
	reply.RetryAfter(x, time.Duration(d.Wait))
	if t.options.RateLimitHeaders != HeadersOff {
		s := limit.State{Limit: counter.Rule().Limit, Reset: d.Wait}
		t.announce(x, c, append(c.look[:0], s), c.counters[d.Refused:d.Refused+1])
	}
	t.refuse(x, k.fault, k.level)
}

// Announce adds the state of a request's limits to the answer, where every
// answer is to have it. It belongs among the functions that see each answer on
// its way out; a refusal carries its own fields already.
func (t *Throttle) Announce(x *exchange.Exchange) {
	c, ok := x.Charge.(*charge)
	if !ok || t.options.RateLimitHeaders != HeadersAlways {
		return
	}
	c.look = c.States(c.look[:0])
	t.announce(x, c, c.look, c.counters)
}

// announce writes RateLimit and RateLimit-Policy (IETF httpapi
// ratelimit-headers, draft 10: lists of structured items), and X-RateLimit-*
// of the limit that has least left.
func (t *Throttle) announce(x *exchange.Exchange, c *charge, states []limit.State, counters []*limit.Counter) {
	c.look = states
	least := -1
	c.key = c.key[:0]
	for i, s := range states {
		c.key = t.appendItem(c.key, counters[i])
		c.key = appendParameter(c.key, ";r=", s.Remaining)
		if s.Algorithm != limit.Concurrency {
			c.key = appendParameter(c.key, ";t=", secondsOf(s.Reset))
			if least < 0 || s.Remaining < states[least].Remaining {
				least = i
			}
		}
	}
	if len(c.key) == 0 {
		return
	}
	x.Response.SetBytes("RateLimit", c.key)
	c.key = c.key[:0]
	for i, s := range states {
		c.key = t.appendItem(c.key, counters[i])
		c.key = appendParameter(c.key, ";q=", s.Count)
		switch {
		case s.Algorithm == limit.Concurrency:
			c.key = append(c.key, `;qu="concurrent-requests"`...)
			continue
		case s.Bytes:
			c.key = append(c.key, `;qu="content-bytes"`...)
		}
		c.key = appendParameter(c.key, ";w=", secondsOf(s.Window))
	}
	x.Response.SetBytes("RateLimit-Policy", c.key)
	if t.options.XRateLimitHeaders && least >= 0 {
		t.announceX(x, c, states[least])
	}
}

func (t *Throttle) announceX(x *exchange.Exchange, c *charge, s limit.State) {
	c.key = strconv.AppendInt(c.key[:0], s.Count, 10)
	x.Response.SetBytes("X-RateLimit-Limit", c.key)
	c.key = strconv.AppendInt(c.key[:0], s.Remaining, 10)
	x.Response.SetBytes("X-RateLimit-Remaining", c.key)
	c.key = strconv.AppendInt(c.key[:0], secondsOf(s.Reset), 10)
	x.Response.SetBytes("X-RateLimit-Reset", c.key)
}

// appendItem starts a list item: the level's name, a string of RFC 9651
// section 3.3.3. Two custom policies are told apart by place alone: their
// names are not the client's business.
func (t *Throttle) appendItem(b []byte, counter *limit.Counter) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = append(b, '"')
	b = append(b, t.kinds[counter.Rule()].level...)
	return append(b, '"')
}

// maxInteger is the largest of RFC 9651 section 3.3.1.
const maxInteger = 999_999_999_999_999

func appendParameter(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), min(n, maxInteger), 10)
}

// secondsOf rounds up: whoever waits that long does not come too early.
func secondsOf(nanoseconds int64) int64 {
	return (nanoseconds + int64(time.Second) - 1) / int64(time.Second)
}
