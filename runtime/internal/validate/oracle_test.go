package validate

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The library that kin-openapi uses says the same of every schema and value
// that it can be trusted with: it has no bound on what a body costs, which is
// why it does not run in gateways.
func TestVerdictsAreThoseOfTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		g := generator{random}
		compare(t, g.schema(3), func() string { return g.value(3) })
	}
}

// compare holds a few values against a schema.
func compare(t *testing.T, schema string, value func() string) {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:///s", parsed); err != nil {
		t.Fatal(err)
	}
	theirs, err := compiler.Compile("mem:///s")
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	ours := bodySchema(t, definitionOf("3.1.0", schema, "{}"), false)
	for range 8 {
		body := value()
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		want, got := theirs.Validate(v), judge(ours, body)
		if (want == nil) != (got == "") {
			t.Fatalf("schema %s\nvalue %s\nlibrary: %v\nhere: %s", schema, body, want, got)
		}
	}
}

// generator makes schemas and values of few words, so that they often meet.
type generator struct{ *rand.Rand }

func (g generator) of(words ...string) string { return words[g.IntN(len(words))] }

func (g generator) value(depth int) string {
	kind := g.IntN(8)
	if depth == 0 {
		kind = g.IntN(6)
	}
	switch kind {
	case 0, 1:
		return g.of("0", "1", "2", "-1", "1.0", "1.5", "10e-1", "3e2", "300", "0.10")
	case 2, 3:
		return g.of(`"a"`, `"b"`, `"ab"`, `"\u0061"`, `""`, `"aaa"`)
	case 4:
		return g.of("true", "false")
	case 5:
		return "null"
	case 6:
		var items []string
		for range g.IntN(4) {
			items = append(items, g.value(depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	var members []string
	for _, name := range []string{"a", "b", "ab"} {
		if g.IntN(2) == 0 {
			members = append(members, strconv.Quote(name)+":"+g.value(depth-1))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g generator) schema(depth int) string {
	if g.IntN(12) == 0 {
		return g.of("true", "false", "{}")
	}
	var keys []string
	for range 1 + g.IntN(3) {
		keys = append(keys, g.keyword(depth))
	}
	seen := map[string]bool{}
	var unique []string
	for _, k := range keys {
		if name, _, _ := strings.Cut(k, ":"); !seen[name] {
			seen[name] = true
			unique = append(unique, k)
		}
	}
	return "{" + strings.Join(unique, ",") + "}"
}

func (g generator) keyword(depth int) string {
	if depth == 0 || g.IntN(3) == 0 {
		return g.of(`"type":"object"`, `"type":["integer","string"]`, `"type":"array"`, `"type":"number"`, `"enum":[1,"a",null,[1],{"a":1}]`, `"const":1.0`,
			`"minimum":1`, `"maximum":1.5`, `"exclusiveMinimum":1`, `"exclusiveMaximum":300`, `"multipleOf":0.1`, `"minLength":1`, `"maxLength":1`, `"pattern":"^a+$"`,
			`"required":["a"]`, `"minProperties":1`, `"maxProperties":2`, `"minItems":1`, `"maxItems":1`, `"uniqueItems":true`, `"dependentRequired":{"a":["b"]}`)
	}
	sub := func() string { return g.schema(depth - 1) }
	switch g.IntN(15) {
	case 0:
		return `"properties":{"a":` + sub() + `,"b":` + sub() + `}`
	case 1:
		return `"patternProperties":{"^a":` + sub() + `}`
	case 2:
		return `"additionalProperties":` + sub()
	case 3:
		return `"unevaluatedProperties":` + sub()
	case 4:
		return `"propertyNames":` + sub()
	case 5:
		return `"items":` + sub()
	case 6:
		return `"prefixItems":[` + sub() + `,` + sub() + `]`
	case 7:
		return `"unevaluatedItems":` + sub()
	case 8:
		return `"contains":` + sub() + `,"minContains":` + g.of("0", "1", "2") + `,"maxContains":2`
	case 9:
		return `"not":` + sub()
	case 10:
		return `"if":` + sub() + `,"then":` + sub() + `,"else":` + sub()
	case 11:
		return `"dependentSchemas":{"a":` + sub() + `}`
	}
	return g.of(`"allOf"`, `"anyOf"`, `"oneOf"`) + `:[` + sub() + `,` + sub() + `]`
}

func FuzzVerdicts(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		g := generator{rand.New(rand.NewPCG(a, b))}
		compare(t, g.schema(4), func() string { return g.value(4) })
	})
}
