package openapi

import (
	"strings"
	"testing"

	"mgw/runtime/diag"
)

func TestMistakesHaveOnePlainLineWithItsPlace(t *testing.T) {
	tests := []struct{ name, api, op, want string }{
		{"unknown extension", "x-wso2-basepath: /a", "",
			`a.yaml:4:1: warning: unknown extension x-wso2-basepath: it has no effect | did you mean "x-wso2-basePath"?`},
		{"unknown extension of an operation", "", "x-mgw-throttle-polcy: a",
			`a.yaml:7:7: warning: unknown extension x-mgw-throttle-polcy: it has no effect | did you mean "x-mgw-throttle-policy"?`},
		{"at the wrong level", "x-scope: a", "x-wso2-basePath: /a",
			"a.yaml:4:1: warning: x-scope has no effect at the top: it belongs to an operation\n" +
				"a.yaml:8:7: warning: x-wso2-basePath has no effect at an operation: it belongs to the top of the definition"},
		{"an interceptor in Java", "x-wso2-request-interceptor: java:org.acme.Check", "",
			"a.yaml:4:29: x-wso2-request-interceptor: java:org.acme.Check is a Java class, which this gateway cannot run | " +
				"write it in Go as an exported function of interceptors/*.go, and name that: docs/interceptors.md"},
		{"an interceptor in Ballerina", "", "x-wso2-response-interceptor: acme/mod/1.0.0:check",
			"a.yaml:7:36: x-wso2-response-interceptor: acme/mod/1.0.0:check is a function of a Ballerina module, which this gateway cannot run | " +
				"write it in Go as an exported function of interceptors/*.go, and name that: docs/interceptors.md"},
		{"an interceptor that is not exported", "x-mgw-classify: check", "",
			"a.yaml:4:17: x-mgw-classify: the function check is not exported: its name must start with a capital letter | " +
				"call it Check, here and in interceptors/*.go"},
		{"an interceptor that is no function", "x-mgw-classify: Check()", "",
			`a.yaml:4:17: x-mgw-classify: "Check()" is not the name of a Go function | ` +
				"write it in Go as an exported function of interceptors/*.go, and name that: docs/interceptors.md"},
		{"interceptors that are a list", "", "x-wso2-request-interceptor: [A, B]",
			"a.yaml:7:35: x-wso2-request-interceptor must be a word, not a list"},
		{"cache", "x-wso2-response-cache: {enabled: yes please, seconds: 1}", "",
			`a.yaml:4:34: enabled must be true or false, not "yes please"` + "\n" +
				`a.yaml:4:46: x-wso2-response-cache has no field "seconds" | known are enabled, cacheTimeoutInSeconds`},

		{"base path with a parameter", "x-wso2-basePath: /a/{tenant}", "",
			`a.yaml:4:18: x-wso2-basePath: "/a/{tenant}" has a parameter: only {version} is replaced | x-wso2-basePath: /NAME/{version}`},
		{"base path with a query", "x-wso2-basePath: /a?b", "",
			`a.yaml:4:18: x-wso2-basePath: "/a?b" contains one of ? # * | x-wso2-basePath: /NAME/{version}`},
		{"base path with dots", "x-wso2-basePath: /a/../b", "",
			`a.yaml:4:18: x-wso2-basePath: "/a/../b" has a dot segment: such requests are refused | x-wso2-basePath: /NAME/{version}`},
		{"base path with two slashes", "x-wso2-basePath: /a//b", "",
			`a.yaml:4:18: x-wso2-basePath: "/a//b" has an empty segment | x-wso2-basePath: /NAME/{version}`},
		{"base path with a space", "x-wso2-basePath: /a b", "",
			`a.yaml:4:18: x-wso2-basePath: "/a b" contains a space or backslash | x-wso2-basePath: /NAME/{version}`},
		{"base path that is a list", "x-wso2-basePath: [/a]", "",
			`a.yaml:4:18: x-wso2-basePath must be a word, not a list`},

		{"endpoints that are a list", "x-wso2-production-endpoints: [https://a.example]", "",
			"a.yaml:4:30: x-wso2-production-endpoints must be a mapping, not a list"},
		{"endpoints that are a URL", "", "x-wso2-sandbox-endpoints: https://a.example",
			`a.yaml:7:33: x-wso2-sandbox-endpoints must be a mapping with urls, or #/x-wso2-endpoints/NAME, not "https://a.example" | write x-wso2-sandbox-endpoints: {urls: [https://a.example]}`},
		{"endpoints without urls", "x-wso2-production-endpoints: {type: http}", "",
			"a.yaml:4:30: x-wso2-production-endpoints has no urls"},
		{"endpoints with an empty list", "x-wso2-production-endpoints: {urls: []}", "",
			"a.yaml:4:37: urls must be a list of at least one URL, not a list"},
		{"endpoints with an unknown field", "x-wso2-production-endpoints: {url: [https://a.example], urls: [https://a.example]}", "",
			`a.yaml:4:31: x-wso2-production-endpoints has no field "url" | did you mean "urls"?`},
		{"unknown type", "x-wso2-production-endpoints: {type: loadbalance, urls: [https://a.example]}", "",
			`a.yaml:4:37: type must be one of http, load_balance, failover, not "loadbalance" | did you mean "load_balance"?`},
		{"type http with two urls", "x-wso2-production-endpoints: {type: http, urls: [https://a.example, https://b.example]}", "",
			"a.yaml:4:37: warning: type http uses only the first of 2 urls | type: load_balance or failover use all"},
		{"url without scheme", "x-wso2-production-endpoints: {urls: [a.example/v1]}", "",
			`a.yaml:4:38: url "a.example/v1" must start with http:// or https:// (for HTTP/2 without TLS and gRPC: h2c://, grpc:// or grpcs://)`},
		{"url with a variable", "x-wso2-production-endpoints: {urls: ['https://{host}/v1']}", "",
			`a.yaml:4:38: url "https://{host}/v1" has a variable without a value`},
		{"url with a query", "x-wso2-production-endpoints: {urls: ['https://a.example/?x=1']}", "",
			`a.yaml:4:38: url "https://a.example/?x=1" has a query or fragment`},
		{"url with a credential, which is not shown", "x-wso2-production-endpoints: {urls: ['https://me:secret@a.example']}", "",
			`a.yaml:4:38: url "https://***@a.example" holds a credential: use securityConfig`},
		{"url of service discovery", "x-wso2-production-endpoints: {urls: ['etcd(pets,https://a.example)']}", "",
			"a.yaml:4:38: etcd is not supported: write the URL itself, or srv+http://NAME for the SRV records of a name"},
		{"service with a port", "x-wso2-production-endpoints: {urls: ['srv+http://_api._tcp.example:80/x']}", "",
			`a.yaml:4:38: url "srv+http://_api._tcp.example:80/x" must name SRV records, which have the hosts and ports`},
		{"service with an address", "x-wso2-production-endpoints: {urls: ['srv+http://10.0.0.1']}", "",
			`a.yaml:4:38: url "srv+http://10.0.0.1" must name SRV records, which have the hosts and ports`},
		{"service of an unknown protocol", "x-wso2-production-endpoints: {urls: ['srv+ftp://a.example']}", "",
			`a.yaml:4:38: url "srv+ftp://a.example" must start with http:// or https:// (for HTTP/2 without TLS and gRPC: h2c://, grpc:// or grpcs://)`},
		{"fewer weights than urls", "x-wso2-production-endpoints: {urls: [https://a.example, https://b.example], weights: [3]}", "",
			"a.yaml:4:86: weights are for all urls or for none: 1 for 2"},
		{"weights that are none", "x-wso2-production-endpoints: {urls: [https://a.example, https://b.example], weights: [0, 1.5]}", "",
			"a.yaml:4:87: a weight must be a whole number from 1 to 1000, not 0\na.yaml:4:90: a weight must be a whole number from 1 to 1000, not 1.5"},
		{"weights of failover", "x-wso2-production-endpoints: {urls: [https://a.example, https://b.example], type: failover, weights: [3, 1]}", "",
			"a.yaml:4:102: warning: weights have no effect: one url at a time is used"},
		{"weight of a service", "x-wso2-production-endpoints: {urls: [https://a.example, 'srv+https://b.example'], weights: [3, 2]}", "",
			"a.yaml:4:96: the weight of a srv+ url must be 1: its records have weights of their own"},
		{"unknown algorithm", "x-wso2-production-endpoints: {urls: [https://a.example, https://b.example], algorithm: leastRequest}", "",
			`a.yaml:4:88: algorithm must be roundRobin or leastRequests, not "leastRequest" | did you mean "leastRequests"?`},
		{"algorithm for one url", "x-wso2-production-endpoints: {urls: [https://a.example], algorithm: leastRequests}", "",
			"a.yaml:4:69: warning: algorithm has no effect: one url at a time is used"},
		{"health check without path", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {}}", "",
			"a.yaml:4:71: healthCheck needs a path"},
		{"health check with a URL", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {path: 'https://a.example/health'}}", "",
			`a.yaml:4:78: path must be a path that starts with a slash, not "https://a.example/health"`},
		{"unknown field of a health check", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {path: /, interval: 5}}", "",
			`a.yaml:4:81: healthCheck has no field "interval" | known are path, intervalInMillis, timeoutInMillis, healthyThreshold, unhealthyThreshold, statusCodes`},
		{"health check that takes longer than its interval", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {path: /, intervalInMillis: 500, timeoutInMillis: 501}}", "",
			"a.yaml:4:121: timeoutInMillis (501) must not exceed intervalInMillis (500)"},
		{"health checks too often", "x-wso2-production-endpoints: {urls: [https://a.example], healthCheck: {path: /, intervalInMillis: 5}}", "",
			"a.yaml:4:99: intervalInMillis must be a whole number from 100 to 2147483647, not 5"},
		{"health check of gRPC", "x-wso2-production-endpoints: {urls: [grpc://a.example], healthCheck: {path: /}}", "",
			"a.yaml:4:70: healthCheck asks over HTTP/1.1, which grpc:// excludes"},
		{"more buckets than memory", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {circuitBreaker: {rollingWindow: {bucketSizeInMillis: 1}}}}", "",
			"a.yaml:4:114: the rolling window has 60000 buckets: at most 1000 are supported | a longer bucketSizeInMillis, or a shorter timeWindowInMillis"},
		{"undefined reference", "x-wso2-endpoints:\n- main: {urls: [https://a.example]}\nx-wso2-production-endpoints: '#/x-wso2-endpoints/mian'", "",
			`a.yaml:6:30: x-wso2-production-endpoints: x-wso2-endpoints has no endpoint "mian" | did you mean "main"?`},
		{"named endpoints that are a mapping", "x-wso2-endpoints: {main: {urls: [https://a.example]}}", "",
			`a.yaml:4:19: x-wso2-endpoints must be a list of "- NAME: {urls: [...]}", not a mapping`},
		{"named endpoint twice", "x-wso2-endpoints:\n- main: {urls: [https://a.example]}\n- main: {urls: [https://b.example]}", "",
			`a.yaml:6:3: endpoint "main" is already at line 5, column 3`},
		{"reference to a wrong endpoint is not a second mistake", "x-wso2-endpoints:\n- main: {urls: []}\nx-wso2-production-endpoints: '#/x-wso2-endpoints/main'", "",
			"a.yaml:5:16: urls must be a list of at least one URL, not a list"},

		{"security of another type", "x-wso2-production-endpoints: {urls: [https://a.example], securityConfig: {type: digest, username: a}}", "",
			"a.yaml:4:81: securityConfig needs type: basic"},
		{"security without user", "x-wso2-production-endpoints: {urls: [https://a.example], securityConfig: {type: basic}}", "",
			"a.yaml:4:74: securityConfig needs a username"},
		{"password", "x-wso2-production-endpoints: {urls: [https://a.example], securityConfig: {type: basic, username: a, password: b}}", "",
			"a.yaml:4:101: warning: a password in a definition is ignored: it comes from the environment at start"},
		{"unknown advanced field", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {timeoutInMilis: 5}}", "",
			`a.yaml:4:82: advanceEndpointConfig has no field "timeoutInMilis" | did you mean "timeoutInMillis"?`},
		{"time-out that is none", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {timeoutInMillis: 60s}}", "",
			`a.yaml:4:99: timeoutInMillis must be a whole number from 1 to 2147483647, not "60s"`},
		{"time-out below zero", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {timeoutInMillis: -1}}", "",
			"a.yaml:4:99: timeoutInMillis must be a whole number from 1 to 2147483647, not -1"},
		{"too many retries", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {retryConfig: {count: 1000}}}", "",
			"a.yaml:4:103: count must be at most 100, not 1000"},
		{"status code that is none", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {retryConfig: {count: 1, statusCodes: [5xx]}}}", "",
			`a.yaml:4:120: a status code must be a number from 100 to 599, not "5xx"`},
		{"breaker threshold above one", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {circuitBreaker: {failureThreshold: 50}}}", "",
			"a.yaml:4:117: failureThreshold must be a number from 0 to 1, not 50"},
		{"bucket longer than its window", "x-wso2-production-endpoints: {urls: [https://a.example], advanceEndpointConfig: {circuitBreaker: {rollingWindow: {timeWindowInMillis: 5}}}}", "",
			"a.yaml:4:135: bucketSizeInMillis (10000) must not exceed timeWindowInMillis (5)"},

		{"tier that is a mapping", "x-wso2-throttling-tier: {name: Gold}", "", "a.yaml:4:25: x-wso2-throttling-tier must be a word, not a mapping"},
		{"tier that is empty", "", "x-throttling-tier: ''", "a.yaml:7:26: x-throttling-tier is empty"},
		{"throttle policy that is a list", "", "x-mgw-throttle-policy: [a]", "a.yaml:7:30: x-mgw-throttle-policy must be a word, not a list"},
		{"security switch that is a word", "x-wso2-disable-security: 'true'", "", `a.yaml:4:26: x-wso2-disable-security must be true or false, not "true"`},
		{"authentication type in small letters", "", "x-auth-type: none", `a.yaml:7:20: warning: x-auth-type "none" has no effect | did you mean "None"?`},
		{"scope that is a list", "", "x-scope: [a, b]", "a.yaml:7:16: x-scope must be a word, not a list"},
		{"unknown security type", "x-wso2-application-security: {security-types: [oauth]}", "",
			`a.yaml:4:48: an item of security-types must be one of oauth2, basic_auth, api_key, not "oauth" | did you mean "oauth2"?`},
		{"security types that are a word", "x-wso2-application-security: {security-types: oauth2}", "",
			`a.yaml:4:47: security-types must be a list of oauth2, basic_auth, api_key, not "oauth2"`},
		{"optional that is a word", "x-wso2-application-security: {optional: maybe}", "", `a.yaml:4:41: optional must be true or false, not "maybe"`},
		{"mutual TLS", "x-wso2-mutual-ssl: manditory", "", `a.yaml:4:20: x-wso2-mutual-ssl must be optional or mandatory, not "manditory" | did you mean "mandatory"?`},
		{"transport", "x-wso2-transports: [http, htps]", "", `a.yaml:4:27: an item of x-wso2-transports must be http or https, not "htps" | did you mean "https"?`},
		{"transports that are a word", "x-wso2-transports: https", "", `a.yaml:4:20: x-wso2-transports must be a list of http and https, not "https"`},
		{"auth header", "x-wso2-auth-header: 'X Token'", "", `a.yaml:4:21: x-wso2-auth-header: "X Token" is not the name of a header`},
		{"owner that is nothing", "x-wso2-owner:", "", "a.yaml:4:14: x-wso2-owner must be a word, not nothing"},
		{"cors that is a switch", "x-wso2-cors: true", "", "a.yaml:4:14: x-wso2-cors must be a mapping, not true"},
		{"cors field", "x-wso2-cors: {accessControlAllowOrigin: ['*']}", "",
			`a.yaml:4:15: x-wso2-cors has no field "accessControlAllowOrigin" | did you mean "accessControlAllowOrigins"?`},
		{"cors for everybody", "x-wso2-cors: {accessControlAllowOrigins: ['*'], accessControlAllowCredentials: true}", "",
			"a.yaml:4:14: warning: x-wso2-cors lets every web site act with its visitors' credentials | name the origins in accessControlAllowOrigins in place of *"},
		{"cors for nobody", "x-wso2-cors: {accessControlAllowMethods: [GET]}", "",
			"a.yaml:4:14: warning: x-wso2-cors allows no origin | name them in accessControlAllowOrigins: scheme://host[:port], or *"},
		{"cors origin without scheme", "x-wso2-cors: {accessControlAllowOrigins: [a.example]}", "",
			`a.yaml:4:43: warning: no browser sends the origin "a.example" | an origin is scheme://host[:port] in lower case, with nothing behind it`},
		{"cors origin with a path", "x-wso2-cors: {accessControlAllowOrigins: [https://a.example/]}", "",
			`a.yaml:4:43: warning: no browser sends the origin "https://a.example/" | an origin is scheme://host[:port] in lower case, with nothing behind it`},
		{"cors header that is none", "x-wso2-cors: {accessControlAllowOrigins: [https://a.example], accessControlAllowHeaders: ['X-A, X-B']}", "",
			`a.yaml:4:91: accessControlAllowHeaders: "X-A, X-B" is not a name`},
		{"cors age that is a word", "x-wso2-cors: {accessControlAllowOrigins: [https://a.example], accessControlMaxAge: 1h}", "",
			`a.yaml:4:84: accessControlMaxAge must be a whole number from 0 to 2147483647, not "1h"`},
		{"cors list", "x-wso2-cors: {accessControlAllowOrigins: '*'}", "", `a.yaml:4:42: accessControlAllowOrigins must be a list, not "*"`},

		{"throughput without count", "x-mgw-max-backend-throughput: {production: {timeUnit: sec}}", "",
			"a.yaml:4:44: x-mgw-max-backend-throughput needs a count"},
		{"throughput unit", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: second}}", "",
			`a.yaml:4:65: timeUnit must be one of sec, min, hour, day, not "second" | known are sec, min, hour, day`},
		{"throughput of nothing", "x-mgw-max-backend-throughput: {production: {count: 0, timeUnit: sec}}", "",
			"a.yaml:4:52: count must be a whole number from 1 to 2147483647, not 0"},
		{"throughput shape", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: sec, shape: smoth}}", "",
			`a.yaml:4:77: shape must be window or smooth, not "smoth" | did you mean "smooth"?`},
		{"throughput window", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: day, unitTime: 400}}", "",
			"a.yaml:4:80: unitTime: a window of more than a year"},
		{"throughput that waits long", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: sec, maxWaitInMillis: 10001}}", "",
			"a.yaml:4:87: maxWaitInMillis must be at most 10000, not 10001"},
		{"throughput that waits with a unit", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: sec, maxWaitInMillis: 50ms}}", "",
			`a.yaml:4:87: maxWaitInMillis must be a whole number from 0 to 2147483647, not "50ms"`},
		{"throughput that waits by another name", "x-mgw-max-backend-throughput: {production: {count: 1, timeUnit: sec, maxWait: 50}}", "",
			`a.yaml:4:70: x-mgw-max-backend-throughput has no field "maxWait" | known are count, unitTime, timeUnit, shape, maxWaitInMillis`},
		{"throughput of another kind", "x-mgw-max-backend-throughput: {prod: {count: 1, timeUnit: sec}}", "",
			`a.yaml:4:32: x-mgw-max-backend-throughput has no field "prod" | known are production, sandbox`},
		{"throughput of no kind", "x-mgw-max-backend-throughput: {}", "", "a.yaml:4:31: x-mgw-max-backend-throughput names neither production nor sandbox"},
		{"calls in flight", "x-mgw-max-concurrent-backend: {production: many}", "",
			`a.yaml:4:44: x-mgw-max-concurrent-backend must be a whole number from 1 to 2147483647, not "many"`},

		{"requirements that are a mapping", "security: {key: []}", "", "a.yaml:4:11: security must be a list, not a mapping"},
		{"requirement that is a word", "security: [key]", "", `a.yaml:4:12: an item of security must be a mapping from a scheme to its scopes, not "key"`},
		{"undefined scheme", "", "security: [{oath: [a]}]", `a.yaml:7:17: warning: security scheme "oath" is not defined: taken as oauth2`},
		{"security that asks for nothing", "", "security: []",
			"a.yaml:7:17: warning: security: a caller without credentials is refused all the same | x-wso2-disable-security: true opens an operation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l := readText(t, definition(tt.api, tt.op))
			if got := printed(l); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestMistakesOfDefinitions(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: Pets, version: 1.0.0}\nservers: [{url: https://a.example/v1}]\n"
	tests := []struct{ name, in, want string }{
		{"openapi 4", "openapi: 4.0.0\n", `a.yaml:1:10: openapi: "4.0.0" is not a version that can be read | OpenAPI 3.0 and 3.1 (openapi: 3.0.3) and Swagger 2.0 (swagger: "2.0") can`},
		{"swagger 1.2", "swagger: 1.2\n", `a.yaml:1:10: swagger: 1.2 is not a version that can be read | OpenAPI 3.0 and 3.1 (openapi: 3.0.3) and Swagger 2.0 (swagger: "2.0") can`},
		{"neither", "asyncapi: 2.0.0\n", `a.yaml:1:1: is no definition: it has neither "openapi" nor "swagger" at the top`},
		{"only a fragment", "a: {$ref: a.yaml}\n", `a.yaml:1:1: is no definition: it has neither "openapi" nor "swagger" at the top`},
		{"a list", "[1]", `a.yaml:1:1: is no definition: it has neither "openapi" nor "swagger" at the top`},
		{"no title and no version", "openapi: 3.0.0\ninfo: {}\nservers: [{url: https://a.example/v1}]\n",
			"a.yaml:2:7: warning: info.title is missing: the API is called \"a\", after the file\n" +
				"a.yaml:2:7: warning: info.version is missing: taken as 1.0.0"},
		{"title with a line break", "openapi: 3.0.0\ninfo: {title: \"a\\nb\", version: 1}\nservers: [{url: https://a.example/v1}]\n",
			"a.yaml:2:15: info.title contains a control character"},
		{"no base path", "openapi: 3.0.0\ninfo: {title: a, version: 1}\n", "a.yaml:1:1: warning: has no base path: served at / | x-wso2-basePath: /NAME/{version}"},
		{"server with a variable in its path", "openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: [{url: 'https://a.example/{tenant}'}]\n",
			`a.yaml:3:10: the path of the server: "/{tenant}" has a parameter: only {version} is replaced | x-wso2-basePath: /NAME/{version}`},
		{"servers that are a mapping", "openapi: 3.0.0\ninfo: {title: a, version: 1}\nservers: {url: https://a.example}\nx-wso2-basePath: /a\n",
			"a.yaml:3:10: servers must be a list, not a mapping"},
		{"host with a path", "swagger: '2.0'\ninfo: {title: a, version: 1}\nhost: a.example/v1\nbasePath: /v1\n",
			`a.yaml:3:7: host must be a name and perhaps a port, not "a.example/v1"`},
		{"paths that are a list", head + "paths: []\n", "a.yaml:4:8: paths must be a mapping, not a list"},
		{"path that is a word", head + "paths:\n  /a: get\n", `a.yaml:5:7: path /a must be a mapping of methods, not "get"`},
		{"operation that is a list", head + "paths:\n  /a:\n    get: []\n", "a.yaml:6:10: get of path /a must be a mapping, not a list"},
		{"mistyped method", head + "paths:\n  /a:\n    gte: {}\n", `a.yaml:6:5: warning: "gte" is no method: it has no effect | did you mean "get"?`},
		{"trace", head + "paths:\n  /a:\n    trace: {}\n", "a.yaml:6:5: warning: method TRACE is not served"},
		{"extension at a path", head + "paths:\n  /a:\n    x-wso2-throttling-tier: Gold\n",
			"a.yaml:6:5: warning: x-wso2-throttling-tier has no effect at a path: it belongs to the top of the definition or an operation"},
		{"extension in info", "openapi: 3.0.0\ninfo: {title: a, version: 1, x-wso2-basePath: /a}\nservers: [{url: https://a.example/v1}]\n",
			"a.yaml:2:30: warning: x-wso2-basePath has no effect at info: it belongs to the top of the definition"},
		{"path without slash", head + "paths:\n  a: {}\n", `a.yaml:5:3: warning: path "a" does not start with a slash: served at "/a"`},
		{"path with a query", head + "paths:\n  /a?b=1: {}\n", ""},
		{"path that asks for a parameter twice", head + "paths:\n  /a?b=1&b=2: {}\n", `a.yaml:5:3: warning: the query asks for "b" twice: only the first counts`},
		{"path with a fragment", head + "paths:\n  /a?b=1#c: {}\n  /c#d: {}\n",
			`a.yaml:5:3: warning: path "/a?b=1#c": requests are matched without what follows "/a?b=1" (and 1 more like it)`},
		{"path with a query template", head + "paths:\n  '/a{?b,c}': {}\n", `a.yaml:5:3: warning: path "/a{?b,c}": requests are matched without what follows "/a"`},
		{"path with an open brace", head + "paths:\n  '/a/{b': {}\n", `a.yaml:5:3: path "/a/{b" has a { without its }`},
		{"mistakes below such a path", head + "paths:\n  '/a/{b':\n    get: {x-wso2-disable-security: 'yes', responses: {'200': {description: a}}}\n",
			"a.yaml:5:3: path \"/a/{b\" has a { without its }\na.yaml:6:36: x-wso2-disable-security must be true or false, not \"yes\""},
		{"path with a closing brace", head + "paths:\n  '/a/b}': {}\n", `a.yaml:5:3: path "/a/b}" has a } without its {`},
		{"path with braces in braces", head + "paths:\n  '/{a{b}}': {}\n", `a.yaml:5:3: path "/{a{b}}" has a brace inside braces`},
		{"path with a parameter without name", head + "paths:\n  '/a/{}': {}\n", `a.yaml:5:3: path "/a/{}" has a parameter without a name`},
		{"path with something behind all", head + "paths:\n  '/{all+}/b': {}\n", `a.yaml:5:3: path "/{all+}/b": {all+} takes all that follows, so nothing can`},
		{"path with a line break", head + "paths:\n  \"/a\\nb\": {}\n", "a.yaml:5:3: path contains a control character"},
		{"path of Express", head + "paths:\n  /a/:id: {}\n", `a.yaml:5:3: warning: path "/a/:id": ":id" is matched letter by letter | a parameter is written {id}`},
		{"path with dots", head + "paths:\n  /a/../b: {}\n", `a.yaml:5:3: warning: path "/a/../b" is never reached: requests with dot segments are refused`},
		{"reference to nothing", head + "paths:\n  /a: {$ref: '#/components/pathItems/a'}\n", `a.yaml:5:14: $ref "#/components/pathItems/a" leads nowhere`},
		{"reference to a missing file", head + "paths:\n  /a: {$ref: 'paths/a.yaml'}\n", `a.yaml:5:14: $ref "paths/a.yaml": there is no such document in the project`},
		{"reference out of the project", head + "paths:\n  /a: {$ref: '../../etc/passwd'}\n", `a.yaml:5:14: $ref "../../etc/passwd": there is no such document in the project`},
		{"reference to the web", head + "paths:\n  /a: {$ref: 'https://a.example/a.yaml'}\n", `a.yaml:5:14: $ref "https://a.example/a.yaml" is outside the project: copy it to a file here`},
		{"reference in a circle", head + "paths:\n  /a: {$ref: '#/paths/~1b'}\n  /b: {$ref: '#/paths/~1a'}\n",
			"a.yaml:5:14: $ref leads in a circle, or through more than 32 others\na.yaml:6:14: $ref leads in a circle, or through more than 32 others"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l := readText(t, tt.in)
			if got := printed(l); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestNoMessageIsLongerThanAScreenIsWide(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	text := `{"openapi": "3.0.0", "info": {"title": "a", "version": "1"}, "security": [{"` + long + `": []}], "x-wso2-` + long + `": 1,
		"x-wso2-basePath": "/a b` + long + `", "x-wso2-production-endpoints": {"` + long + `": 1, "urls": ["` + long + `"]},
		"x-wso2-disable-security": "` + long + `", "paths": {"/` + long + `?a": {"` + long + `": 1}, "/{` + long + `": {}, "/b": {"$ref": "` + long + `"}}}`
	_, l := readText(t, text)
	if len(l) < 8 {
		t.Errorf("only %d problems", len(l))
	}
	for _, p := range l {
		if len(p.String()) > 300 || len(p.Hint) > 700 {
			t.Errorf("%d bytes: %.200s", len(p.String()), p)
		}
	}
}

func TestLinesWithASecretAreNotShown(t *testing.T) {
	text := definition("x-wso2-sandbox-endpoints: {urls: ['https://me:hunter2@a.example'], type: nonsense}\n"+
		"x-wso2-production-endpoints: {urls: [https://a.example], securityConfig: {type: basic, usernam: a, password: hunter2}}\n"+
		"x-wso2-endpoints: [{a: {urls: [https://a.example], securityConfig: {type: basic, username: a, pasword: hunter2}}}]", "")
	_, l := readText(t, text)
	var out strings.Builder
	if err := diag.Write(&out, l, func(string) ([]byte, error) { return []byte(text), nil }); err != nil {
		t.Fatal(err)
	}
	if len(l) < 4 || strings.Contains(out.String(), "hunter2") {
		t.Errorf("%d problems:\n%s", len(l), out.String())
	}
}
