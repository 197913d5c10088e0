// Package spec is the contract between a build and a run: what a gateway
// serves, as plain data.
//
// The build fills a Gateway and embeds it as JSON; the runtime decodes it once
// at start. It has no behaviour beyond that coding, checks nothing, and imports
// nothing but the standard library.
package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Version of mgw and of the gateways that it builds.
const Version = "0.1.0"

// Format is raised when a Gateway's meaning changes so that an old runtime
// must not read it.
const Format = 1

// Gateway is everything that one executable serves.
type Gateway struct {
	Format    int        `json:"format"`
	Project   string     `json:"project"`
	APIs      []API      `json:"apis"`
	Endpoints []Endpoint `json:"endpoints"` // shared; referred to by index
	Policies  Policies   `json:"policies"`
	Schemas   []byte     `json:"schemas,omitempty"` // PackSchemas: for validation
	Code      string     `json:"code,omitempty"`    // digest of the interceptors' source; the executable's own follows it
}

// API is one definition document.
type API struct {
	ID   int    `json:"id"`   // index in Gateway.APIs
	File string `json:"file"` // where it came from, below the project

	Name        string `json:"name"`        // info.title
	Version     string `json:"version"`     // info.version
	ServiceName string `json:"serviceName"` // contract 2.1: what events call apiName
	Owner       string `json:"owner,omitempty"`

	// BasePath starts with a slash and ends without one; "" is the root.
	// Context is the base path as it stands in throttle keys ("/" for the root).
	BasePath string `json:"basePath"`
	Context  string `json:"context"`

	Tier           string   `json:"tier,omitempty"`           // API-level resource policy
	ThrottlePolicy string   `json:"throttlePolicy,omitempty"` // ipPolicies entry, or policies/NAME.xml
	Transports     []string `json:"transports"`               // http, https
	AuthHeader     string   `json:"authHeader,omitempty"`     // in place of the configured one
	MutualTLS      string   `json:"mutualTLS,omitempty"`      // "", optional, mandatory

	MaxBackend BackendLimits `json:"maxBackend,omitzero"`
	Operations []Operation   `json:"operations"`
	CORS       *CORS         `json:"cors,omitempty"`

	ResponseCache *ResponseCache `json:"responseCache,omitempty"`
}

// Operation is one method of one path template.
type Operation struct {
	ID     int    `json:"id"` // unique and dense over the whole Gateway
	Method string `json:"method"`
	Path   string `json:"path"` // template as written, from the base path on
	// Query tells operations of one method and path apart; most have none.
	// "?acl&type=a" asks for a parameter acl, whatever its value, and for a type
	// that is a. Names are sorted, both are form-encoded.
	Query string `json:"query,omitempty"`
	// KeyPath is the template as it stands in resource throttle keys: the
	// names rewritten as contract 2.6 describes.
	KeyPath string `json:"keyPath"`

	Tier           string        `json:"tier,omitempty"` // resource policy; "" is unlimited
	ThrottlePolicy string        `json:"throttlePolicy,omitempty"`
	Security       Security      `json:"security"`
	Production     int           `json:"production"` // index in Gateway.Endpoints; NoEndpoint
	Sandbox        int           `json:"sandbox"`
	MaxBackend     BackendLimits `json:"maxBackend,omitzero"`
	Interceptors   Interceptors  `json:"interceptors,omitzero"`
}

// NoEndpoint stands where an operation has no endpoint of a kind.
const NoEndpoint = -1

// Scheme is a kind of credential.
type Scheme string

const (
	OAuth2 Scheme = "oauth2" // bearer: JWT or opaque token
	Basic  Scheme = "basic"
	APIKey Scheme = "apikey"
)

// Security is what an operation asks of its caller (contract 2.5, resolved).
type Security struct {
	Disabled bool     `json:"disabled,omitempty"`
	Optional bool     `json:"optional,omitempty"` // only beside mandatory mutual TLS
	Schemes  []Scheme `json:"schemes,omitempty"`
	Scopes   []string `json:"scopes,omitempty"` // any one suffices
	// Where an API key is looked for; field names compare without case.
	KeyHeader string `json:"keyHeader,omitempty"`
	KeyQuery  string `json:"keyQuery,omitempty"`
}

