// Package validate checks requests and answers against the schemas of their
// operations (contract 5.5).
//
// In: what the build knows of each operation's messages, and exchanges. Out: a
// request that goes on with its body in memory, or a 400; an answer that is
// passed on, or a 500 in its place. Each says where a body is wrong and why,
// never what stands there.
//
// Only JSON is checked, and what is checked is read strictly: a body that two
// parsers could read differently is no valid body, or the backend might see
// another one than was checked. Bodies, nesting and the cost of a check are
// bounded. Schemas are made ready when they are first needed. The package never
// changes a body and fetches nothing.
package validate

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// Options say what is checked.
type Options struct {
	Gateway *spec.Gateway
	Log     *slog.Logger
	// MaxBody bounds a body that is checked, as it is and decompressed. A larger
	// request is refused; a larger answer is passed on unchecked.
	MaxBody int
}

// Validator is safe for concurrent use.
type Validator struct {
	options    Options
	operations []*operation // by Operation.ID; nil: nothing to check
	checks     sync.Pool
	large      chan struct{} // held while a large body is checked

	unchecked atomic.Uint64
}

// operation is what is checked of one.
type operation struct {
	required bool
	body     []media
	answers  []answer
	params   []parameter
}

type media struct {
	name   string
	schema *lazy
}

type answer struct {
	status string
	media  []media
}

// largeBody is from where on checks wait for each other: their memory is some
// ten times the body's.
const largeBody = 64 << 10

// New reads the schemas that the build embedded. What it could not make use of
// is logged: those parts are not checked.
func New(o Options) (*Validator, error) {
	all, err := spec.UnpackSchemas(o.Gateway.Schemas)
	if err != nil {
		return nil, err
	}
	v := &Validator{
		options: o,
		checks:  sync.Pool{New: func() any { return new(check) }},
		large:   make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}
	count := 0
	for _, api := range o.Gateway.APIs {
		for _, op := range api.Operations {
			count = max(count, op.ID+1)
		}
	}
	v.operations = make([]*operation, count)
	for i := range all.APIs {
		if err := v.addAPI(&all.APIs[i], i); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *Validator) addAPI(in *spec.APISchemas, api int) error {
	broken := func(index int, err error) {
		v.options.Log.Error("a schema cannot be read: what it describes is not validated", "api", api, "schema", index, "error", err)
	}
	requests := newSchemas(in.Schemas, false, broken)
	answers := newSchemas(in.Schemas, true, broken)
	for i := range in.Operations {
		m := &in.Operations[i]
		if m.Operation < 0 || m.Operation >= len(v.operations) {
			return fmt.Errorf("the embedded schemas speak of an operation %d, which is not there", m.Operation)
		}
		op, err := newOperation(m, requests, answers)
		if err != nil {
			return err
		}
		v.operations[m.Operation] = op
	}
	v.tellUnchecked(in, api)
	return nil
}

func newOperation(m *spec.OperationMessages, requests, answers *schemas) (*operation, error) {
	op := &operation{}
	var err error
	if m.Body != nil {
		op.required = m.Body.Required
		if op.body, err = requests.media(m.Body.Media); err != nil {
			return nil, err
		}
	}
	for _, a := range m.Answers {
		list, err := answers.media(a.Media)
		if err != nil {
			return nil, err
		}
		op.answers = append(op.answers, answer{a.Status, list})
	}
	for _, p := range m.Parameters {
		schema, err := requests.at(p.Schema)
		if err != nil {
			return nil, err
		}
		op.params = append(op.params, parameter{p, schema})
	}
	return op, nil
}

func (s *schemas) media(in []spec.Media) ([]media, error) {
	var out []media
	for _, m := range in {
		schema, err := s.at(m.Schema)
		if err != nil {
			return nil, err
		}
		out = append(out, media{m.Type, schema})
	}
	return out, nil
}

func (s *schemas) at(index int) (*lazy, error) {
	if index < 0 || index >= len(s.all) {
		return nil, fmt.Errorf("the embedded schemas have no schema %d", index)
	}
	return &s.all[index], nil
}

// maxTold bounds how many operations of an API the log names.
const maxTold = 10

// tellUnchecked warns of what the definition's mistakes keep from being
// checked.
func (v *Validator) tellUnchecked(in *spec.APISchemas, api int) {
	names := map[int]string{}
	of := &v.options.Gateway.APIs[api]
	for _, op := range of.Operations {
		names[op.ID] = op.Method + " " + of.BasePath + op.Path
	}
	told := 0
	for _, m := range in.Operations {
		if len(m.Unchecked) == 0 {
			continue
		}
		if told++; told <= maxTold {
			v.options.Log.Warn("part of an operation is not validated: its schema is broken, as mgw build said",
				"api", of.Name+":"+of.Version, "operation", names[m.Operation], "parts", m.Unchecked)
		}
	}
	if told > maxTold {
		v.options.Log.Warn("more operations with parts that are not validated", "api", of.Name+":"+of.Version, "operations", told-maxTold)
	}
}

// Unchecked tells how many answers were passed on unchecked although a schema
// was there: too large, in a coding that is not read, or too costly to check.
func (v *Validator) Unchecked() uint64 { return v.unchecked.Load() }

func (v *Validator) operation(x *exchange.Exchange) *operation {
	if x.Operation == nil || x.Operation.ID >= len(v.operations) {
		return nil
	}
	return v.operations[x.Operation.ID]
}

// verdict is what a check has found.
type verdict struct {
	ok     bool
	costly bool
	errors string // each followed by ", " (contract 5.5)
}

// check applies a schema to a JSON text.
func (v *Validator) check(of *lazy, data []byte) verdict {
	if len(data) > largeBody {
		v.large <- struct{}{}
		defer func() { <-v.large }()
	}
	c := v.checks.Get().(*check)
	defer v.release(c)
	if err := c.parse(data); err != nil {
		return verdict{errors: "#: " + err.Error() + ", "}
	}
	return c.run(of.get())
}

// run applies a schema to the document. It says what is wrong only once it is
// known that something is: nearly all bodies are right.
func (c *check) run(of *schema) verdict {
	c.begin()
	if c.silently(of, 0, nil) && !c.overrun {
		return verdict{ok: true}
	}
	if !c.overrun {
		c.begin()
		c.apply(of, 0, nil)
	}
	if len(c.errors) == 0 {
		return verdict{costly: true, errors: "#: the body is too complex to be checked, "}
	}
	var list []byte
	for _, e := range c.errors {
		list = append(append(list, e...), ", "...)
	}
	return verdict{errors: string(list)}
}

// keptNodes bounds the memory that waits for the next body.
const keptNodes = 16 << 10

func (v *Validator) release(c *check) {
	c.data = nil
	if cap(c.nodes) > keptNodes || cap(c.room) > largeBody || cap(c.names) > keptNodes {
		*c = check{}
	}
	v.checks.Put(c)
}
