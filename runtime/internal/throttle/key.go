package throttle

import (
	"net/netip"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// keyFunc gives the key that a request is counted under, as contract 4.4
// writes it.
type keyFunc func(*exchange.Exchange) string

func apiKey(api *spec.API) string {
	if endsInVersion(api) {
		return api.Context + ":" + api.Version
	}
	return api.Context + "/" + api.Version + ":" + api.Version
}

// endsInVersion tells whether the context names the version already.
func endsInVersion(api *spec.API) bool {
	rest, ok := strings.CutSuffix(api.Context, api.Version)
	return ok && strings.HasSuffix(rest, "/")
}

func resourceKey(api *spec.API, op *spec.Operation) string {
	return string(appendResourceKey(nil, api, op))
}

func appendResourceKey(b []byte, api *spec.API, op *spec.Operation) []byte {
	b = append(b, api.Context...)
	b = append(b, '/')
	b = append(b, api.Version...)
	b = append(b, op.KeyPath...)
	b = append(b, ':')
	return append(b, op.Method...)
}

// subscriptionKey is also the unauthenticated key, of the client's address.
func subscriptionKey(id string, api *spec.API) string {
	return id + ":" + api.Context + ":" + api.Version
}

func (t *Throttle) applicationKey(p *exchange.Principal) string {
	if t.options.ApplicationKey == KeyApplicationUser {
		return p.Application.ID + ":" + p.Subject
	}
	return p.Application.ID
}

func keyOfAPI(x *exchange.Exchange) string      { return apiKey(x.API) }
func keyOfResource(x *exchange.Exchange) string { return resourceKey(x.API, x.Operation) }

func keyOfSubscription(x *exchange.Exchange) string {
	return subscriptionKey(x.Grant.Principal.Application.ID, x.API)
}

func (t *Throttle) keyOfApplication(x *exchange.Exchange) string {
	return t.applicationKey(x.Grant.Principal)
}

func (t *Throttle) keyOfUnauthenticated(x *exchange.Exchange) string {
	return string(t.appendUnauthenticated(nil, x))
}

func (t *Throttle) appendUnauthenticated(b []byte, x *exchange.Exchange) []byte {
	b = t.appendAddress(b, x.Address)
	b = append(b, ':')
	b = append(b, x.API.Context...)
	b = append(b, ':')
	return append(b, x.API.Version...)
}

// appendAddress writes the address that a client is counted under: IPv6
// clients own whole networks, so they count by prefix.
func (t *Throttle) appendAddress(b []byte, a netip.Addr) []byte {
	a = a.Unmap().WithZone("")
	if a.Is6() && t.options.IPv6Prefix < 128 {
		if p, err := a.Prefix(t.options.IPv6Prefix); err == nil {
			return p.AppendTo(b)
		}
	}
	return a.AppendTo(b)
}

// What events and key templates say where there is no tenant, and of a caller
// that nobody knows (contract 4.3).
const (
	superTenant = "carbon.super"
	unknown     = "__unknown__"
)

// apiTenant is contract 4.9's: the name after /t/ in a long base path.
func apiTenant(api *spec.API) string {
	if rest, ok := strings.CutPrefix(api.Context, "/t/"); ok {
		if tenant, _, more := strings.Cut(rest, "/"); more {
			return tenant
		}
	}
	return superTenant
}