// EndpointType is how the URLs of an Endpoint share the load.
type EndpointType string

const (
	HTTP        EndpointType = "http" // one URL
	LoadBalance EndpointType = "load_balance"
	Failover    EndpointType = "failover"
)

// Endpoint is a backend: contract 2.3.
type Endpoint struct {
	// Name is the key under x-wso2-endpoints, else the API's name and version;
	// NAME_prod_endpoint_0=URL overrides it at start (contract 1.8).
	Name     string            `json:"name,omitempty"`
	Type     EndpointType      `json:"type"`
	URLs     []string          `json:"urls"`
	Security *EndpointSecurity `json:"security,omitempty"`
	Advanced Advanced          `json:"advanced,omitzero"`

	Algorithm   Balance      `json:"algorithm,omitempty"`
	Weights     []int        `json:"weights,omitempty"` // one for each URL; none: all alike
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
}

// EndpointSecurity is the credential that the gateway shows the backend. Its
// password comes from the environment, never from a file.
type EndpointSecurity struct {
	Type     string `json:"type"` // basic
	Username string `json:"username"`
}

// Advanced is advanceEndpointConfig. Zero values mean the defaults of
// contract 2.3; times are in milliseconds.
type Advanced struct {
	TimeoutMillis  int             `json:"timeoutMillis,omitempty"`
	Retry          *Retry          `json:"retry,omitempty"`
	CircuitBreaker *CircuitBreaker `json:"circuitBreaker,omitempty"`
	Pool           *Pool           `json:"pool,omitempty"`
}

// Retry says when a failed attempt is made again.
type Retry struct {
	Count             int     `json:"count"`
	IntervalMillis    int     `json:"intervalMillis"`
	BackOffFactor     float64 `json:"backOffFactor"`
	MaxIntervalMillis int     `json:"maxIntervalMillis"`
	StatusCodes       []int   `json:"statusCodes,omitempty"`
}

// CircuitBreaker says when a backend is left alone for a while.
type CircuitBreaker struct {
	VolumeThreshold  int     `json:"volumeThreshold"`
	WindowMillis     int     `json:"windowMillis"`
	BucketMillis     int     `json:"bucketMillis"`
	FailureThreshold float64 `json:"failureThreshold"`
	ResetMillis      int     `json:"resetMillis"`
	StatusCodes      []int   `json:"statusCodes,omitempty"`
}

// Pool bounds the connections to a backend; -1 is unbounded.
type Pool struct {
	MaxActive  int `json:"maxActive"`
	MaxIdle    int `json:"maxIdle"`
	WaitMillis int `json:"waitMillis"`
	MaxStreams int `json:"maxStreams"`
}

// ResponseCache is x-wso2-response-cache, switched on.
type ResponseCache struct {
	// FallbackSeconds is how long an answer is kept that does not say so itself
	// (cacheTimeoutInSeconds); 0 keeps none of these.
	FallbackSeconds int `json:"fallbackSeconds,omitempty"`
}

// CORS is x-wso2-cors. No origin is allowed that AllowOrigins does not name;
// AllowHeaders and AllowMethods allow everything when they are nil, which is
// not the same as empty.
type CORS struct {
	AllowOrigins     []string `json:"allowOrigins"`
	AllowHeaders     []string `json:"allowHeaders"`
	AllowMethods     []string `json:"allowMethods"`
	ExposeHeaders    []string `json:"exposeHeaders,omitempty"`
	AllowCredentials bool     `json:"allowCredentials,omitempty"`
	MaxAge           int      `json:"maxAge,omitempty"` // seconds; 0: the browser's default
}

// Encode gives the bytes that a build embeds: the same for the same Gateway.
func Encode(g *Gateway) ([]byte, error) {
	return json.Marshal(g)
}

// Decode reads what Encode wrote. It refuses another format and unknown
// fields: both mean that build and runtime are not of one version.
func Decode(data []byte) (*Gateway, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	g := new(Gateway)
	if err := dec.Decode(g); err != nil {
		return nil, fmt.Errorf("decoding the embedded gateway: %w", err)
	}
	if g.Format != Format {
		return nil, fmt.Errorf("decoding the embedded gateway: format %d, this runtime reads %d", g.Format, Format)
	}
	return g, nil
}
