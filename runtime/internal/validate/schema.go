package validate

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sync"

	"mgw/runtime/spec"
)

// schema is a spec.Schema, ready to be applied.
type schema struct {
	never bool
	ref   *lazy
	types typeSet // 0: any
	enum  []document

	minimum, maximum, above, below *bound
	multipleOf                     *big.Rat

	minLength, maxLength int // maxima: -1 for none
	pattern              *regexp.Regexp
	format               func([]byte) bool
	formatName           string

	properties        map[string]*schema
	patterns          []patterned
	additional        *schema
	names             *schema
	required          []string
	requiredSet       map[string]bool
	dependentRequired map[string][]string
	dependent         map[string]*schema
	minProperties     int
	maxProperties     int
	unevaluated       *schema // properties

	prefix           []*schema
	items            *schema
	unevaluatedItems *schema
	contains         *schema
	minContains      int
	maxContains      int
	minItems         int
	maxItems         int
	unique           bool

	allOf, anyOf, oneOf   []*schema
	not, if_, then, else_ *schema
}

type patterned struct {
	pattern *regexp.Regexp
	schema  *schema
}

// typeSet is a set of the types of JSON Schema.
type typeSet uint8

const (
	nullType typeSet = 1 << iota
	booleanType
	numberType
	integerType
	stringType
	arrayType
	objectType
)

var typeNames = []string{"null", "boolean", "number", "integer", "string", "array", "object"}

// lazy is a schema that is made ready when it is first needed: of a large
// definition most never are.
type lazy struct {
	once  sync.Once
	from  *schemas
	index int
	to    *schema
}

// schemas are those of one API in one direction.
type schemas struct {
	raw     []json.RawMessage
	answers bool // what is only required in answers is required
	all     []lazy
	broken  func(index int, err error)
}

func newSchemas(raw []json.RawMessage, answers bool, broken func(int, error)) *schemas {
	s := &schemas{raw: raw, answers: answers, broken: broken, all: make([]lazy, len(raw))}
	for i := range s.all {
		s.all[i].from, s.all[i].index = s, i
	}
	return s
}

// anything accepts every value.
var anything = &schema{maxLength: -1, maxProperties: -1, maxContains: -1, maxItems: -1}

// get gives the schema. One that cannot be read, which a build does not make,
// accepts everything; that is told once.
func (l *lazy) get() *schema {
	l.once.Do(func() {
		var raw spec.Schema
		err := json.Unmarshal(l.from.raw[l.index], &raw)
		if err == nil {
			l.to, err = l.from.compile(&raw)
		}
		if err != nil {
			l.to = anything
			l.from.broken(l.index, err)
		}
	})
	return l.to
}

func (s *schemas) compile(in *spec.Schema) (*schema, error) {
	c := compiler{schemas: s}
	out := c.schema(in)
	return out, c.err
}

// compiler keeps the first error.
type compiler struct {
	*schemas
	err error
}

func (c *compiler) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *compiler) schema(in *spec.Schema) *schema {
	if in == nil {
		return nil
	}
	out := &schema{
		never:             in.Never,
		types:             c.types(in.Types),
		minimum:           c.bound(in.Minimum),
		maximum:           c.bound(in.Maximum),
		above:             c.bound(in.ExclusiveMinimum),
		below:             c.bound(in.ExclusiveMaximum),
		minLength:         in.MinLength,
		maxLength:         most(in.MaxLength),
		formatName:        in.Format,
		format:            formats[in.Format],
		properties:        c.schemaMap(in.Properties),
		additional:        c.schema(in.AdditionalProperties),
		names:             c.schema(in.PropertyNames),
		dependentRequired: in.DependentRequired,
		dependent:         c.schemaMap(in.DependentSchemas),
		minProperties:     in.MinProperties,
		maxProperties:     most(in.MaxProperties),
		unevaluated:       c.schema(in.UnevaluatedProperties),
		prefix:            c.schemaList(in.PrefixItems),
		items:             c.schema(in.Items),
		unevaluatedItems:  c.schema(in.UnevaluatedItems),
		contains:          c.schema(in.Contains),
		minContains:       1,
		maxContains:       most(in.MaxContains),
		minItems:          in.MinItems,
		maxItems:          most(in.MaxItems),
		unique:            in.UniqueItems,
		allOf:             c.schemaList(in.AllOf),
		anyOf:             c.schemaList(in.AnyOf),
		oneOf:             c.schemaList(in.OneOf),
		not:               c.schema(in.Not),
		if_:               c.schema(in.If),
		then:              c.schema(in.Then),
		else_:             c.schema(in.Else),
	}
	if in.MinContains != nil {
		out.minContains = *in.MinContains
	}
	if in.Ref < 0 || in.Ref >= len(c.all) {
		c.fail(fmt.Errorf("there is no schema %d", in.Ref))
	} else if in.Ref > 0 {
		out.ref = &c.all[in.Ref]
	}
	c.rest(in, out)
	return out
}

func (c *compiler) rest(in *spec.Schema, out *schema) {
	if in.MultipleOf != "" {
		var ok bool
		if out.multipleOf, ok = new(big.Rat).SetString(in.MultipleOf.String()); !ok || out.multipleOf.Sign() <= 0 {
			c.fail(fmt.Errorf("multipleOf %s", in.MultipleOf))
		}
	}
	if in.Pattern != "" {
		out.pattern = c.pattern(in.Pattern)
	}
	for _, source := range sorted(in.PatternProperties) {
		out.patterns = append(out.patterns, patterned{c.pattern(source), c.schema(in.PatternProperties[source])})
	}
	for _, literal := range in.Enum {
		var d document
		if err := d.parse(literal); err != nil {
			c.fail(fmt.Errorf("enum: %w", err))
		}
		out.enum = append(out.enum, d)
	}
	required := slices.Concat(in.Required, in.RequiredInRequest)
	if c.answers {
		required = slices.Concat(in.Required, in.RequiredInAnswer)
	}
	for _, name := range required {
		if out.requiredSet == nil {
			out.requiredSet = map[string]bool{}
		}
		if !out.requiredSet[name] {
			out.requiredSet[name] = true
			out.required = append(out.required, name)
		}
	}
}

func (c *compiler) pattern(source string) *regexp.Regexp {
	pattern, err := regexp.Compile(source)
	if err != nil {
		c.fail(err)
		return regexp.MustCompile("")
	}
	return pattern
}

func (c *compiler) types(names []string) typeSet {
	var set typeSet
	for _, name := range names {
		i := slices.Index(typeNames, name)
		if i < 0 {
			c.fail(fmt.Errorf("type %q", name))
			continue
		}
		set |= 1 << i
	}
	return set
}

func (c *compiler) bound(n json.Number) *bound {
	if n == "" {
		return nil
	}
	b, err := newBound(n.String())
	if err != nil {
		c.fail(err)
	}
	return b
}

func (c *compiler) schemaMap(in map[string]*spec.Schema) map[string]*schema {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]*schema, len(in))
	for name, s := range in {
		out[name] = c.schema(s)
	}
	return out
}

func (c *compiler) schemaList(in []*spec.Schema) []*schema {
	var out []*schema
	for _, s := range in {
		out = append(out, c.schema(s))
	}
	return out
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func most(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}
