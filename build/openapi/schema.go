package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/spec"
)

// schemas turns the schemas of one definition into JSON Schema 2020-12. It
// reads those that messages use and what they refer to, each once, so that a
// cycle is no more than an index. What is wrong in a schema is a warning: the
// keyword has no effect. A schema that refers to something that is not there is
// broken, and so is each that needs it.
type schemas struct {
	*reader
	siblings bool // what stands beside a $ref counts: OpenAPI 3.1

	known    map[*yaml.Node]int // indexes of the list
	answers  map[[2]string]reference
	patterns map[string]string
	list     []*schema
	quiet    map[string]value // documents that only schemas want; absent ones too
}

// schema is one of the list.
type schema struct {
	at     value
	out    *spec.Schema
	refs   []edge
	broken bool
}

// edge leads to a schema that another one refers to; inPlace when it applies
// to the very same value.
type edge struct {
	to      int
	inPlace bool
}

func (r *reader) newSchemas() *schemas {
	version, _ := r.root.get("openapi").scalar()
	return &schemas{
		reader:   r,
		siblings: !r.swagger2 && !strings.HasPrefix(version+".", "3.0."),
		known:    map[*yaml.Node]int{},
		answers:  map[[2]string]reference{},
		patterns: map[string]string{},
		list:     []*schema{{out: &spec.Schema{}}}, // spec.Anything
		quiet:    map[string]value{},
	}
}

// add gives the index of a schema that a message has.
func (s *schemas) add(v value) int {
	if !v.exists() || v.isNull() {
		return spec.Anything
	}
	if i, ok := s.known[v.node]; ok {
		return i
	}
	s.known[v.node] = len(s.list)
	s.list = append(s.list, &schema{at: v})
	return len(s.list) - 1
}

// translate works through the list, which grows meanwhile.
func (s *schemas) translate() {
	for i := 0; i < len(s.list); i++ {
		if of := s.list[i]; of.out == nil {
			of.out = s.schema(of, of.at, true, nil)
		}
	}
}

// schema turns one schema. outer are those whose allOf it is part of.
func (s *schemas) schema(of *schema, v value, inPlace bool, outer []value) *spec.Schema {
	if b, ok := v.boolean(); ok {
		return &spec.Schema{Never: !b}
	}
	if !v.isMap() {
		s.ignored(v, "a schema must be a mapping, not %s", v.describe())
		return &spec.Schema{}
	}
	if at := v.get("$ref"); at.exists() {
		out := s.refer(of, at, inPlace)
		if !s.siblings {
			return s.nullable(v, out)
		}
		if len(v.node.Content) == 2 {
			return out
		}
		rest := s.keywords(of, v, inPlace, outer)
		rest.Ref = out.Ref
		return s.nullable(v, rest)
	}
	return s.nullable(v, s.keywords(of, v, inPlace, outer))
}

func (s *schemas) refer(of *schema, at value, inPlace bool) *spec.Schema {
	target, why := s.find(at)
	if why != "" {
		of.broken = true
		s.warnOnce("schema reference", at, "%s: what needs this schema is not validated", why)
		return &spec.Schema{}
	}
	i := s.add(target)
	of.refs = append(of.refs, edge{i, inPlace})
	return &spec.Schema{Ref: i}
}

// nullable lets null through where OpenAPI 3.0 says so, or Swagger 2.0's users
// do. Writers mean it beside a $ref or an allOf as well, where the
// specification gives it no effect.
func (s *schemas) nullable(v value, out *spec.Schema) *spec.Schema {
	yes, _ := v.get("nullable").boolean()
	if extension, _ := v.get("x-nullable").boolean(); !yes && !extension {
		return out
	}
	if !acceptsByRule(out) {
		return &spec.Schema{AnyOf: []*spec.Schema{{Types: []string{"null"}}, out}}
	}
	if len(out.Types) > 0 && !slices.Contains(out.Types, "null") {
		out.Types = append(out.Types, "null")
	}
	if len(out.Enum) > 0 && !slices.ContainsFunc(out.Enum, func(e json.RawMessage) bool { return string(e) == "null" }) {
		out.Enum = append(out.Enum, json.RawMessage("null"))
	}
	return out
}

