package auth

import (
	"encoding/json"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// unknown stands where nothing tells one caller from another (contract 4.4).
const unknown = "__unknown__"

// describe fills a principal from claims: those of contract 9.1, else those
// that ordinary identity providers issue (design section 5).
func describe(p *exchange.Principal, claims map[string]any, consumerKeyClaim, roleClaim string) {
	p.Claims = claims
	p.Subject = text(claims["sub"])
	p.Issuer = text(claims["iss"])
	p.TokenID = text(claims["jti"])
	p.BackendJWT = fieldValue(text(claims["backendJwt"]))
	p.Scopes = list(claims["scope"])
	if roleClaim != "" {
		p.Roles = list(claims[roleClaim])
	}
	if strings.EqualFold(text(claims["keytype"]), "SANDBOX") {
		p.KeyType = exchange.Sandbox
	}
	p.ConsumerKey = consumerKey(claims, consumerKeyClaim)
	p.Subscriptions = subscriptions(claims["subscribedAPIs"])
	if len(p.Subscriptions) > 0 {
		p.Tenant = p.Subscriptions[0].Tenant
	}
	p.Application = application(p, claims)
}

func consumerKey(claims map[string]any, configured string) string {
	for _, name := range []string{configured, "consumerKey", "client_id", "azp"} {
		if values := list(claims[name]); len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func application(p *exchange.Principal, claims map[string]any) exchange.Application {
	claim, _ := claims["application"].(map[string]any)
	a := exchange.Application{
		ID:    text(claim["id"]),
		Name:  text(claim["name"]),
		Owner: text(claim["owner"]),
		Tier:  text(claim["tier"]),
	}
	for _, id := range []string{p.ConsumerKey, p.Subject, unknown} {
		if a.ID == "" {
			a.ID = id
		}
	}
	return a
}

func subscriptions(claim any) []exchange.Subscription {
	entries, _ := claim.([]any)
	var all []exchange.Subscription
	for _, e := range entries {
		fields, _ := e.(map[string]any)
		s := exchange.Subscription{
			API:       text(fields["name"]),
			Version:   text(fields["version"]),
			Tier:      text(fields["subscriptionTier"]),
			Publisher: text(fields["publisher"]),
			Tenant:    text(fields["subscriberTenantDomain"]),
		}
		if s.API != "" {
			all = append(all, s)
		}
	}
	return all
}

// entryFor picks the entry that is for an API: same name, same version or any.
func entryFor(entries []exchange.Subscription, api *spec.API) *exchange.Subscription {
	for i := range entries {
		s := &entries[i]
		if s.API == api.Name && (s.Version == api.Version || s.Version == "*") {
			return s
		}
	}
	return nil
}

// rename moves claims to the names that the gateway reads.
func rename(claims map[string]any, names map[string]string) {
	moved := make(map[string]any, len(names))
	for remote, local := range names {
		if v, ok := claims[remote]; ok {
			moved[local] = v
		}
	}
	for remote := range names {
		delete(claims, remote)
	}
	for local, v := range moved {
		claims[local] = v
	}
}

// text reads a claim that is a string, or a number such as an application id.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// list reads a claim that is a space-separated string or an array of strings.
func list(v any) []string {
	switch v := v.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		var all []string
		for _, e := range v {
			if s := text(e); s != "" {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// fieldValue gives s when it can stand in a header field, else nothing.
func fieldValue(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return ""
		}
	}
	return s
}
