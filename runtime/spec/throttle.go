package spec

import "time"

// Names with a meaning of their own (contract 3.3).
const (
	TierUnlimited       = "Unlimited"
	TierUnauthenticated = "Unauthenticated" // subscription tier of unsecured requests
	TierDefault         = "Default"         // subscription tier of a caller without subscription
)

// Policies is policies.yaml and policies/*.xml, read. The lists are name
// spaces of their own, in the order of the file.
type Policies struct {
	Resource     []Tier         `json:"resource,omitempty"`
	Application  []Tier         `json:"application,omitempty"`
	Subscription []Tier         `json:"subscription,omitempty"`
	IP           []IPPolicy     `json:"ip,omitempty"`
	Custom       []CustomPolicy `json:"custom,omitempty"`
}

// Algorithm is how a limit counts.
type Algorithm string

const (
	FixedWindow   Algorithm = "fixedWindow" // aligned to the UTC epoch; the default
	SlidingWindow Algorithm = "slidingWindow"
	TokenBucket   Algorithm = "tokenBucket"
)

// Quota is an amount for each window. Unlimited is true for the tier that says
// so and for entries that bound only burst or concurrency.
type Quota struct {
	Count     int64         `json:"count,omitempty"`
	Bytes     bool          `json:"bytes,omitempty"` // Count is of bytes that passed, not of requests
	Window    time.Duration `json:"window,omitempty"`
	Algorithm Algorithm     `json:"algorithm,omitempty"`
	Unlimited bool          `json:"unlimited,omitempty"`
}

// Tier is one entry of resourcePolicies, applicationPolicies or
// subscriptionPolicies.
type Tier struct {
	Name          string `json:"name"`
	Quota         `json:",omitzero"`
	PassOnQuota   bool        `json:"passOnQuota,omitempty"` // stopOnQuota: false
	Burst         *Quota      `json:"burst,omitempty"`       // rateLimit, beside the quota
	MaxConcurrent int         `json:"maxConcurrent,omitempty"`
	Permissions   Permissions `json:"permissions,omitzero"`
	Conditions    []Condition `json:"conditions,omitempty"` // resource tiers: groups with a count of their own
}

// Permissions says which roles may use a subscription tier: those of Allow
// when it has any, none of Deny.
type Permissions struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// Condition is a group of matches, all of which must hold (contract 4.8), with
// a quota of its own.
type Condition struct {
	Quota  `json:",omitzero"`
	IP     *IPMatch    `json:"ip,omitempty"`
	Header *ValueMatch `json:"header,omitempty"`
	Query  *ValueMatch `json:"query,omitempty"`
	Claim  *ValueMatch `json:"claim,omitempty"`
}

// IPMatch holds for addresses from First to Last, both included; equal for a
// single address.
type IPMatch struct {
	First  string `json:"first"`
	Last   string `json:"last"`
	Invert bool   `json:"invert,omitempty"`
}

// ValueMatch holds when each named value is there and its pattern is found in it.
type ValueMatch struct {
	Values map[string]string `json:"values"` // name -> regular expression (RE2), unanchored
	Invert bool              `json:"invert,omitempty"`
}

// IPPolicy is a list of rules of which the first that fits the caller counts.
type IPPolicy struct {
	Name          string   `json:"name"`
	File          string   `json:"file,omitempty"` // policies/NAME.xml it was read from
	Rules         []IPRule `json:"rules,omitempty"`
	MaxConcurrent int      `json:"maxConcurrent,omitempty"` // of the engaged API or operation, over all callers
}

// RuleKind is what a rule of an IPPolicy compares.
type RuleKind string

const (
	RuleIP     RuleKind = "ip"
	RuleRole   RuleKind = "role"
	RuleDomain RuleKind = "domain"
)

// IPRule bounds callers of one address, range, role or domain. Other is each
// caller that no rule names, counted on its own.
type IPRule struct {
	Kind     RuleKind `json:"kind"`
	First    string   `json:"first,omitempty"` // addresses, both ends included
	Last     string   `json:"last,omitempty"`
	Value    string   `json:"value,omitempty"` // a role or a domain
	Other    bool     `json:"other,omitempty"`
	Quota    `json:",omitzero"`
	Prohibit time.Duration `json:"prohibit,omitempty"` // refused this long after the quota is spent
	Deny     bool          `json:"deny,omitempty"`     // always refused
	Allow    bool          `json:"allow,omitempty"`    // never limited
}

// CustomPolicy bounds whatever its key template names (contract 4.9).
type CustomPolicy struct {
	Name        string `json:"name"`
	KeyTemplate string `json:"keyTemplate"`
	Quota       `json:",omitzero"`
}

// BackendLimits is x-mgw-max-backend-throughput and
// x-mgw-max-concurrent-backend for each kind of endpoint.
type BackendLimits struct {
	Production BackendLimit `json:"production,omitzero"`
	Sandbox    BackendLimit `json:"sandbox,omitzero"`
}

// BackendLimit bounds what reaches a backend; zero values do not.
type BackendLimit struct {
	Count         int64         `json:"count,omitempty"`
	Window        time.Duration `json:"window,omitempty"`
	Smooth        bool          `json:"smooth,omitempty"`  // shape: smooth
	MaxWait       time.Duration `json:"maxWait,omitempty"` // how long a request waits for a token
	MaxConcurrent int           `json:"maxConcurrent,omitempty"`
}
