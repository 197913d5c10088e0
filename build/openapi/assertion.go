package openapi

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"

	"mgw/runtime/spec"
)

var jsonTypes = []string{"string", "number", "integer", "boolean", "object", "array", "null"}

// formats are those that are checked, as most of the world takes them. All
// others are remarks (JSON Schema 2020-12, validation, section 7.2.1).
var formats = []string{"date-time", "date", "uuid", "ipv4", "ipv6", "email"}

// assertion turns a keyword that has no schema inside. What is not known is a
// remark.
func (s *schemas) assertion(out *spec.Schema, v value, p pair, outer []value) {
	switch p.name {
	case "type":
		out.Types = s.types(p)
	case "enum":
		out.Enum = s.enum(v, p)
	case "const":
		s.constant(out, v, p)
	case "minimum":
		s.bound(v, p, "exclusiveMinimum", &out.Minimum, &out.ExclusiveMinimum)
	case "maximum":
		s.bound(v, p, "exclusiveMaximum", &out.Maximum, &out.ExclusiveMaximum)
	case "exclusiveMinimum", "exclusiveMaximum":
		to := &out.ExclusiveMinimum
		if p.name == "exclusiveMaximum" {
			to = &out.ExclusiveMaximum
		}
		if _, flag := p.boolean(); !flag { // of OpenAPI 3.0: a remark on minimum
			s.number(p, to)
		}
	case "multipleOf":
		if f, ok := p.number(); ok && f > 0 {
			s.number(p, &out.MultipleOf)
		} else {
			s.ignored(p.value, "multipleOf must be a number above 0, not %s", p.describe())
		}
	case "minLength":
		out.MinLength = s.least(p)
	case "minProperties":
		out.MinProperties = s.least(p)
	case "minItems":
		out.MinItems = s.least(p)
	case "maxLength":
		out.MaxLength = s.size(p)
	case "maxProperties":
		out.MaxProperties = s.size(p)
	case "maxItems":
		out.MaxItems = s.size(p)
	case "minContains":
		out.MinContains = s.size(p)
	case "maxContains":
		out.MaxContains = s.size(p)
	case "uniqueItems":
		out.UniqueItems, _ = p.boolean()
	case "pattern":
		s.patternKeyword(out, p)
	case "format":
		if name, _ := p.scalar(); slices.Contains(formats, name) {
			out.Format = name
		}
	case "required":
		s.required(out, v, p, outer)
	case "dependentRequired":
		for _, d := range p.pairs() {
			if out.DependentRequired == nil {
				out.DependentRequired = map[string][]string{}
			}
			out.DependentRequired[d.name] = s.names(d)
		}
	}
}

func (s *schemas) types(p pair) []string {
	words := []value{p.value}
	if p.isList() {
		words = p.items()
	}
	var out []string
	for _, w := range words {
		name, ok := w.scalar()
		if w.isNull() {
			name, ok = "null", true
		}
		switch {
		case ok && slices.Contains(jsonTypes, name):
			out = append(out, name)
		case name == "file": // of Swagger 2.0: no JSON
			return nil
		default:
			s.ignored(w, "type %s is not a type of JSON", w.describe())
			return nil
		}
	}
	return out
}

// bound reads minimum or maximum, exclusive by OpenAPI 3.0's flag beside it.
func (s *schemas) bound(v value, p pair, flag string, inclusive, exclusive *json.Number) {
	if yes, _ := v.get(flag).boolean(); yes {
		inclusive = exclusive
	}
	s.number(p, inclusive)
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)

// maxLiteral bounds a number's text.
const maxLiteral = 400

func numberOf(v value) (json.Number, bool) {
	if tag := v.node.ShortTag(); tag != "!!int" && tag != "!!float" {
		return "", false
	}
	text := v.node.Value
	if len(text) <= maxLiteral && jsonNumber.MatchString(text) {
		return json.Number(text), true
	}
	f, ok := v.number()
	if !ok || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), true
}

func (s *schemas) number(p pair, to *json.Number) {
	n, ok := numberOf(p.value)
	if !ok {
		s.ignored(p.value, "%s must be a number, not %s", p.name, p.describe())
		return
	}
	*to = n
}

func (s *schemas) size(p pair) *int {
	f, ok := p.number()
	if !ok || f < 0 || f != math.Trunc(f) {
		s.ignored(p.value, "%s must be a whole number from 0, not %s", p.name, p.describe())
		return nil
	}
	n := int(min(f, math.MaxInt32))
	return &n
}

func (s *schemas) least(p pair) int {
	if n := s.size(p); n != nil {
		return *n
	}
	return 0
}

func (s *schemas) patternKeyword(out *spec.Schema, p pair) {
	text, ok := p.scalar()
	if !ok {
		s.ignored(p.value, "pattern must be a regular expression, not %s", p.describe())
		return
	}
	out.Pattern, _ = s.pattern(p.value, text)
}

