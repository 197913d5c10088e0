package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/lease"
	"mgw/runtime/internal/reply"
	"mgw/runtime/internal/router"
	"mgw/runtime/internal/throttle"
)

// Question is a request that nobody sends: what would happen to it?
type Question struct {
	Method string            `json:"method"`
	Path   string            `json:"path"` // raw, with the query if there is one
	Token  string            `json:"token,omitempty"`
	IP     string            `json:"ip,omitempty"`
	Fields map[string]string `json:"fields,omitempty"` // for conditions on header fields
}

// Explanation is the answer: the route, who calls, and each limit in its order
// with what its counter says.
type Explanation struct {
	Outcome   string           `json:"outcome"` // found, not found ...
	API       string           `json:"api,omitempty"`
	Operation string           `json:"operation,omitempty"`
	Backend   []string         `json:"backend,omitempty"`
	Caller    *Caller          `json:"caller,omitempty"`
	Fault     *Fault           `json:"fault,omitempty"` // with which the request would be refused
	Limits    []throttle.Limit `json:"limits,omitempty"`

	// BackendLimits is what bounds the calls of the backend, over all gateways
	// that share a Redis, and what this one did.
	BackendLimits []lease.Stats `json:"backendLimits,omitempty"`
}

// Caller is the principal of a request.
type Caller struct {
	Kind             string `json:"kind"`
	Subject          string `json:"subject,omitempty"`
	Application      string `json:"application"`
	ApplicationTier  string `json:"applicationTier,omitempty"`
	SubscriptionTier string `json:"subscriptionTier"`
}

// Fault is an answer of the gateway's own.
type Fault struct {
	Status      int    `json:"status"`
	Code        int    `json:"code"`
	Description string `json:"description,omitempty"`
}

// Explain tells what would happen to a request. It charges nothing and calls
// no backend; a token may have to be verified at its issuer.
func (g *Gateway) Explain(ctx context.Context, q Question) (Explanation, error) {
	return g.current().explain(ctx, q)
}

func (g *generation) explain(ctx context.Context, q Question) (Explanation, error) {
	x := exchange.Acquire()
	defer exchange.Release(x)
	if err := q.fill(x); err != nil {
		return Explanation{}, err
	}
	var outcome router.Outcome
	x.API, x.Operation, outcome = g.router.Find(x.Method, x.Path, x.Query)
	e := Explanation{Outcome: outcome.String()}
	if outcome != router.Found {
		return e, nil
	}
	e.API = x.API.Name + ":" + x.API.Version
	e.Operation = x.Operation.Method + " " + x.API.BasePath + x.Operation.Path + x.Operation.Query
	var fault *reply.Fault
	if x.Grant, fault = g.auth.Verify(ctx, x.API, x.Operation, q.Token); fault != nil {
		e.Fault = &Fault{fault.Status, fault.Code, fault.Description}
		return e, nil
	}
	e.Caller = caller(x.Grant)
	limits := g.throttle.Explain(x)
	e.Limits = limits.Limits
	if limits.Code != 0 {
		e.Fault = &Fault{Code: limits.Code}
	}
	e.Backend = g.backendOf(x)
	if gate := g.throughput.gates[x.Grant.Principal.KeyType][x.Operation.ID]; gate != nil {
		for _, l := range gate.limits {
			e.BackendLimits = append(e.BackendLimits, l.Stats())
		}
	}
	return e, nil
}

func (q Question) fill(x *exchange.Exchange) error {
	path, query, _ := strings.Cut(q.Path, "?")
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path %q does not start with a slash", q.Path)
	}
	x.Method, x.Path, x.Query = strings.ToUpper(q.Method), []byte(path), []byte(query)
	x.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if q.IP != "" {
		address, err := netip.ParseAddr(q.IP)
		if err != nil {
			return fmt.Errorf("%q is not an address", q.IP)
		}
		x.Address = address.Unmap()
	}
	for name, value := range q.Fields {
		x.Request.Add(name, value)
	}
	return nil
}

func caller(g *exchange.Grant) *Caller {
	p := g.Principal
	return &Caller{
		Kind:             p.Kind.String(),
		Subject:          p.Subject,
		Application:      p.Application.ID,
		ApplicationTier:  p.Application.Tier,
		SubscriptionTier: g.SubscriptionTier,
	}
}

func (g *generation) backendOf(x *exchange.Exchange) []string {
	index := x.Operation.Production
	if x.Grant.Principal.KeyType == exchange.Sandbox {
		index = x.Operation.Sandbox
	}
	if index < 0 {
		return nil
	}
	var shown []string
	for _, raw := range g.options.Spec.Endpoints[index].URLs {
		if u, err := url.Parse(raw); err == nil {
			shown = append(shown, u.Redacted())
		}
	}
	return shown
}
