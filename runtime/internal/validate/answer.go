package validate

import (
	"errors"
	"io"
	"strconv"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// errInvalid is why a backend's answer is not passed on.
var errInvalid = errors.New("the answer does not match its schema")

// Answer checks what a backend, the cache or an interceptor has answered, before
// any of it is written. One
// that does not match gives way to the 500 of contract 5.5; one that cannot be
// checked is passed on and counted.
func (v *Validator) Answer(x *exchange.Exchange) {
	m := &x.Response
	op := v.operation(x)
	if op == nil || m.Body == nil || x.Code != 0 || x.Method == "HEAD" || !whole(x.Status) {
		return
	}
	if x.Backend == "" && x.Status >= 400 { // a refusal of the gateway's own
		return
	}
	name, ok := contentType(m)
	if !ok || name == "" { // nobody says that it is JSON
		return
	}
	of := choose(op.answerMedia(x.Status), name)
	if of == nil {
		return
	}
	if problems := v.answer(of, m); problems != "" {
		m.Body.Abort(errInvalid)
		m.Reset()
		reply.InvalidResponse.WithDescription(problems).Send(x)
	}
}

// whole tells statuses whose body is all of a representation.
func whole(status int) bool {
	return status >= 200 && status != 204 && status != 206 && status != 304
}

// answer gives what is wrong with an answer, "" for nothing. A body that breaks
// off stays as it is, for the client to see.
func (v *Validator) answer(of *lazy, m *exchange.Message) string {
	coding := codingOf(m)
	if coding == unknown {
		v.unchecked.Add(1)
		return ""
	}
	data, err := hold(m, v.options.MaxBody)
	if err == nil && coding == gzipped {
		data, err = gunzip(data, v.options.MaxBody)
	}
	switch {
	case errors.Is(err, errCoding):
		return "#: " + err.Error() + ", "
	case errors.Is(err, errLarge):
		v.unchecked.Add(1)
		return ""
	case err != nil || len(data) == 0:
		return ""
	}
	verdict := v.check(of, data)
	if verdict.costly {
		v.unchecked.Add(1)
		return ""
	}
	return verdict.errors
}

// answerMedia gives the types for a status: its own, those of its class, the
// default (OpenAPI 3.0.3, responses object).
func (op *operation) answerMedia(status int) []media {
	code := strconv.Itoa(status)
	var class, other []media
	for i := range op.answers {
		switch a := &op.answers[i]; {
		case a.status == code:
			return a.media
		case len(a.status) == 3 && a.status[0] == code[0] && a.status[1:] == "XX":
			class = a.media
		case a.status == "default":
			other = a.media
		}
	}
	if class != nil {
		return class
	}
	return other
}
