package throttle

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// Event is an allowed request on its way to the traffic manager: it appends
// the 17 attributes of contract 6.2 as JSON, mostly by copying what the grant
// and the operation know ready-made. It lives as long as the request.
type Event struct {
	throttle *Throttle
	x        *exchange.Exchange
	op       *operation
	grant    *grantLimits
	id       [64]byte // scratch for the address of an unknown caller
}

// eventPieces are the ready-made parts of a caller's events: from appKey to
// subscriptionTier, and from userId to apiName.
type eventPieces struct{ first, last []byte }

// AppendJSON appends the event.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"event":{"metaData":{},"correlationData":{},"payloadData":{"messageID":"`...)
	b = appendUUID(b)
	b = append(b, '"')
	if p := e.grant.event; p != nil {
		b = append(b, p.first...)
		b = append(b, e.op.event...)
		b = append(b, p.last...)
	} else {
		caller := e.throttle.unknownCaller(e.id[:0], e.x)
		b = caller.appendFirst(b)
		b = append(b, e.op.event...)
		b = caller.appendLast(b)
	}
	b = append(b, `,"properties":"`...)
	b = e.appendProperties(b)
	return append(b, `"}}}`...)
}

// eventCaller is what an event says of who calls which API.
type eventCaller struct {
	api              *spec.API
	appKey, appTier  []byte
	subscriptionID   []byte // the first part of the subscription key
	subscriptionTier string
	user, tenant     string
	appID            []byte
}

func (c *eventCaller) appendFirst(b []byte) []byte {
	b = appendField(b, "appKey", c.appKey)
	b = appendField(b, "appTier", c.appTier)
	b = append(b, `,"apiKey":"`...)
	b = event.AppendEscaped(b, c.api.Context)
	if !endsInVersion(c.api) {
		b = append(b, '/')
		b = event.AppendEscaped(b, c.api.Version)
	}
	b = append(b, ':')
	b = event.AppendEscaped(b, c.api.Version)
	b = append(b, '"')
	b = appendField(b, "apiTier", c.api.Tier)
	b = append(b, `,"subscriptionKey":"`...)
	b = event.AppendEscaped(b, c.subscriptionID)
	b = append(b, ':')
	b = event.AppendEscaped(b, c.api.Context)
	b = append(b, ':')
	b = event.AppendEscaped(b, c.api.Version)
	b = append(b, '"')
	return appendField(b, "subscriptionTier", c.subscriptionTier)
}

func (c *eventCaller) appendLast(b []byte) []byte {
	b = appendField(b, "userId", c.user)
	b = appendField(b, "apiContext", c.api.Context)
	b = appendField(b, "apiVersion", c.api.Version)
	b = appendField(b, "appTenant", c.tenant)
	b = appendField(b, "apiTenant", apiTenant(c.api))
	b = appendField(b, "appId", c.appID)
	return appendField(b, "apiName", c.api.ServiceName)
}

func appendField[T string | []byte](b []byte, name string, value T) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return event.AppendString(b, value)
}

// knownCaller gives the ready-made parts for a grant.
func (t *Throttle) knownCaller(g *exchange.Grant) *eventPieces {
	p := g.Principal
	tier := p.Application.Tier
	if tier == "" {
		tier = spec.TierUnlimited
	}
	tenant := p.Tenant
	if tenant == "" {
		tenant = superTenant
	}
	c := eventCaller{
		api:    g.API,
		appKey: []byte(t.applicationKey(p)), appTier: []byte(tier),
		subscriptionID: []byte(p.Application.ID), subscriptionTier: g.SubscriptionTier,
		user: p.Subject, tenant: tenant, appID: []byte(p.Application.ID),
	}
	return &eventPieces{first: c.appendFirst(nil), last: c.appendLast(nil)}
}

