package interceptor

import "slices"

// Kinds of credentials.
const (
	Anonymous = "anonymous" // the operation is not secured
	JWT       = "jwt"
	Opaque    = "opaque"
	APIKey    = "apikey"
	Basic     = "basic"
	MutualTLS = "mtls"
)

// Principal is who calls, however that was shown.
type Principal struct {
	Kind             string // Anonymous, JWT ...
	Subject          string
	Issuer           string
	KeyType          string // PRODUCTION or SANDBOX
	ConsumerKey      string
	Tenant           string // the subscriber's
	Application      Application
	SubscriptionTier string
	Scopes           []string
	Roles            []string
	Claims           map[string]any // as encoding/json reads them; nil when there are none
}

// Application is what holds the caller's subscription.
type Application struct {
	ID, Name, Owner string
	Tier            string
}

func (p Principal) clone() Principal {
	p.Scopes, p.Roles = slices.Clone(p.Scopes), slices.Clone(p.Roles)
	if p.Claims != nil {
		p.Claims = cloneJSON(p.Claims).(map[string]any)
	}
	return p
}

// cloneJSON copies the maps and lists of a value that was JSON.
func cloneJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		to := make(map[string]any, len(v))
		for name, value := range v {
			to[name] = cloneJSON(value)
		}
		return to
	case []any:
		to := make([]any, len(v))
		for i := range v {
			to[i] = cloneJSON(v[i])
		}
		return to
	case []string:
		return slices.Clone(v)
	}
	return v
}
