package reply

import "strconv"

// Throttling (contract 5.2; 900807, 900810 to 900812 and 900801 are the
// design's).
var (
	ThrottledAPI          = throttled(900800)
	ThrottledResource     = throttled(900802)
	ThrottledApplication  = throttled(900803)
	ThrottledSubscription = throttled(900804) // and unauthenticated
	ThrottledCustom       = throttled(900806)
	ThrottledBurst        = throttled(900807)
	ThrottledIP           = throttled(900810)
	ThrottledConcurrency  = throttled(900811)
	// ThrottledBackend is answered with 503: the caller did nothing wrong.
	ThrottledBackend      = newFault(503, 900801, msgThrottled, msgBackend)
	ThrottledBackendAs429 = newFault(429, 900801, msgThrottled, msgBackend) // by setting
	Blocked               = newFault(403, 900805, "Message blocked", "You have been blocked from accesing the resource")
	Internal              = newFault(500, 900808, msgInternal, msgInternal)
	PolicyEnforcement     = newFault(500, 900809, msgInternal, "POLICY ENFORCEMENT ERROR")
	TierNotPermitted      = newFault(403, 900812, "Message blocked", "Your roles do not permit the tier of the subscription")
)

const (
	msgThrottled = "Message throttled out"
	msgInternal  = "Internal server error occured"
	msgBackend   = "The backend has reached its maximum throughput"
)

func throttled(code int) *Fault {
	return newFault(429, code, msgThrottled, "You have exceeded your quota")
}

// Authentication and authorisation (contract 5.3): the description is the
// message and a detail.
var (
	AuthFailure         = unauthenticated(500, 900900, generic, generic)
	InvalidCredentials  = unauthenticated(401, 900901, "Invalid Credentials", "Make sure you have given the correct access token")
	MissingCredentials  = unauthenticated(401, 900902, "Missing Credentials", "Make sure your API request provides required credentials")
	TokenExpired        = unauthenticated(401, 900903, "Access Token Expired", "Renew the access token and try again")
	TokenInactive       = unauthenticated(401, 900904, "Access Token Inactive", generic)
	WrongTokenType      = unauthenticated(401, 900905, "Incorrect Access Token Type is provided", generic)
	SubscriptionBlocked = unauthenticated(401, 900907, "The requested API is temporarily blocked", generic)
	Forbidden           = unauthenticated(403, 900908, "Resource forbidden ", generic)
	SubscriptionOnHold  = unauthenticated(401, 900909, "The subscription to the API is inactive", generic)
	InvalidUser         = unauthenticated(401, 900911, "Invalid Credentials", "Make sure you have given the correct username and password")
	InvalidUserFormat   = unauthenticated(401, 900912, "Invalid Format", `Make sure you have given the credentials in correct format with ":" character`)
	WrongScheme         = unauthenticated(401, 900917, "Invalid Authentication scheme", "API can not be used with this authentication scheme")
	// MissingScope repeats its message as description.
	MissingScope = newFault(403, 900910, msgScope, msgScope)
)

const (
	generic  = "Unclassified Authentication Failure"
	msgScope = "The access token does not allow you to access the requested resource"
)

func unauthenticated(status, code int, message, detail string) *Fault {
	return newFault(status, code, message, message+". "+detail)
}

// Backends (contract 5.6, with the statuses of the design).
var (
	BackendUnreachable = newFault(502, 101503, msgRuntime, "Error connecting to the back end")
	BackendTimeout     = newFault(504, 101504, msgRuntime, "Connection timed out")
	// BackendSuspended is answered while nobody is asked: circuit breakers are open.
	BackendSuspended = newFault(503, 101503, msgRuntime, "Error connecting to the back end")
	// With legacyStatus all are 500.
	BackendUnreachableLegacy = newFault(500, 101503, msgRuntime, "Error connecting to the back end")
	BackendTimeoutLegacy     = newFault(500, 101504, msgRuntime, "Connection timed out")
)

const msgRuntime = "Runtime Error"

// Messages that do not match their schema (contract 5.5): the description says
// where and why.
var (
	InvalidRequest  = newFault(400, 400, "Bad Request", "")
	InvalidResponse = newFault(500, 500, "Bad Response", "")
)

// Requests that no operation answers (contract 2.9), or that cannot be read.
// Their bodies stand without the fault envelope.
var (
	NotFound            = status(404, "No matching resource found for given API Request")
	MethodNotAllowed    = status(405, "Method not allowed for given API resource")
	PlaintextPort       = status(400, "TLS was spoken to the plain HTTP port")
	BadRequest          = status(400, "The request is not valid HTTP, or its target can be read in more than one way")
	BodyTooLarge        = status(413, "The request body is too large")
	URITooLong          = status(414, "The request target is too long")
	HeaderTooLarge      = status(431, "The header fields of the request are too large")
	RequestTimeout      = status(408, "The request did not arrive in time")
	ExpectationFailed   = status(417, "The expectation of the request is not known")
	NotImplemented      = status(501, "The method or the transfer coding of the request is not implemented")
	VersionNotSupported = status(505, "The HTTP version of the request is not supported")
	Unavailable         = status(503, "The gateway is shutting down")
	NotCached           = status(504, "No stored answer satisfies the request")
)

func status(code int, description string) *Fault {
	f := newFault(code, code, msgRuntime, description)
	f.body = `{"code":` + strconv.Itoa(code) + `, "type":"Status report", "message":"` + msgRuntime + `", "description":` +
		string(appendString(nil, description)) + `}`
	return f
}

// Bodies of contract 2.4, which name the code in a field of their own.
const (
	NoSandboxEndpoint    = `{"ERROR_CODE":"900901", "ERROR_MESSAGE":"Sandbox key offered to the API with no sandbox endpoint"}`
	NoProductionEndpoint = `{"ERROR_CODE":"900901", "ERROR_MESSAGE":"Production key offered to the API with no production endpoint"}`
)
