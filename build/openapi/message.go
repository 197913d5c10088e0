package openapi

import (
	"cmp"
	"mime"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// messages reads what an operation says of its request and its answers, nil
// when that is nothing that can be checked. The schemas it names are read
// later, all together.
func (s *schemas) messages(p pathItem, o operation) *spec.OperationMessages {
	m := &spec.OperationMessages{}
	all := s.allParameters(m, p, o)
	m.Parameters = s.parameters(all)
	if s.swagger2 {
		m.Body = s.bodyParameter(o, all)
	} else if body := s.part(m, o.get("requestBody"), "the request body"); body.isMap() {
		required, _ := body.get("required").boolean()
		m.Body = &spec.Content{Required: required, Media: s.media(body.get("content"))}
	}
	for _, answer := range o.get("responses").pairs() {
		media := s.answer(o, s.part(m, answer.value, "the answer "+answer.name))
		if status := strings.ToUpper(answer.name); len(media) > 0 {
			m.Answers = append(m.Answers, spec.Answer{Status: strings.Replace(status, "DEFAULT", "default", 1), Media: media})
		}
	}
	if m.Body == nil && m.Parameters == nil && m.Answers == nil && m.Unchecked == nil {
		return nil
	}
	return m
}

// part follows the reference to a part of an operation. One that leads nowhere
// is no mistake to routing.
func (s *schemas) part(m *spec.OperationMessages, v value, name string) value {
	for range maxReferences {
		at := v.get("$ref")
		if !at.exists() {
			return v
		}
		next, why := s.find(at)
		if why != "" {
			s.warnOnce("part reference", at, "%s: %s is not validated", why, name)
			m.Unchecked = append(m.Unchecked, name)
			return value{}
		}
		v = next
	}
	return value{}
}

// media keeps the types that may be JSON, in an order that does not depend on
// the file's.
func (s *schemas) media(content value) []spec.Media {
	var out []spec.Media
	for _, p := range content.pairs() {
		if name, ok := jsonType(p.name); ok {
			out = append(out, spec.Media{Type: name, Schema: s.add(p.get("schema"))})
		}
	}
	return out
}

// jsonType gives a media type without its parameters when JSON may be among
// what it names.
func jsonType(name string) (string, bool) {
	bare, _, err := mime.ParseMediaType(name)
	if err != nil {
		bare, _, _ = strings.Cut(strings.ToLower(name), ";")
		bare = strings.TrimSpace(bare)
	}
	return bare, bare == "application/json" || bare == "application/*" || bare == "*/*" || strings.HasSuffix(bare, "+json")
}

func (s *schemas) answer(o operation, answer value) []spec.Media {
	if !s.swagger2 {
		return s.media(answer.get("content"))
	}
	return s.typed(o, "produces", answer.get("schema"))
}

// typed gives the media types of Swagger 2.0, which stand apart from the
// schema. Without any, it is JSON.
func (s *schemas) typed(o operation, field string, schema value) []spec.Media {
	if !schema.exists() {
		return nil
	}
	types := o.get(field)
	if !types.isList() {
		types = s.root.get(field)
	}
	var out []spec.Media
	for _, t := range types.items() {
		text, _ := t.scalar()
		if name, ok := jsonType(text); ok {
			out = append(out, spec.Media{Type: name, Schema: s.add(schema)})
		}
	}
	if len(types.items()) == 0 {
		out = append(out, spec.Media{Type: "application/json", Schema: s.add(schema)})
	}
	return out
}

// bodyParameter gives the parameter of Swagger 2.0 that is the body.
func (s *schemas) bodyParameter(o operation, all []value) *spec.Content {
	for _, v := range all {
		if in, _ := v.get("in").scalar(); in == "body" {
			required, _ := v.get("required").boolean()
			return &spec.Content{Required: required, Media: s.typed(o, "consumes", v.get("schema"))}
		}
	}
	return nil
}

// allParameters gives those of the operation, and those of its path that it
// does not replace.
func (s *schemas) allParameters(m *spec.OperationMessages, p pathItem, o operation) []value {
	var out []value
	seen := map[[2]string]bool{}
	for _, v := range append(o.get("parameters").items(), p.item.get("parameters").items()...) {
		v = s.part(m, v, "a parameter")
		name, _ := v.get("name").scalar()
		in, _ := v.get("in").scalar()
		if key := [2]string{name, in}; v.isMap() && !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}

// notParameters are header parameters that mean nothing (OpenAPI 3.0.3,
// parameter object).
var notParameters = []string{"accept", "content-type", "authorization"}

func (s *schemas) parameters(all []value) []spec.Parameter {
	var out []spec.Parameter
	for _, v := range all {
		name, _ := v.get("name").scalar()
		in, _ := v.get("in").scalar()
		if !slices.Contains([]string{"path", "query", "header"}, in) || name == "" ||
			in == "header" && slices.Contains(notParameters, strings.ToLower(name)) {
			continue
		}
		if one, ok := s.parameter(name, in, v); ok {
			out = append(out, one)
		}
	}
	return out
}

// parameter gives one whose value is a scalar or a list of scalars.
func (s *schemas) parameter(name, in string, v value) (spec.Parameter, bool) {
	required, _ := v.get("required").boolean()
	empty, _ := v.get("allowEmptyValue").boolean()
	out := spec.Parameter{Name: name, In: in, Required: required, Empty: empty}
	schema := v.get("schema")
	if s.swagger2 {
		schema = bareSchema(v)
	}
	if !schema.exists() {
		return out, required && in != "path" // its content is not checked
	}
	shape := s.shape(schema, maxComposition)
	if shape == "object" {
		return spec.Parameter{}, false
	}
	if shape == "array" {
		if items := s.shape(s.follow(schema).get("items"), maxComposition); items == "object" || items == "array" {
			return spec.Parameter{}, false
		}
		separator, ok := s.separator(in, v)
		if !ok {
			return spec.Parameter{}, false
		}
		out.List, out.Separator = true, separator
	}
	out.Schema = s.add(schema)
	return out, true
}

// bareSchema gives the part of a Swagger 2.0 parameter that is a schema.
func bareSchema(v value) value {
	bare := *v.node
	bare.Content = nil
	for _, p := range v.pairs() {
		if p.name != "required" && p.name != "name" && p.name != "in" {
			bare.Content = append(bare.Content, p.key.node, p.node)
		}
	}
	return value{v.file, &bare}
}

// shape is object or array where a parameter's value may be one, "" for a
// scalar.
func (s *schemas) shape(v value, depth int) string {
	if depth == 0 {
		return "object" // perhaps
	}
	v = s.follow(v)
	types, _ := v.get("type").scalar()
	for _, item := range v.get("type").items() {
		if t, _ := item.scalar(); t == "object" || t == "array" {
			types = "object" // in one of two forms
		}
	}
	switch {
	case types == "array" || types == "object":
		return types
	case types != "":
		return ""
	case v.get("properties").exists():
		return "object"
	case v.get("items").exists():
		return "array"
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		for _, part := range v.get(word).items() {
			if len(part.pairs()) > 0 && s.shape(part, depth-1) != "" {
				return "object" // perhaps
			}
		}
	}
	return ""
}

// separator tells how the items of a list are written; "" where each has a
// parameter of its own.
func (s *schemas) separator(in string, v value) (string, bool) {
	if s.swagger2 {
		format, _ := v.get("collectionFormat").scalar()
		separator, ok := map[string]string{"": ",", "csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|", "multi": ""}[format]
		return separator, ok
	}
	style, _ := v.get("style").scalar()
	explode, given := v.get("explode").boolean()
	if in != "query" {
		return ",", cmp.Or(style, "simple") == "simple"
	}
	style = cmp.Or(style, "form")
	if style == "form" && (explode || !given) || explode {
		return "", true
	}
	separator, ok := map[string]string{"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}[style]
	return separator, ok
}

// finish turns all schemas that were named, and drops from the operations what
// cannot be checked.
func (s *schemas) finish(api *API) {
	s.translate()
	usable := s.usable()
	for i := range api.Operations {
		if m := api.Operations[i].Messages; m != nil {
			prune(m, usable)
		}
	}
	api.Schemas = s.encode(usable)
}

// prune leaves what can be checked and names what cannot.
func prune(m *spec.OperationMessages, usable []bool) {
	drop := func(list []spec.Media, what string) []spec.Media {
		kept := slices.DeleteFunc(list, func(t spec.Media) bool { return !usable[t.Schema] })
		if len(kept) < len(list) {
			m.Unchecked = append(m.Unchecked, what)
		}
		return kept
	}
	if m.Body != nil {
		m.Body.Media = drop(m.Body.Media, "the request body")
	}
	for i := range m.Answers {
		m.Answers[i].Media = drop(m.Answers[i].Media, "the answer "+m.Answers[i].Status)
	}
	m.Parameters = slices.DeleteFunc(m.Parameters, func(p spec.Parameter) bool {
		if !usable[p.Schema] {
			m.Unchecked = append(m.Unchecked, "the parameter "+p.Name)
		}
		return !usable[p.Schema]
	})
}
