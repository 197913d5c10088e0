package plan

import (
	"slices"

	"mgw/build/openapi"
	"mgw/runtime/spec"
)

// security resolves what an operation asks of its caller (contract sections
// 2.2 and 2.5).
func (m *maker) security(in *openapi.API, op *openapi.Operation) spec.Security {
	s := spec.Security{Disabled: disabled(in, op)}
	if s.Disabled {
		return s
	}
	q := requirements(in, op)
	s.Schemes, s.KeyHeader, s.KeyQuery = q.Schemes, q.KeyHeader, q.KeyQuery
	s.Scopes = scopes(in, op)
	if a := appSecurity(in, op, func(a *openapi.AppSecurity) bool { return len(a.Types) > 0 }); a != nil {
		s.Schemes = a.Types
	}
	if a := appSecurity(in, op, func(a *openapi.AppSecurity) bool { return a.Optional.Given }); a != nil {
		s.Optional = m.optional(in, a)
	}
	if len(s.Schemes) == 0 {
		s.Schemes = []spec.Scheme{spec.OAuth2}
	}
	s.Schemes = slices.Clone(s.Schemes)
	if !slices.Contains(s.Schemes, spec.APIKey) {
		s.KeyHeader, s.KeyQuery = "", ""
	} else if s.KeyHeader == "" && s.KeyQuery == "" {
		s.KeyHeader, s.KeyQuery = "apikey", "apikey"
	}
	return s
}

// disabled: the operation's own word counts, then the API's, then x-auth-type.
func disabled(in *openapi.API, op *openapi.Operation) bool {
	switch {
	case op.DisableSecurity.Given:
		return op.DisableSecurity.Value
	case in.DisableSecurity.Given:
		return in.DisableSecurity.Value
	}
	return op.AuthNone.Value
}

// requirements gives the operation's `security` when it names a scheme that
// can be checked, else the API's.
func requirements(in *openapi.API, op *openapi.Operation) openapi.Requirements {
	for _, q := range []*openapi.Requirements{op.Security, in.Security} {
		if q != nil && len(q.Schemes) > 0 {
			return *q
		}
	}
	return openapi.Requirements{}
}

func scopes(in *openapi.API, op *openapi.Operation) []string {
	if op.Scope.Given {
		return []string{op.Scope.Value}
	}
	return requirements(in, op).Scopes
}

// appSecurity gives the operation's x-wso2-application-security when it says
// what is asked for, else the API's when that does.
func appSecurity(in *openapi.API, op *openapi.Operation, says func(*openapi.AppSecurity) bool) *openapi.AppSecurity {
	for _, a := range []*openapi.AppSecurity{op.AppSecurity, in.AppSecurity} {
		if a != nil && says(a) {
			return a
		}
	}
	return nil
}

// optional is legal only where a client certificate is mandatory.
func (m *maker) optional(in *openapi.API, a *openapi.AppSecurity) bool {
	if a.Optional.Value && in.MutualTLS.Value != "mandatory" {
		m.errorf(a.Optional.Place, "x-wso2-mutual-ssl: mandatory makes it legal",
			"application security cannot be optional where mutual TLS is not mandatory")
		return false
	}
	return a.Optional.Value
}
