package auth

import (
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// rule is what an operation asks of its callers, resolved at start.
type rule struct {
	disabled  bool
	mutual    bool // the API takes client certificates
	mandatory bool // and must see one
	optional  bool // then nothing else is needed
	bearer    bool
	basic     bool
	key       bool
	scopes    []string
	header    field // of the credential
	keyHeader field
	keyQuery  string

	// challenge is the WWW-Authenticate of a refusal, mutualChallenge that of
	// a refused certificate.
	challenge       string
	mutualChallenge string
}

const (
	realm          = ` realm="WSO2 API Microgateway"`
	challengeBear  = "OAuth2" + realm
	challengeBasic = "Basic Auth" + realm
	challengeTLS   = "Mutual SSL" + realm
	// The original's suffix, whatever the reason (contract 5.4).
	challengeEnd = `, error="invalid token" , error_description="The access token expired"`
)

// newRules gives the rules of all operations, by operation ID.
func newRules(o *Options) []rule {
	var rules []rule
	for i := range o.APIs {
		api := &o.APIs[i]
		for j := range api.Operations {
			op := &api.Operations[j]
			for len(rules) <= op.ID {
				rules = append(rules, rule{})
			}
			rules[op.ID] = newRule(o, api, op)
		}
	}
	return rules
}

func newRule(o *Options, api *spec.API, op *spec.Operation) rule {
	s := &op.Security
	header := o.Header
	if api.AuthHeader != "" {
		header = api.AuthHeader
	}
	schemes := s.Schemes
	if len(schemes) == 0 && !s.Optional {
		schemes = []spec.Scheme{spec.OAuth2} // contract 2.5
	}
	mandatory := api.MutualTLS == "mandatory"
	return rule{
		disabled:  s.Disabled,
		mutual:    api.MutualTLS != "",
		mandatory: mandatory,
		// Beside anything else it would leave the operation open.
		optional:        s.Optional && mandatory,
		bearer:          slices.Contains(schemes, spec.OAuth2),
		basic:           slices.Contains(schemes, spec.Basic),
		key:             slices.Contains(schemes, spec.APIKey),
		scopes:          s.Scopes,
		header:          newField(header),
		keyHeader:       newField(s.KeyHeader),
		keyQuery:        s.KeyQuery,
		challenge:       challenge(schemes, false),
		mutualChallenge: challenge(schemes, true),
	}
}

func challenge(schemes []spec.Scheme, mutual bool) string {
	var parts []string
	if mutual {
		parts = append(parts, challengeTLS)
	}
	if slices.Contains(schemes, spec.OAuth2) {
		parts = append(parts, challengeBear)
	}
	if slices.Contains(schemes, spec.Basic) {
		parts = append(parts, challengeBasic)
	}
	return strings.Join(parts, " ") + challengeEnd
}

// accepts tells whether the operation takes a kind of credential. Of an
// unknown scheme the original says that it is an oauth2 token.
func (r *rule) accepts(kind shown) bool {
	switch kind {
	case showsBearer, showsOther, showsTwice:
		return r.bearer
	case showsBasic:
		return r.basic
	case showsKey:
		return r.key
	}
	return false
}
