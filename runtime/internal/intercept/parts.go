package intercept

import (
	"net/url"
	"strings"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
)

// parts copies what the functions see of the request.
func (c *call) parts() interceptor.RequestParts {
	x := c.x
	return interceptor.RequestParts{
		Method: x.Method, Scheme: x.Scheme, Host: string(x.Host),
		Path: string(x.Path), RawQuery: string(x.Query),
		ClientIP: x.Address, Header: fieldsOf(&x.Request), Params: paramsOf(x),
		API: c.operation.api, Operation: c.operation.self, Principal: principalOf(x.Grant),
		Body: c.in.read, Limits: c.limits,
	}
}

// limits gives none once the exchange is over.
func (c *call) limits() []interceptor.Limit {
	if c.over.Load() || c.all.options.Limits == nil {
		return nil
	}
	return c.all.options.Limits(c.x)
}

func paramsOf(x *exchange.Exchange) map[string]string {
	if len(x.Params) == 0 {
		return nil
	}
	params := make(map[string]string, len(x.Params))
	for _, p := range x.Params {
		raw := string(x.Path[p.Start:p.End])
		params[p.Name] = raw
		if decoded, err := url.PathUnescape(raw); err == nil {
			params[p.Name] = decoded
		}
	}
	return params
}

// principalOf shares lists and claims with the grant; interceptor.Request
// copies them when they are asked for.
func principalOf(g *exchange.Grant) interceptor.Principal {
	if g == nil {
		return interceptor.Principal{Kind: interceptor.Anonymous}
	}
	p := g.Principal
	return interceptor.Principal{
		Kind: p.Kind.String(), Subject: p.Subject, Issuer: p.Issuer, KeyType: p.KeyType.String(),
		ConsumerKey: p.ConsumerKey, Tenant: p.Tenant,
		Application:      interceptor.Application(p.Application),
		SubscriptionTier: g.SubscriptionTier,
		Scopes:           p.Scopes, Roles: p.Roles, Claims: p.Claims,
	}
}

// hidden are the fields that interceptors neither see nor set.
func hidden(id exchange.FieldID) bool {
	switch id {
	case exchange.Connection, exchange.ContentLength, exchange.Expect, exchange.Host, exchange.KeepAlive,
		exchange.ProxyAuthenticate, exchange.ProxyAuthorization, exchange.ProxyConnection,
		exchange.TE, exchange.Trailer, exchange.TransferEncoding, exchange.Upgrade:
		return true
	}
	return false
}

// fieldsOf copies the fields of a message; all of them share one string.
func fieldsOf(m *exchange.Message) [][2]string {
	size := 0
	for _, f := range m.Fields {
		size += int(f.Name.Len + f.Value.Len)
	}
	var text strings.Builder
	text.Grow(size)
	for _, f := range m.Fields {
		text.Write(m.Name(f))
		text.Write(m.Value(f))
	}
	all, fields := text.String(), make([][2]string, 0, len(m.Fields))
	for _, f := range m.Fields {
		name, value := all[:f.Name.Len], all[f.Name.Len:][:f.Value.Len]
		all = all[f.Name.Len+f.Value.Len:]
		if !hidden(f.ID) {
			fields = append(fields, [2]string{name, value})
		}
	}
	return fields
}

// applyFields writes back what a function did to the fields.
func applyFields(m *exchange.Message, changes []interceptor.Change) {
	for _, c := range changes {
		switch {
		case c.Remove:
			m.Del(c.Name)
		case c.Add:
			m.Add(c.Name, c.Value)
		default:
			m.Set(c.Name, c.Value)
		}
	}
}

func (c *call) applyProperties() {
	c.x.Properties = c.x.Properties[:0]
	for _, p := range c.request.Properties() {
		c.x.Properties = append(c.x.Properties, exchange.Property{Name: p[0], Value: p[1]})
	}
}
