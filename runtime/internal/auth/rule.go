package auth

import (
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// rule is what an operation asks of its callers, resolved at start.
type rule struct {
	disabled bool
	optional bool
	bearer   bool
	scopes   []string
	header   field // of the credential

	// challenge is the WWW-Authenticate of a refusal.
	challenge string
}

const (
	realm          = ` realm="WSO2 API Microgateway"`
	challengeBear  = "OAuth2" + realm
	challengeBasic = "Basic Auth" + realm
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
	return rule{
		disabled:  s.Disabled,
		optional:  s.Optional,
		bearer:    slices.Contains(schemes, spec.OAuth2),
		scopes:    s.Scopes,
		header:    newField(header),
		challenge: challenge(schemes),
	}
}

func challenge(schemes []spec.Scheme) string {
	var parts []string
	if slices.Contains(schemes, spec.OAuth2) {
		parts = append(parts, challengeBear)
	}
	if slices.Contains(schemes, spec.Basic) {
		parts = append(parts, challengeBasic)
	}
	return strings.Join(parts, " ") + challengeEnd
}
