package validate

import (
	"strings"
	"testing"
)

func TestMessagesSayWhereAndWhy(t *testing.T) {
	const components = `{
"Pet": {"type": "object", "required": ["name", "photoUrls"], "properties": {
  "name": {"type": "string", "minLength": 2, "maxLength": 5}, "photoUrls": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
  "status": {"type": "string", "enum": ["available", "sold"]}, "age": {"type": "integer", "format": "int32", "minimum": 0},
  "born": {"type": "string", "format": "date-time"}, "tag": {"type": "string", "pattern": "^[a-z]+$"},
  "owner": {"$ref": "#/components/schemas/Owner"}, "a/b~c": {"type": "boolean"}}},
"Owner": {"type": "object", "additionalProperties": false, "properties": {"id": {"type": "string", "format": "uuid"}, "weight": {"type": "number", "multipleOf": 0.1}}},
"Shape": {"oneOf": [{"$ref": "#/components/schemas/Circle"}, {"$ref": "#/components/schemas/Square"}, {"type": "string"}]},
"Circle": {"type": "object", "required": ["kind", "radius"], "properties": {"kind": {"type": "string", "enum": ["circle"]}, "radius": {"type": "number", "minimum": 0, "exclusiveMinimum": true}}},
"Square": {"type": "object", "required": ["kind", "side"], "properties": {"kind": {"type": "string", "enum": ["square"]}, "side": {"type": "number"}}}}`
	for _, tc := range []struct{ schema, body, want string }{
		{"Pet", `{"name":"Rex","photoUrls":[]}`, ""},
		{"Pet", `{"name":"Rex","photoUrls":[],"more":{"x":1}}`, ""},
		{"Pet", `{}`, "#: required key [name] not found, #: required key [photoUrls] not found, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"status":"hello"}`, "#/status: not a valid enum value, "},
		{"Pet", `[]`, "#: expected type: object, found: array, "},
		{"Pet", `{"name":"R","photoUrls":["a",1,"c"]}`, "#/name: expected minLength: 2, actual: 1, #/photoUrls: expected maximum item count: 2, found: 3, #/photoUrls/1: expected type: string, found: number, "},
		{"Pet", `{"name":"Réxé","photoUrls":[]}`, ""},
		{"Pet", `{"name":"Rex","photoUrls":[],"age":-1}`, "#/age: must be 0 or more, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"age":1.0}`, ""},
		{"Pet", `{"name":"Rex","photoUrls":[],"age":1.5}`, "#/age: expected type: integer, found: number, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"age":2147483648}`, "#/age: must be 2147483647 or less, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"age":1e400}`, "#/age: must be 2147483647 or less, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"born":"2026-11-22T01:02:60z"}`, ""},
		{"Pet", `{"name":"Rex","photoUrls":[],"born":"yesterday"}`, "#/born: not a valid date-time, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"tag":"A1"}`, "#/tag: does not match pattern ^[a-z]+$, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"a/b~c":0}`, "#/a~1b~0c: expected type: boolean, found: number, "},
		{"Pet", `{"name":"Rex","photoUrls":[],"owner":{"ID":"x"}}`, "#/owner/ID: this key is not allowed, "},
		{"Owner", `{"id":"0b5c8b0e-0f0b-4a8c-9a6b-6d1f1c1f1c1f","weight":1.3}`, ""},
		{"Owner", `{"weight":1.35}`, "#/weight: must be a multiple of 1/10, "},
		{"Owner", `{"id":"0b5c8b0e"}`, "#/id: not a valid uuid, "},
		{"Shape", `{"kind":"circle","radius":0}`, "#/radius: must be more than 0, "},
		{"Shape", `{"kind":"square"}`, "#: required key [side] not found, "},
		{"Shape", `{"kind":"line"}`, "#: matches none of the 3 alternatives, "},
		{"Shape", `true`, "#: matches none of the 3 alternatives, "},
		{"Shape", `"any"`, ""},
	} {
		of := bodySchema(t, definitionOf("3.0.3", `{"$ref": "#/components/schemas/`+tc.schema+`"}`, components), false)
		if got := judge(of, tc.body); got != tc.want {
			t.Errorf("%s: %s:\ngot  %q\nwant %q", tc.schema, tc.body, got, tc.want)
		}
	}
}

func TestMessagesRepeatNeitherValuesNorLongNames(t *testing.T) {
	of := bodySchema(t, definitionOf("3.0.3", `{"type": "object", "properties": {"password": {"type": "string", "maxLength": 3, "pattern": "^x"}}, "additionalProperties": {"type": "integer"}}`, "{}"), false)
	if got := judge(of, `{"password":"hunter2"}`); got == "" || strings.Contains(got, "hunter2") {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("n", 5000)
	if got := judge(of, `{"`+long+`\u0000\n":"s"}`); got == "" || len(got) > 200 || strings.ContainsAny(got, "\n\x00") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(`,"k` + itoa(i) + `":"s"`)
	}
	if got := judge(of, "{"+b.String()[1:]+"}"); strings.Count(got, "expected type") != maxErrors {
		t.Errorf("%q", got)
	}
}

func TestDirectionsHaveTheirOwnRequiredKeys(t *testing.T) {
	const components = `{
"Base": {"type": "object", "properties": {"id": {"type": "string", "readOnly": true}}},
"Word": {"type": "string", "writeOnly": true},
"User": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "required": ["id", "name", "password"],
  "properties": {"name": {"type": "string"}, "password": {"$ref": "#/components/schemas/Word"}}}]}}`
	definition := definitionOf("3.0.3", `{"$ref": "#/components/schemas/User"}`, components)
	requests, answers := bodySchema(t, definition, false), bodySchema(t, definition, true)
	for _, tc := range []struct {
		of         *lazy
		body, want string
	}{
		{requests, `{"name":"a","password":"b"}`, ""},
		{requests, `{"id":"1","name":"a","password":"b"}`, ""}, // a read-only key SHOULD NOT be sent, but is
		{requests, `{"name":"a"}`, "#: required key [password] not found, "},
		{answers, `{"id":"1","name":"a"}`, ""},
		{answers, `{"name":"a"}`, "#: required key [id] not found, "},
	} {
		if got := judge(tc.of, tc.body); got != tc.want {
			t.Errorf("%s: %q", tc.body, got)
		}
	}
}

func TestNullsOfOpenAPI3(t *testing.T) {
	const components = `{"E": {"type": "string", "enum": ["a"]}}`
	for _, tc := range []struct {
		version, schema string
		accepts         bool
	}{
		{"3.0.3", `{"type": "string", "nullable": true}`, true},
		{"3.0.3", `{"type": "string"}`, false},
		{"3.0.3", `{"type": "string", "enum": ["a"], "nullable": true}`, true},
		{"3.0.3", `{"$ref": "#/components/schemas/E", "nullable": true}`, true},
		{"3.0.3", `{"allOf": [{"$ref": "#/components/schemas/E"}], "nullable": true}`, true},
		{"3.0.3", `{"oneOf": [{"$ref": "#/components/schemas/E"}]}`, false},
		{"3.1.0", `{"type": ["string", "null"]}`, true},
		{"3.1.0", `{"type": ["string", "integer"]}`, false},
		{"3.1.0", `{"anyOf": [{"$ref": "#/components/schemas/E"}, {"type": "null"}]}`, true},
	} {
		if got := judge(bodySchema(t, definitionOf(tc.version, tc.schema, components), false), "null"); (got == "") != tc.accepts {
			t.Errorf("%s: %q", tc.schema, got)
		}
	}
}

// hostile are bodies whose cost would grow without bound: alternatives that
// refer to themselves double the work with each level.
func TestTheCostOfAHostileBodyIsBounded(t *testing.T) {
	expression := bodySchema(t, definitionOf("3.0.3", `{"$ref": "#/components/schemas/E"}`, `{"E": {"anyOf": [
{"type": "object", "required": ["op", "arg"], "properties": {"op": {"type": "string"}, "arg": {"$ref": "#/components/schemas/E"}, "z": {"type": "integer"}}},
{"type": "object", "required": ["op", "arg"], "properties": {"op": {"type": "string"}, "arg": {"$ref": "#/components/schemas/E"}, "y": {"type": "integer"}}},
{"type": "string"}]}}`), false)
	if got := judge(expression, strings.Repeat(`{"op":"x","arg":`, 60)+`"end"`+strings.Repeat("}", 60)); got != "" {
		t.Errorf("a deep body that is right: %q", got)
	}
	if got := judge(expression, strings.Repeat(`{"op":"x","arg":`, 60)+`1`+strings.Repeat("}", 60)); got != "#: the body is too complex to be checked, " {
		t.Errorf("a deep body that is wrong: %q", got)
	}
	unique := bodySchema(t, definitionOf("3.0.3", `{"type": "array", "uniqueItems": true, "items": {}}`, "{}"), false)
	var b strings.Builder
	for i := range 150_000 {
		b.WriteString("," + itoa(i))
	}
	list := "[" + b.String()[1:]
	if got := judge(unique, list+"]"); got != "" {
		t.Errorf("%q", got)
	}
	if got := judge(unique, list+",1.49999e5]"); got != "#: array items are not unique, " {
		t.Errorf("%q", got)
	}
	nested := bodySchema(t, definitionOf("3.0.3", `{"$ref": "#/components/schemas/L"}`, `{"L": {"type": "array", "uniqueItems": true, "items": {"$ref": "#/components/schemas/L"}}}`), false)
	if got := judge(nested, strings.Repeat("[[],", 120)+"[]"+strings.Repeat("]", 120)); !strings.HasPrefix(got, "#/1/1/") { // the innermost are [[],[]]
		t.Errorf("%q", got)
	}
	dear := bodySchema(t, definitionOf("3.0.3", `{"type": "array", "items": {"type": "number", "multipleOf": 0.01, "minimum": 0.5}}`, "{}"), false)
	if got := judge(dear, "["+strings.Repeat("1e399,", 100_000)+"1]"); got != "" && got != "#: the body is too complex to be checked, " {
		t.Errorf("%q", got)
	}
	pattern := bodySchema(t, definitionOf("3.0.3", `{"type": "string", "pattern": "^(a+)+$"}`, "{}"), false)
	if got := judge(pattern, `"`+strings.Repeat("a", 500_000)+`!"`); got == "" {
		t.Error("accepted")
	}
}

func TestACheckOfAValidBodyAllocatesLittle(t *testing.T) {
	of := bodySchema(t, definitionOf("3.0.3", typicalSchema, "{}"), false)
	var c check
	body := []byte(typicalBody)
	if n := testing.AllocsPerRun(100, func() {
		if err := c.parse(body); err != nil {
			t.Fatal(err)
		}
		if v := c.run(of.get()); !v.ok {
			t.Fatal(v.errors)
		}
	}); n > 8 { // dates, a number with a point
		t.Errorf("%v allocations", n)
	}
}

const typicalSchema = `{"type": "object", "required": ["id", "customer", "lines"], "properties": {
"id": {"type": "string", "format": "uuid"}, "created": {"type": "string", "format": "date"}, "note": {"type": "string", "maxLength": 200, "nullable": true},
"customer": {"type": "object", "required": ["name", "email"], "properties": {"name": {"type": "string", "minLength": 1}, "email": {"type": "string", "format": "email"}, "vip": {"type": "boolean"}}},
"lines": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["sku", "count", "price"], "additionalProperties": false,
  "properties": {"sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"}, "count": {"type": "integer", "minimum": 1, "maximum": 999}, "price": {"type": "number", "minimum": 0}, "currency": {"type": "string", "enum": ["EUR", "USD"]}}}}}}`

const typicalBody = `{"id":"0b5c8b0e-0f0b-4a8c-9a6b-6d1f1c1f1c1f","created":"2026-11-22","note":null,
"customer":{"name":"Ada Lovelace","email":"ada@example.com","vip":true},
"lines":[{"sku":"ABC-1","count":1,"price":10,"currency":"EUR"},{"sku":"ABC-22","count":20,"price":9.99,"currency":"USD"},{"sku":"XYZ-333","count":3,"price":0.5}]}`

func BenchmarkTypicalBody(b *testing.B) {
	of := bodySchema(b, definitionOf("3.0.3", typicalSchema, "{}"), false)
	var c check
	body := []byte(typicalBody)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.parse(body); err != nil {
			b.Fatal(err)
		}
		if v := c.run(of.get()); !v.ok {
			b.Fatal(v.errors)
		}
	}
}