// acceptsByRule tells that only type and enum stand between null and the
// schema: the other keywords are about values of other types.
func acceptsByRule(s *spec.Schema) bool {
	return !s.Never && s.Ref == 0 && s.AllOf == nil && s.AnyOf == nil && s.OneOf == nil && s.Not == nil && s.If == nil
}

// keywords turns what a mapping says, its $ref apart.
func (s *schemas) keywords(of *schema, v value, inPlace bool, outer []value) *spec.Schema {
	out := &spec.Schema{}
	below := func(v value) *spec.Schema { return s.schema(of, v, false, nil) }
	here := func(v value) *spec.Schema { return s.schema(of, v, inPlace, nil) }
	for _, p := range v.pairs() {
		switch p.name {
		case "properties":
			out.Properties = s.schemaMap(p, below)
		case "patternProperties":
			s.patternProperties(out, p, below)
		case "additionalProperties":
			out.AdditionalProperties = below(p.value)
		case "unevaluatedProperties":
			out.UnevaluatedProperties = below(p.value)
		case "propertyNames":
			out.PropertyNames = below(p.value)
		case "dependentSchemas":
			out.DependentSchemas = s.schemaMap(p, here)
		case "prefixItems":
			out.PrefixItems = s.schemaList(p, below)
		case "items":
			out.Items = below(p.value)
		case "unevaluatedItems":
			out.UnevaluatedItems = below(p.value)
		case "contains":
			out.Contains = below(p.value)
		case "allOf":
			parents := append(slices.Clone(outer), v)
			out.AllOf = append(out.AllOf, s.schemaList(p, func(v value) *spec.Schema { return s.schema(of, v, inPlace, parents) })...)
		case "anyOf":
			out.AnyOf = s.schemaList(p, here)
		case "oneOf":
			out.OneOf = s.schemaList(p, here)
		case "not":
			out.Not = here(p.value)
		case "if":
			out.If = here(p.value)
		case "then":
			out.Then = here(p.value)
		case "else":
			out.Else = here(p.value)
		case "$dynamicRef", "$recursiveRef":
			of.broken = true
			s.warnOnce("schema "+p.name, p.key, "%s is not supported: what needs this schema is not validated", p.name)
		default:
			s.assertion(out, v, p, outer)
		}
	}
	addRange(out, v)
	s.strictPattern(out)
	return out
}

func (s *schemas) schemaMap(p pair, turn func(value) *spec.Schema) map[string]*spec.Schema {
	if !p.isMap() {
		s.ignored(p.value, "%s must be a mapping of schemas, not %s", p.name, p.describe())
		return nil
	}
	out := map[string]*spec.Schema{}
	for _, member := range p.pairs() {
		out[member.name] = turn(member.value)
	}
	return out
}

func (s *schemas) schemaList(p pair, turn func(value) *spec.Schema) []*spec.Schema {
	if !p.isList() {
		s.ignored(p.value, "%s must be a list of schemas, not %s", p.name, p.describe())
		return nil
	}
	var out []*spec.Schema
	for _, item := range p.items() {
		out = append(out, turn(item))
	}
	return out
}

// patternProperties leaves out a pattern that cannot be read, and then what is
// said of the other properties, which might be meant for it.
func (s *schemas) patternProperties(out *spec.Schema, p pair, turn func(value) *spec.Schema) {
	all := s.schemaMap(p, turn)
	for _, member := range p.pairs() {
		pattern, ok := s.pattern(member.key, member.name)
		if !ok {
			out.PatternProperties = map[string]*spec.Schema{unreadable: {}}
			return
		}
		if out.PatternProperties == nil {
			out.PatternProperties = map[string]*spec.Schema{}
		}
		out.PatternProperties[pattern] = all[member.name]
	}
}

// unreadable is a pattern of every name.
const unreadable = ""

// strictPattern ends the effect of additionalProperties where a pattern was
// left out: every name matches the one in its place.
func (s *schemas) strictPattern(out *spec.Schema) {
	if _, ok := out.PatternProperties[unreadable]; ok {
		out.AdditionalProperties, out.UnevaluatedProperties = nil, nil
	}
}

// ignored warns of a keyword that has no effect.
func (s *schemas) ignored(at value, format string, args ...any) {
	s.warnOnce("schema keyword", at, "%s: it is not validated", fmt.Sprintf(format, args...))
}
