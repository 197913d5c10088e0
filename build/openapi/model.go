package openapi

import (
	"encoding/json"

	"mgw/runtime/spec"
)

// Place is where something stands in a user's file.
type Place struct {
	File      string
	Line, Col int
}

// Text is a word of a definition and its place. Given tells an empty word from
// an absent one.
type Text struct {
	Value string
	Given bool
	Place
}

// Flag is a boolean of a definition.
type Flag struct {
	Value bool
	Given bool
	Place
}

// API is one definition.
type API struct {
	File    string
	Place   Place // its first line
	Title   Text
	Version Text

	// BasePath starts with a slash and ends without one; "" is the root. Given
	// is false when nothing names it.
	BasePath   Text
	Owner      Text
	AuthHeader Text
	MutualTLS  Text     // optional, mandatory
	Transports []string // nil when not given
	Webhooks   bool     // the definition has some: what it serves may be elsewhere
	CORS       *spec.CORS

	ResponseCache *spec.ResponseCache

	Settings
	Operations []Operation
	Schemas    []json.RawMessage // of the operations' messages
}

// Operation is one method of one path.
type Operation struct {
	Method string
	Path   string // as written, from the base path on
	Place  Place  // of the method
	Cut    bool   // Path lacks a fragment that the definition has
	Query  string // what it asks of the query, as in spec.Operation
	Scope  Text   // x-scope
	// AuthNone is x-auth-type: None.
	AuthNone Flag
	Messages *spec.OperationMessages // nil: says nothing that can be checked
	Settings
}

// Settings can stand at an API and at an operation.
type Settings struct {
	Production *Endpoint
	Sandbox    *Endpoint
	Servers    *Servers

	Tier            Text // the winner of x-wso2-throttling-tier and x-throttling-tier at its level
	ThrottlePolicy  Text
	MaxBackend      spec.BackendLimits
	DisableSecurity Flag
	AppSecurity     *AppSecurity
	Security        *Requirements // nil when there is no `security`
	Interceptors    Interceptors
}

// Endpoint is x-wso2-production-endpoints or x-wso2-sandbox-endpoints.
type Endpoint struct {
	spec.Endpoint
	Place Place
}

// Servers is `servers`, or host, basePath and schemes of Swagger 2.0.
type Servers struct {
	Place    Place
	First    string   // as written, variables replaced
	URLs     []string // absolute
	Relative []string // what has no host
}

// AppSecurity is x-wso2-application-security.
type AppSecurity struct {
	Place    Place
	Types    []spec.Scheme // nil when not given
	Optional Flag
}

// Requirements is `security`: any one of its schemes, any one of its scopes.
type Requirements struct {
	Place     Place
	Schemes   []spec.Scheme
	Scopes    []string
	KeyHeader string
	KeyQuery  string
}
