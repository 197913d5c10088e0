// Package intercept runs the Go functions that a project brings: classifiers
// before the limits are checked, request interceptors before the backend is
// called, response interceptors on each answer given after those.
//
// In comes an exchange; the functions see copies of what it holds, and what
// they have changed is written back when each has returned. An error or a
// panic becomes the client's status 500 and a line in the log. A body is read
// only when a function asks for it, up to a bound; else it streams through.
//
// An operation without functions costs one comparison at each stage. The
// package decides no order: the build has listed each operation's functions as
// they run.
package intercept

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
	"mgw/runtime/spec"
)

// Options say which functions run. Zero bounds are the defaults.
type Options struct {
	Gateway   *spec.Gateway
	Functions interceptor.Functions
	Log       *slog.Logger

	MaxBody int           // what Body reads at most, in bytes; 1 MiB
	Timeout time.Duration // after which the context of one function ends; 10 s

	// Limits gives those that a request was charged to; may be nil.
	Limits func(*exchange.Exchange) []interceptor.Limit
	// Answered is told of each request that has passed its limits and is not
	// forwarded, because an interceptor answered it or failed; may be nil.
	Answered func(*exchange.Exchange)
	// Unreachable answers for a backend whose body broke off while a function
	// read it; reply.BackendUnreachable.
	Unreachable *reply.Fault
}

// Interceptors runs the functions of one gateway. It is safe for concurrent
// use.
type Interceptors struct {
	options    Options
	operations []operation // by ID
}

// operation is what an operation's functions are, and what they are told of it.
type operation struct {
	classify, request []function[interceptor.RequestFunc]
	response          []function[interceptor.ResponseFunc]
	api               interceptor.API
	self              interceptor.Operation
}

type function[F any] struct {
	name string
	call F
}

// New finds the functions that the gateway names. It gives nil when it names
// none.
func New(o Options) (*Interceptors, error) {
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Unreachable == nil {
		o.Unreachable = reply.BackendUnreachable
	}
	all := &Interceptors{options: o}
	var missing []error
	for i := range o.Gateway.APIs {
		api := &o.Gateway.APIs[i]
		for j := range api.Operations {
			if err := all.add(api, &api.Operations[j]); err != nil {
				missing = append(missing, err)
			}
		}
	}
	if all.operations == nil {
		all = nil
	}
	return all, errors.Join(missing...)
}

func (all *Interceptors) add(api *spec.API, op *spec.Operation) error {
	n := op.Interceptors
	if len(n.Classify)+len(n.Request)+len(n.Response) == 0 {
		return nil
	}
	for len(all.operations) <= op.ID {
		all.operations = append(all.operations, operation{})
	}
	own := &all.operations[op.ID]
	own.api = interceptor.API{Name: api.Name, Version: api.Version, BasePath: api.BasePath, Tier: api.Tier}
	own.self = interceptor.Operation{Method: op.Method, Path: op.Path, Tier: op.Tier}
	var errs [3]error
	own.classify, errs[0] = find(all.options.Functions.Request, n.Classify)
	own.request, errs[1] = find(all.options.Functions.Request, n.Request)
	own.response, errs[2] = find(all.options.Functions.Response, n.Response)
	return errors.Join(errs[:]...)
}

func find[F any](in map[string]F, names []string) ([]function[F], error) {
	var found []function[F]
	for _, name := range names {
		call, ok := in[name]
		if !ok {
			return nil, fmt.Errorf("the executable has no interceptor %s", name)
		}
		found = append(found, function[F]{name, call})
	}
	return found, nil
}

// of gives what runs for an exchange, nil when nothing does.
func (all *Interceptors) of(x *exchange.Exchange) *operation {
	if x.Operation == nil || x.Operation.ID >= len(all.operations) {
		return nil
	}
	op := &all.operations[x.Operation.ID]
	if op.self.Method == "" {
		return nil
	}
	return op
}

// Classify is the stage before the limits.
func (all *Interceptors) Classify(x *exchange.Exchange) bool {
	op := all.of(x)
	if op == nil || len(op.classify) == 0 {
		return true
	}
	c := all.begin(x, op)
	if c.requests(op.classify) {
		return true
	}
	c.end()
	x.Interception = nil // no response interceptor sees it
	return false
}

// Request is the stage before the backend.
func (all *Interceptors) Request(x *exchange.Exchange) bool {
	op := all.of(x)
	if op == nil {
		return true
	}
	c, ok := x.Interception.(*call)
	if !ok {
		c = all.begin(x, op)
	}
	c.passed = true
	goesOn := c.requests(op.request)
	c.in.close()
	if !goesOn && all.options.Answered != nil {
		all.options.Answered(x)
	}
	return goesOn
}

// Response belongs among the functions that see each answer on its way out. It
// runs for those that were given after the limits had let the request through.
func (all *Interceptors) Response(x *exchange.Exchange) {
	c, ok := x.Interception.(*call)
	if !ok {
		return
	}
	if c.passed && !x.Aborted {
		c.responses(c.operation.response)
	}
	c.end()
}

// Done ends what a bug in a later stage has left open. It goes before whatever
// takes apart what limits are looked up in.
func (all *Interceptors) Done(x *exchange.Exchange) {
	if c, ok := x.Interception.(*call); ok {
		c.end()
	}
}
