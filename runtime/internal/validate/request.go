package validate

import (
	"context"
	"errors"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// Request is the stage that checks requests. What it refuses is answered with
// the 400 of contract 5.5.
func (v *Validator) Request(x *exchange.Exchange) bool {
	op := v.operation(x)
	if op == nil {
		return true
	}
	if len(op.params) > 0 {
		if errors := v.parameters(op, x); errors != "" {
			return refuse(x, errors)
		}
	}
	// A body of GET means nothing (RFC 9110 section 9.3.1, contract 5.5).
	if len(op.body) == 0 && !op.required || x.Method == "GET" || x.Method == "HEAD" {
		return true
	}
	return v.requestBody(op, x)
}

func refuse(x *exchange.Exchange, errors string) bool {
	reply.InvalidRequest.WithDescription(errors).Send(x)
	return false
}

func (v *Validator) requestBody(op *operation, x *exchange.Exchange) bool {
	m := &x.Request
	if m.Body == nil {
		return !op.required || refuse(x, "#: the request has no body, which is required, ")
	}
	name, ok := contentType(m)
	if !ok {
		return refuse(x, "#: the request has more than one Content-Type, ")
	}
	of := choose(op.body, name)
	if of == nil && !op.required {
		return true
	}
	if of == nil {
		return v.present(x)
	}
	coding := codingOf(m)
	if coding == unknown {
		return refuse(x, "#: the content coding of the body is not one that can be checked: gzip or none, ")
	}
	data, err := hold(m, v.options.MaxBody)
	if err == nil && coding == gzipped {
		data, err = gunzip(data, v.options.MaxBody)
	}
	switch {
	case errors.Is(err, errCoding):
		return refuse(x, "#: "+err.Error()+", ")
	case err != nil:
		return fail(x, err)
	case len(data) == 0 && coding == plain:
		return !op.required || refuse(x, "#: the request has no body, which is required, ")
	}
	if verdict := v.check(of, data); !verdict.ok {
		return refuse(x, verdict.errors)
	}
	return true
}

// present makes sure that there is a body of a type that is not checked: what
// is framed may still be empty.
func (v *Validator) present(x *exchange.Exchange) bool {
	m := &x.Request
	if m.Length > 0 {
		return true
	}
	from := m.Body
	chunk, err := from.Next()
	if err != nil && len(chunk) == 0 {
		if !isEnd(err) {
			return fail(x, err)
		}
		m.Body, m.Length = nil, 0
		return refuse(x, "#: the request has no body, which is required, ")
	}
	m.Body = &held{data: append([]byte(nil), chunk...), rest: from}
	return true
}

// statusClientGone is for the log: nobody is there to read it.
const statusClientGone = 499

// fail answers for a body that did not come as a whole.
func fail(x *exchange.Exchange, err error) bool {
	var refusal reply.Refusal
	switch {
	case errors.Is(err, errLarge):
		reply.BodyTooLarge.Send(x)
	case errors.As(err, &refusal):
		refusal.Fault().Send(x)
	case errors.Is(x.Client.Context().Err(), context.Canceled):
		x.Aborted, x.Status = true, statusClientGone
	default:
		reply.BadRequest.Send(x)
	}
	return false
}
