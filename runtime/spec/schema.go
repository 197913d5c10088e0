package spec

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Schemas is what validation knows of a gateway's messages. It travels packed,
// in Gateway.Schemas, so that a gateway that does not validate pays nothing.
type Schemas struct {
	APIs []APISchemas `json:"apis"` // by API.ID
}

// APISchemas is what one definition says of its messages.
type APISchemas struct {
	// Schemas are those that something refers to, by Schema.Ref and
	// Media.Schema; each is the JSON of a Schema, decoded when it is first
	// needed. The first one, Anything, accepts whatever comes.
	Schemas    []json.RawMessage   `json:"-"`
	Count      int                 `json:"schemas"`              // len(Schemas), while they are packed
	Operations []OperationMessages `json:"operations,omitempty"` // those that say something
}

// Anything is the index of the schema that accepts all values.
const Anything = 0

// OperationMessages is what an operation says of its request and its answers.
type OperationMessages struct {
	Operation  int         `json:"operation"` // Operation.ID
	Body       *Content    `json:"body,omitempty"`
	Parameters []Parameter `json:"parameters,omitempty"`
	Answers    []Answer    `json:"answers,omitempty"`
	// Unchecked names the parts whose schemas are broken: the request body, the
	// answer 200, the parameter NAME.
	Unchecked []string `json:"unchecked,omitempty"`
}

// Content is a body in one of several media types.
type Content struct {
	Required bool    `json:"required,omitempty"`
	Media    []Media `json:"media,omitempty"`
}

// Media is a media type or range, in lower case and without parameters, and
// the index of its schema.
type Media struct {
	Type   string `json:"type"`
	Schema int    `json:"schema"`
}

// Answer is what an operation answers with a status.
type Answer struct {
	Status string  `json:"status"` // 200, 2XX, default
	Media  []Media `json:"media"`
}

// Parameter is one of a path, a query or a header whose value is a scalar or a
// list of scalars. Others are not checked.
type Parameter struct {
	Name     string `json:"name"`
	In       string `json:"in"` // path, query, header
	Required bool   `json:"required,omitempty"`
	Empty    bool   `json:"empty,omitempty"` // allowEmptyValue
	List     bool   `json:"list,omitempty"`
	// Separator stands between the items of a List in one value; "" for a query
	// parameter that comes once for each item.
	Separator string `json:"separator,omitempty"`
	Schema    int    `json:"schema"`
}

// Schema is a schema of JSON Schema 2020-12 with what OpenAPI adds already
// turned into it. The zero value accepts everything.
type Schema struct {
	Never bool              `json:"never,omitempty"` // accepts nothing
	Ref   int               `json:"ref,omitempty"`   // index in APISchemas.Schemas
	Types []string          `json:"types,omitempty"`
	Enum  []json.RawMessage `json:"enum,omitempty"` // const is an enum of one

	Minimum          json.Number `json:"minimum,omitempty"`
	Maximum          json.Number `json:"maximum,omitempty"`
	ExclusiveMinimum json.Number `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum json.Number `json:"exclusiveMaximum,omitempty"`
	MultipleOf       json.Number `json:"multipleOf,omitempty"`

	MinLength int    `json:"minLength,omitempty"`
	MaxLength *int   `json:"maxLength,omitempty"`
	Pattern   string `json:"pattern,omitempty"` // of Go's regexp
	Format    string `json:"format,omitempty"`  // only what is checked

	Properties            map[string]*Schema  `json:"properties,omitempty"`
	PatternProperties     map[string]*Schema  `json:"patternProperties,omitempty"`
	AdditionalProperties  *Schema             `json:"additionalProperties,omitempty"`
	UnevaluatedProperties *Schema             `json:"unevaluatedProperties,omitempty"`
	PropertyNames         *Schema             `json:"propertyNames,omitempty"`
	Required              []string            `json:"required,omitempty"`
	RequiredInRequest     []string            `json:"requiredInRequest,omitempty"` // write-only ones
	RequiredInAnswer      []string            `json:"requiredInAnswer,omitempty"`  // read-only ones
	DependentRequired     map[string][]string `json:"dependentRequired,omitempty"`
	DependentSchemas      map[string]*Schema  `json:"dependentSchemas,omitempty"`
	MinProperties         int                 `json:"minProperties,omitempty"`
	MaxProperties         *int                `json:"maxProperties,omitempty"`

	PrefixItems      []*Schema `json:"prefixItems,omitempty"`
	Items            *Schema   `json:"items,omitempty"` // of those after PrefixItems
	UnevaluatedItems *Schema   `json:"unevaluatedItems,omitempty"`
	Contains         *Schema   `json:"contains,omitempty"`
	MinContains      *int      `json:"minContains,omitempty"`
	MaxContains      *int      `json:"maxContains,omitempty"`
	MinItems         int       `json:"minItems,omitempty"`
	MaxItems         *int      `json:"maxItems,omitempty"`
	UniqueItems      bool      `json:"uniqueItems,omitempty"`

	AllOf []*Schema `json:"allOf,omitempty"`
	AnyOf []*Schema `json:"anyOf,omitempty"`
	OneOf []*Schema `json:"oneOf,omitempty"`
	Not   *Schema   `json:"not,omitempty"`
	If    *Schema   `json:"if,omitempty"`
	Then  *Schema   `json:"then,omitempty"`
	Else  *Schema   `json:"else,omitempty"`
}

// PackSchemas gives the form in which schemas travel: the same for the same
// Schemas. It is compressed lines: one of JSON with all but the schemas, then a
// line for each of those, so that unpacking need not look into them.
func PackSchemas(s *Schemas) ([]byte, error) {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	head := Schemas{APIs: slices.Clone(s.APIs)}
	for i := range head.APIs {
		head.APIs[i].Count = len(head.APIs[i].Schemas)
	}
	if err := json.NewEncoder(packed).Encode(head); err != nil {
		return nil, fmt.Errorf("packing the schemas: %w", err)
	}
	for _, api := range s.APIs {
		for _, schema := range api.Schemas {
			if bytes.IndexByte(schema, '\n') >= 0 {
				return nil, errors.New("packing the schemas: one has several lines")
			}
			_, _ = packed.Write(schema) // to memory
			_, _ = packed.Write([]byte{'\n'})
		}
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// UnpackSchemas reads what PackSchemas wrote; nothing is no schemas.
func UnpackSchemas(packed []byte) (*Schemas, error) {
	s := new(Schemas)
	if len(packed) == 0 {
		return s, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded schemas: %w", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded schemas: %w", err)
	}
	head, rest, _ := bytes.Cut(text, []byte{'\n'})
	dec := json.NewDecoder(bytes.NewReader(head))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("unpacking the embedded schemas: %w", err)
	}
	for i := range s.APIs {
		api := &s.APIs[i]
		for range api.Count {
			line, more, found := bytes.Cut(rest, []byte{'\n'})
			if !found {
				return nil, errors.New("unpacking the embedded schemas: they end too early")
			}
			api.Schemas, rest = append(api.Schemas, line), more
		}
	}
	return s, nil
}
