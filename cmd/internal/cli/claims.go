package cli

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"mgw/init/scaffold"
	"mgw/runtime/spec"
)

// application and subscription are the claims of contract section 9.1.
type application struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Tier  string `json:"tier,omitempty"`
	Owner string `json:"owner"`
}

type subscription struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Context   string `json:"context,omitempty"`
	Tier      string `json:"subscriptionTier"`
	Publisher string `json:"publisher,omitempty"`
	Tenant    string `json:"subscriberTenantDomain"`
}

// parseSubscriptions reads NAME:VERSION; the last colon parts them, as a title
// may hold one.
func parseSubscriptions(apis []string) ([]subscription, error) {
	subs := []subscription{} // not nil: the claim is a list even when it is empty
	for _, api := range apis {
		i := strings.LastIndexByte(api, ':')
		if i <= 0 || i == len(api)-1 {
			return nil, fmt.Errorf("--api %q: write NAME:VERSION, the title and version of a definition", api)
		}
		subs = append(subs, subscription{Name: api[:i], Version: api[i+1:]})
	}
	return subs, nil
}

func withTier(subs []subscription, tier string) []subscription {
	if tier == "" {
		tier = spec.TierDefault
	}
	for i := range subs {
		subs[i].Tier, subs[i].Tenant = tier, "carbon.super"
	}
	return subs
}

// parseClaims reads k=v, text, and k:=v, JSON.
func parseClaims(claims []string) (map[string]any, error) {
	parsed := map[string]any{}
	for _, claim := range claims {
		k, v, ok := strings.Cut(claim, "=")
		typed := strings.HasSuffix(k, ":")
		k = strings.TrimSuffix(k, ":")
		if !ok || k == "" {
			return nil, fmt.Errorf("--claim %q: write k=v for text or k:=v for JSON", claim)
		}
		if !typed {
			parsed[k] = v
			continue
		}
		if !json.Valid([]byte(v)) {
			return nil, fmt.Errorf("--claim %q: what follows := is not JSON", claim)
		}
		parsed[k] = json.RawMessage(v)
	}
	return parsed, nil
}

func tokenClaims(flags tokenFlags, subs []subscription, now time.Time) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss":            scaffold.Issuer,
		"sub":            flags.subject,
		"jti":            rand.Text(),
		"iat":            now.Unix(),
		"exp":            now.Add(flags.expires).Unix(),
		"keytype":        flags.keyType,
		"consumerKey":    flags.app,
		"application":    application{flags.app, flags.app, flags.appTier, defaultSubject},
		"subscribedAPIs": subs,
	}
	if len(flags.scopes) > 0 {
		claims["scope"] = strings.Join(flags.scopes, " ")
	}
	if len(flags.roles) > 0 {
		claims[flags.roleClaim] = flags.roles
	}
	return claims
}

func sign(claims jwt.MapClaims, key *ecdsa.PrivateKey) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodES256, claims).SignedString(key)
}