var escapedRune = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// pattern gives what Go's regexp makes of an expression of ECMA-262. It has no
// look-around and no back references, and so takes linear time.
func (s *schemas) pattern(at value, text string) (string, bool) {
	if known, ok := s.patterns[text]; ok {
		return known, known != "" || text == ""
	}
	turned := escapedRune.ReplaceAllString(text, `\x{$1}`)
	if _, err := regexp.Compile(turned); err != nil {
		s.warnOnce("schema pattern", at, "pattern %q is not one that Go's regexp reads (no look-around, no back references): it is not validated", clip(text))
		turned = ""
	}
	s.patterns[text] = turned
	return turned, turned != "" || text == ""
}

// ranges of the formats that OpenAPI gives numbers.
var ranges = map[string][2]json.Number{
	"int32": {"-2147483648", "2147483647"},
	"int64": {"-9223372036854775808", "9223372036854775807"},
}

// addRange gives a whole number the range of its format, where the schema says
// nothing of its own.
func addRange(out *spec.Schema, v value) {
	name, _ := v.get("format").scalar()
	bounds, ok := ranges[name]
	if !ok || !slices.Contains(out.Types, "integer") {
		return
	}
	if out.Minimum == "" && out.ExclusiveMinimum == "" {
		out.Minimum = bounds[0]
	}
	if out.Maximum == "" && out.ExclusiveMaximum == "" {
		out.Maximum = bounds[1]
	}
}

func (s *schemas) enum(v value, p pair) []json.RawMessage {
	if !p.isList() {
		s.ignored(p.value, "enum must be a list, not %s", p.describe())
		return nil
	}
	out := []json.RawMessage{}
	for _, item := range p.items() {
		literal, ok := s.literal(v, item)
		if !ok {
			return nil
		}
		out = append(out, literal)
	}
	return out
}

// constant is an enum of one. Beside an enum both hold.
func (s *schemas) constant(out *spec.Schema, v value, p pair) {
	literal, ok := s.literal(v, p.value)
	switch {
	case !ok:
	case v.get("enum").exists():
		out.AllOf = append(out.AllOf, &spec.Schema{Enum: []json.RawMessage{literal}})
	default:
		out.Enum = []json.RawMessage{literal}
	}
}

// literal gives a value as JSON. One that YAML takes for another type than the
// schema's, because it is not quoted or is, is the word that its writer sees.
func (s *schemas) literal(v, item value) (json.RawMessage, bool) {
	want, _ := v.get("type").scalar()
	text, scalar := item.scalar()
	if scalar && want == "string" {
		out, _ := json.Marshal(text)
		return out, true
	}
	if (want == "integer" || want == "number") && len(text) <= maxLiteral && jsonNumber.MatchString(text) {
		return json.RawMessage(text), true
	}
	if n, ok := numberOf(item); ok {
		return json.RawMessage(n), true
	}
	var any any
	if err := item.node.Decode(&any); err == nil {
		if out, err := json.Marshal(any); err == nil {
			return out, true
		}
	}
	s.ignored(item, "a value of enum or const is not one of JSON")
	return nil, false
}

func (s *schemas) names(p pair) []string {
	var out []string
	for _, item := range p.items() {
		if name, ok := item.scalar(); ok {
			out = append(out, name)
		}
	}
	return out
}

// required sorts the names: a read-only property is required in answers only,
// a write-only one in requests only (OpenAPI 3.0.3, schema object).
func (s *schemas) required(out *spec.Schema, v value, p pair, outer []value) {
	if _, flag := p.boolean(); flag {
		return // of JSON Schema draft 3: a word about the property, not the value
	}
	if !p.isList() {
		s.ignored(p.value, "required must be a list, not %s", p.describe())
		return
	}
	for _, name := range s.names(p) {
		switch readOnly, writeOnly := s.direction(name, append(slices.Clone(outer), v)); {
		case readOnly:
			out.RequiredInAnswer = append(out.RequiredInAnswer, name)
		case writeOnly:
			out.RequiredInRequest = append(out.RequiredInRequest, name)
		default:
			out.Required = append(out.Required, name)
		}
	}
}

// maxComposition bounds the way to a property through allOf.
const maxComposition = 8

// direction looks a property up in schemas and what they are composed of.
func (s *schemas) direction(name string, in []value) (readOnly, writeOnly bool) {
	for _, v := range in {
		if property := s.property(name, v, maxComposition); property.exists() {
			readOnly, _ = property.get("readOnly").boolean()
			writeOnly, _ = property.get("writeOnly").boolean()
			if target := s.follow(property); !readOnly && !writeOnly && target.exists() {
				readOnly, _ = target.get("readOnly").boolean()
				writeOnly, _ = target.get("writeOnly").boolean()
			}
			if readOnly || writeOnly {
				return readOnly, writeOnly
			}
		}
	}
	return false, false
}

func (s *schemas) property(name string, v value, depth int) value {
	if v = s.follow(v); depth == 0 {
		return value{}
	}
	if found := v.get("properties").get(name); found.exists() {
		return found
	}
	for _, part := range v.get("allOf").items() {
		if found := s.property(name, part, depth-1); found.exists() {
			return found
		}
	}
	return value{}
}