// unknownCaller describes a request without credential: its address stands for
// its application (contract 4.3).
func (t *Throttle) unknownCaller(id []byte, x *exchange.Exchange) eventCaller {
	id = t.appendAddress(id, x.Address)
	n := len(id)
	key := append(id, ":anonymous"...)
	return eventCaller{
		api:    x.API,
		appKey: key, appTier: unlimitedTier,
		subscriptionID: id[:n], subscriptionTier: spec.TierUnauthenticated,
		user: "anonymous", tenant: unknown, appID: id[:n],
	}
}

var unlimitedTier = []byte(spec.TierUnlimited)

// operationEvent gives the ready-made part of an operation: what an API tier
// stands in for (contract 4.4).
func operationEvent(api *spec.API, op *spec.Operation) []byte {
	key, tier := resourceKey(api, op), op.Tier
	switch {
	case api.Tier != "" && api.Tier != spec.TierUnlimited:
		key, tier = apiKey(api), api.Tier
	case tier == "":
		tier = spec.TierUnlimited
	}
	return appendField(appendField(nil, "resourceKey", key), "resourceTier", tier)
}

// appendProperties writes the JSON object of properties, escaped as the string
// that it travels in.
func (e *Event) appendProperties(b []byte) []byte {
	b = appendIP(b, e.x.Address.Unmap())
	o := &e.throttle.options
	if o.EventHeaders {
		for _, f := range e.x.Request.Fields {
			b = appendProperty(b, e.x.Request.Name(f), e.x.Request.Value(f))
		}
	}
	if o.EventQueries {
		b = appendQueryProperties(b, e.x.Query)
	}
	if o.EventClaims {
		for name, value := range e.x.Grant.Principal.Claims {
			if text, ok := value.(string); ok {
				b = appendProperty(b, name, text)
			}
		}
	}
	for _, p := range e.x.Properties {
		b = appendProperty(b, p.Name, p.Value)
	}
	return append(b, '}')
}

// appendIP writes the address as contract 6.2 does: IPv4 as a number, IPv6 as
// a decimal in a string.
func appendIP(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		n := a.As4()
		b = append(b, `{\"ip\":`...)
		b = strconv.AppendUint(b, uint64(n[0])<<24|uint64(n[1])<<16|uint64(n[2])<<8|uint64(n[3]), 10)
		return append(b, `,\"ipv6\":0`...)
	}
	b = append(b, `{\"ipv6\":\"`...)
	b = append(b, event.Decimal(a)...)
	return append(b, `\",\"ip\":0`...)
}

// appendProperty writes a member of the object.
func appendProperty[N, V string | []byte](b []byte, name N, value V) []byte {
	b = append(b, ',')
	b = appendTwice(b, name)
	b = append(b, ':')
	return appendTwice(b, value)
}

// appendTwice appends s as a JSON string within a JSON string.
func appendTwice[T string | []byte](b []byte, s T) []byte {
	b = append(b, `\"`...)
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', '\\', '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			n := i
			for i < len(s) && s[i] >= utf8.RuneSelf {
				i++
			}
			b = event.AppendEscaped(b, s[n:i])
			continue
		}
		i++
	}
	return append(b, `\"`...)
}

// appendQueryProperties writes each parameter once, with its last value.
func appendQueryProperties(b []byte, query []byte) []byte {
	for rest := query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		raw, value, _ := bytes.Cut(pair, []byte("="))
		name := unescape(raw)
		if len(name) > 0 && !hasParameter(rest, name) {
			b = appendProperty(b, name, unescape(value))
		}
	}
	return b
}

func hasParameter(query, name []byte) bool {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		if key, _, _ := bytes.Cut(pair, []byte("=")); bytes.Equal(unescape(key), name) {
			return true
		}
	}
	return false
}

const hexDigits = "0123456789abcdef"

// appendUUID writes a random UUID (RFC 9562 version 4).
func appendUUID(b []byte) []byte {
	hi, lo := rand.Uint64(), rand.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 2<<62
	for i := range 16 {
		if i == 8 || i == 12 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[hi>>(60-4*i)&15])
	}
	for i := range 16 {
		if i == 0 || i == 4 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[lo>>(60-4*i)&15])
	}
	return b
}
