package openapi

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"mgw/build/project"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// definition is a small one with lines put in: api at line 4, op at line 7,
// column 7, or below the lines of api.
func definition(api, op string) string {
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: Pets, version: 1.0.0}\nservers: [{url: https://pets.example/v1}]\n")
	if api != "" {
		b.WriteString(api + "\n")
	}
	b.WriteString("paths:\n  /pet/{id}:\n    get:\n")
	if op != "" {
		b.WriteString("      " + strings.ReplaceAll(op, "\n", "\n      ") + "\n")
	}
	return b.String()
}

func readText(t *testing.T, text string) ([]API, diag.List) {
	t.Helper()
	return readFiles(t, "a.yaml", text)
}

// readFiles reads pairs of name and text.
func readFiles(t *testing.T, pairs ...string) ([]API, diag.List) {
	t.Helper()
	var docs []project.Document
	for i := 0; i < len(pairs); i += 2 {
		doc, l := project.Parse(pairs[i], []byte(pairs[i+1]))
		if doc.Root == nil {
			t.Fatalf("%s: %v", pairs[i], l)
		}
		docs = append(docs, doc)
	}
	apis, l := Read(docs, Options{})
	l.Sort()
	return apis, l
}

// readOne reads a definition that is right.
func readOne(t *testing.T, text string) API {
	t.Helper()
	apis, l := readText(t, text)
	if len(l) > 0 || len(apis) != 1 {
		t.Fatalf("%d APIs, problems: %v", len(apis), l)
	}
	return apis[0]
}

// printed gives a list as tests compare it: with hints, a line each.
func printed(l diag.List) string {
	var lines []string
	for _, p := range l {
		line := p.String()
		if p.Hint != "" {
			line += " | " + p.Hint
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestSettingsAtBothLevels(t *testing.T) {
	tests := []struct {
		name, text string
		check      func(s Settings) bool
	}{
		{"production endpoints", "x-wso2-production-endpoints: {urls: [https://a.example/]}", func(s Settings) bool {
			return reflect.DeepEqual(s.Production.Endpoint, spec.Endpoint{Type: spec.HTTP, URLs: []string{"https://a.example"}})
		}},
		{"several urls share the load", "x-wso2-sandbox-endpoints: {urls: [https://a.example, http://b.example:81/x]}", func(s Settings) bool {
			return reflect.DeepEqual(s.Sandbox.Endpoint, spec.Endpoint{Type: spec.LoadBalance, URLs: []string{"https://a.example", "http://b.example:81/x"}})
		}},
		{"failover", "x-wso2-production-endpoints: {type: failover, urls: [https://a.example, https://b.example]}", func(s Settings) bool {
			return s.Production.Type == spec.Failover
		}},
		{"one url is never failover", "x-wso2-production-endpoints: {type: failover, urls: [https://a.example]}", func(s Settings) bool {
			return s.Production.Type == spec.HTTP
		}},
		{"weights and algorithm", "x-wso2-production-endpoints: {urls: [https://a.example, https://b.example], weights: [3, 1], algorithm: leastRequests}", func(s Settings) bool {
			return reflect.DeepEqual(s.Production.Weights, []int{3, 1}) && s.Production.Algorithm == spec.LeastRequests
		}},
		{"a service", "x-wso2-production-endpoints: {urls: ['srv+https://_api._tcp.service.consul/v1'], algorithm: leastRequests}", func(s Settings) bool {
			return s.Production.URLs[0] == "srv+https://_api._tcp.service.consul/v1" && s.Production.Algorithm == spec.LeastRequests
		}},
		{"health check", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {path: '/health?full', statusCodes: [204], unhealthyThreshold: 1}}", func(s Settings) bool {
			return reflect.DeepEqual(s.Production.HealthCheck, &spec.HealthCheck{
				Path: "/health?full", IntervalMillis: 10_000, TimeoutMillis: 2000, Healthy: 2, Unhealthy: 1, StatusCodes: []int{204},
			})
		}},
		{"endpoint security", "x-wso2-production-endpoints: {urls: [https://a.example], securityConfig: {type: BASIC, username: me}}", func(s Settings) bool {
			return *s.Production.Security == spec.EndpointSecurity{Type: "basic", Username: "me"}
		}},
		{"advanced", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {timeoutInMillis: 500, " +
			"retryConfig: {count: 3, intervalInMillis: 10, backOffFactor: 1.5, maxWaitIntervalInMillis: 99, statusCodes: [502, 503]}, " +
			"circuitBreaker: {rollingWindow: {requestVolumeThreshold: 2}, failureThreshold: 0.5, resetTimeInMillis: 7}, poolConfig: {maxActiveConnections: 0}}}",
			func(s Settings) bool {
				return reflect.DeepEqual(s.Production.Advanced, spec.Advanced{
					TimeoutMillis:  500,
					Retry:          &spec.Retry{Count: 3, IntervalMillis: 10, BackOffFactor: 1.5, MaxIntervalMillis: 99, StatusCodes: []int{502, 503}},
					CircuitBreaker: &spec.CircuitBreaker{VolumeThreshold: 2, WindowMillis: 60000, BucketMillis: 10000, FailureThreshold: 0.5, ResetMillis: 7},
					Pool:           &spec.Pool{MaxActive: -1, MaxIdle: 100, WaitMillis: 30000, MaxStreams: 50},
				})
			}},
		{"tier", "x-wso2-throttling-tier: Gold", func(s Settings) bool { return s.Tier.Value == "Gold" }},
		{"manager's tier", "x-throttling-tier: 10", func(s Settings) bool { return s.Tier.Value == "10" }},
		{"throttle policy", "x-mgw-throttle-policy: office", func(s Settings) bool { return s.ThrottlePolicy.Value == "office" }},
		{"security off", "x-wso2-disable-security: true", func(s Settings) bool { return s.DisableSecurity.Given && s.DisableSecurity.Value }},
		{"security on", "x-wso2-disable-security: false", func(s Settings) bool { return s.DisableSecurity.Given && !s.DisableSecurity.Value }},
		{"application security", "x-wso2-application-security: {security-types: [api_key, basic_auth, oauth2], optional: false}", func(s Settings) bool {
			return reflect.DeepEqual(s.AppSecurity.Types, []spec.Scheme{spec.APIKey, spec.Basic, spec.OAuth2}) && s.AppSecurity.Optional.Given
		}},
		{"backend throughput", "x-mgw-max-backend-throughput: {production: {count: 5, timeUnit: sec}, sandbox: {count: 9, unitTime: 2, timeUnit: HOUR, shape: smooth, maxWaitInMillis: 50}}",
			func(s Settings) bool {
				return s.MaxBackend == spec.BackendLimits{
					Production: spec.BackendLimit{Count: 5, Window: time.Second},
					Sandbox:    spec.BackendLimit{Count: 9, Window: 2 * time.Hour, Smooth: true, MaxWait: 50 * time.Millisecond},
				}
			}},
		{"calls in flight", "x-mgw-max-concurrent-backend: {production: 5, sandbox: {count: 7}}", func(s Settings) bool {
			return s.MaxBackend.Production.MaxConcurrent == 5 && s.MaxBackend.Sandbox.MaxConcurrent == 7
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if api := readOne(t, definition(tt.text, "")); !tt.check(api.Settings) {
				t.Errorf("API: %+v", api.Settings)
			}
			if api := readOne(t, definition("", tt.text)); !tt.check(api.Operations[0].Settings) {
				t.Errorf("operation: %+v", api.Operations[0].Settings)
			}
		})
	}
}

func TestSettingsOfTheAPI(t *testing.T) {
	tests := []struct {
		name, text string
		check      func(a API) bool
	}{
		{"base path", "x-wso2-basePath: pets/{version}/", func(a API) bool { return a.BasePath.Value == "/pets/1.0.0" && a.BasePath.Line == 4 }},
		{"base path of all", "x-wso2-basePath: /*", func(a API) bool { return a.BasePath.Value == "" && a.BasePath.Given }},
		{"base path of the server", "", func(a API) bool { return a.BasePath.Value == "/v1" && a.BasePath.Line == 3 }},
		{"owner", "x-wso2-owner: ann", func(a API) bool { return a.Owner.Value == "ann" }},
		{"auth header", "x-wso2-auth-header: X-Token", func(a API) bool { return a.AuthHeader.Value == "X-Token" }},
		{"mutual TLS", "x-wso2-mutual-ssl: Mandatory", func(a API) bool { return a.MutualTLS.Value == "mandatory" }},
		{"transports", "x-wso2-transports: [https, https]", func(a API) bool { return reflect.DeepEqual(a.Transports, []string{"https"}) }},
		{"no transports", "", func(a API) bool { return a.Transports == nil }},
		{"cors", "x-wso2-cors: {accessControlAllowOrigins: [https://a.example], access-control-allow-headers: [X-A], access_control_allow_methods: [GET], " +
			"accessControlExposeHeaders: [X-B], access-control-allow-credentials: true, access-control-max-age: 600, corsConfigurationEnabled: false}", func(a API) bool {
			return reflect.DeepEqual(*a.CORS, spec.CORS{AllowOrigins: []string{"https://a.example"}, AllowHeaders: []string{"X-A"},
				AllowMethods: []string{"GET"}, ExposeHeaders: []string{"X-B"}, AllowCredentials: true, MaxAge: 600})
		}},
		{"cache", "x-wso2-response-cache: {enabled: true, cacheTimeoutInSeconds: 30}", func(a API) bool { return *a.ResponseCache == spec.ResponseCache{FallbackSeconds: 30} }},
		{"cache that is off", "x-wso2-response-cache: {enabled: false, cacheTimeoutInSeconds: 30}", func(a API) bool { return a.ResponseCache == nil }},
		{"named endpoints", "x-wso2-endpoints:\n- main: {urls: [https://a.example]}\n- spare: {urls: [https://b.example]}\nx-wso2-production-endpoints: '#/x-wso2-endpoints/spare'",
			func(a API) bool {
				return reflect.DeepEqual(a.Production.Endpoint, spec.Endpoint{Name: "spare", Type: spec.HTTP, URLs: []string{"https://b.example"}})
			}},
		{"at an API the gateway's tier wins", "x-throttling-tier: Gold\nx-wso2-throttling-tier: Silver", func(a API) bool { return a.Tier.Value == "Silver" }},
		{"other extensions", "x-logo: {url: a}\nx-amazon-apigateway: 1", func(a API) bool { return true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if api := readOne(t, definition(tt.text, "")); !tt.check(api) {
				t.Errorf("%+v", api)
			}
		})
	}
}

func TestSettingsOfAnOperation(t *testing.T) {
	tests := []struct {
		name, text string
		check      func(o Operation) bool
	}{
		{"what and where", "", func(o Operation) bool {
			return o.Method == "GET" && o.Path == "/pet/{id}" && o.Place == Place{"a.yaml", 6, 5}
		}},
		{"scope", "x-scope: read:pets", func(o Operation) bool { return o.Scope.Value == "read:pets" }},
		{"no authentication", "x-auth-type: None", func(o Operation) bool { return o.AuthNone.Value }},
		{"other authentication", "x-auth-type: Application & Application User", func(o Operation) bool { return !o.AuthNone.Value }},
		{"at an operation the manager's tier wins", "x-throttling-tier: Gold\nx-wso2-throttling-tier: Silver", func(o Operation) bool { return o.Tier.Value == "Gold" }},
		{"servers", "servers: [{url: https://up.example}]", func(o Operation) bool { return reflect.DeepEqual(o.Servers.URLs, []string{"https://up.example"}) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if api := readOne(t, definition("", tt.text)); !tt.check(api.Operations[0]) {
				t.Errorf("%+v", api.Operations[0])
			}
		})
	}
}
