package interceptor

import (
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// RequestParts is what a Request is made of.
type RequestParts struct {
	Method   string
	Scheme   string // http or https
	Host     string
	Path     string // as received: percent-encoded
	RawQuery string
	ClientIP netip.Addr
	Header   [][2]string
	Params   map[string]string // path parameters, decoded

	API       API
	Operation Operation
	Principal Principal

	Body   func() ([]byte, error) // the whole body; nil: none
	Limits func() []Limit         // nil: none
}

// API is the definition that a request belongs to.
type API struct {
	Name, Version string
	BasePath      string
	Tier          string // "" without one
}

// Operation is the method and the path template that a request matched.
type Operation struct {
	Method string
	Path   string // from the base path on
	Tier   string // "" without one
}

// Limit is a limit that the request was charged to, as it stands.
type Limit struct {
	Level     string // application, resource, subscription ...
	Tier      string
	Count     int64 // in Window
	Remaining int64
	Window    time.Duration
	Reset     time.Duration // until the window ends
}

// Request is a request that has been authenticated. Its path is the one that
// was matched, secured and limited, and is what the backend gets: it cannot be
// changed.
type Request struct {
	message
	parts      RequestParts
	properties [][2]string
}

// NewRequest makes a request. The gateway calls it, and so may a test of an
// interceptor.
func NewRequest(p RequestParts) *Request {
	r := &Request{parts: p}
	r.header = Header{fields: p.Header, foreign: toBackend}
	r.source = p.Body
	return r
}

// Method is GET, POST ...
func (r *Request) Method() string { return r.parts.Method }

// Scheme is http or https, as the client connected.
func (r *Request) Scheme() string { return r.parts.Scheme }

// Host is the authority that the client asked for.
func (r *Request) Host() string { return r.parts.Host }

// Path is the path as it was received, percent-encoded.
func (r *Request) Path() string { return r.parts.Path }

// RawQuery is what follows the question mark.
func (r *Request) RawQuery() string { return r.parts.RawQuery }

// Query gives the parameters of the query. Malformed ones are left out.
func (r *Request) Query() url.Values {
	u := url.URL{RawQuery: r.parts.RawQuery}
	return u.Query()
}

// Param gives a parameter of the path template, decoded; "" when the template
// has none of that name.
func (r *Request) Param(name string) string { return r.parts.Params[name] }

// ClientIP is the client's address: the peer's, or what a trusted proxy says.
func (r *Request) ClientIP() netip.Addr { return r.parts.ClientIP }

// API gives the API that the request belongs to.
func (r *Request) API() API { return r.parts.API }

// Operation gives the operation that the request matched.
func (r *Request) Operation() Operation { return r.parts.Operation }

// Principal tells who calls. It is a copy.
func (r *Request) Principal() Principal { return r.parts.Principal.clone() }

// Limits gives the limits that the request was charged to; none in a
// classifier, which runs before.
func (r *Request) Limits() []Limit {
	if r.parts.Limits == nil {
		return nil
	}
	return r.parts.Limits()
}

// SetProperty attaches a value to the request. What a classifier sets stands
// in key templates as $customProperty.NAME; what is set later only reaches the
// interceptors that follow.
func (r *Request) SetProperty(name, value string) {
	for i := range r.properties {
		if r.properties[i][0] == name {
			r.properties[i][1] = value
			return
		}
	}
	r.properties = append(r.properties, [2]string{name, value})
}

// Property gives a value that SetProperty attached, "" without one.
func (r *Request) Property(name string) string {
	for _, p := range r.properties {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}

// Properties gives all of them, names and values.
func (r *Request) Properties() [][2]string { return slices.Clone(r.properties) }

// Outcome gives what was made of the request, and starts over.
func (r *Request) Outcome() Outcome { return r.outcome() }
