package openapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mgw/build/project"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// posting is a definition with an operation whose request body has a schema;
// that starts at line 9, column 21.
func posting(version, schema, rest string) string {
	return "openapi: " + version + `
info: {title: Pets, version: 1.0.0}
servers: [{url: https://pets.example/v1}]
paths:
  /pet:
    post:
      requestBody:
        content:
          application/json: {schema: ` + schema + "}\n" + rest
}

// bodyOf gives the schema of the first operation's request body as JSON.
func bodyOf(api API) string {
	m := api.Operations[0].Messages
	if m == nil || m.Body == nil || len(m.Body.Media) == 0 {
		return ""
	}
	return string(api.Schemas[m.Body.Media[0].Schema])
}

func TestSchemasBecomeJSONSchema(t *testing.T) {
	const rest = "components:\n  schemas:\n    Id: {type: integer}\n    Loop: {properties: {next: {$ref: '#/components/schemas/Loop'}}}\n"
	for _, tc := range []struct{ name, version, in, want string }{
		{"nothing", "3.0.3", `{}`, `{}`},
		{"assertions", "3.0.3", `{type: string, minLength: 1, maxLength: 3, pattern: '^a', format: uuid}`,
			`{"types":["string"],"minLength":1,"maxLength":3,"pattern":"^a","format":"uuid"}`},
		{"remarks", "3.0.3", `{type: string, format: password, example: 1, default: 2, description: d, x-a: b}`, `{"types":["string"]}`},
		{"flags of 3.0", "3.0.3", `{minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false}`, `{"maximum":2,"exclusiveMinimum":1}`},
		{"numbers of 3.1", "3.1.0", `{exclusiveMinimum: 1, exclusiveMaximum: 2.50}`, `{"exclusiveMinimum":1,"exclusiveMaximum":2.50}`},
		{"ranges", "3.0.3", `{type: integer, format: int32, minimum: 5}`, `{"types":["integer"],"minimum":5,"maximum":2147483647}`},
		{"large numbers", "3.0.3", `{maximum: 18446744073709551616}`, `{"maximum":18446744073709551616}`},
		{"nullable", "3.0.3", `{type: string, nullable: true, enum: [a]}`, `{"types":["string","null"],"enum":["a",null]}`},
		{"nullable reference", "3.0.3", `{$ref: '#/components/schemas/Id', nullable: true}`, `{"anyOf":[{"types":["null"]},{"ref":2}]}`},
		{"siblings in 3.0", "3.0.3", `{$ref: '#/components/schemas/Id', minimum: 5}`, `{"ref":2}`},
		{"siblings in 3.1", "3.1.0", `{$ref: '#/components/schemas/Id', minimum: 5}`, `{"ref":2,"minimum":5}`},
		{"words that YAML takes for others", "3.0.3", `{type: string, enum: [1.0, true, 2026-11-22]}`, `{"types":["string"],"enum":["1.0","true","2026-11-22"]}`},
		{"numbers in quotes", "3.0.3", `{type: integer, enum: ["1", 2]}`, `{"types":["integer"],"enum":[1,2]}`},
		{"const", "3.1.0", `{const: {a: [1]}}`, `{"enum":[{"a":[1]}]}`},
		{"runes in patterns", "3.0.3", `{pattern: '[\u00e4\u2028]'}`, `{"pattern":"[\\x{00e4}\\x{2028}]"}`},
		{"directions", "3.0.3", `{required: [a, b, c], properties: {a: {readOnly: true}, b: {writeOnly: true}, c: {}}}`,
			`{"properties":{"a":{},"b":{},"c":{}},"required":["c"],"requiredInRequest":["b"],"requiredInAnswer":["a"]}`},
		{"discriminator", "3.0.3", `{oneOf: [{type: string}], discriminator: {propertyName: kind}}`, `{"oneOf":[{"types":["string"]}]}`},
		{"never", "3.1.0", `{properties: {a: false, b: true}}`, `{"properties":{"a":{"never":true},"b":{}}}`},
		{"a circle through values", "3.0.3", `{$ref: '#/components/schemas/Loop'}`, `{"ref":2}`},
	} {
		api := readOne(t, posting(tc.version, tc.in, rest))
		if got := bodyOf(api); got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func TestMistakesInSchemasAreWarnings(t *testing.T) {
	const rest = "components:\n  schemas:\n    Circle: {allOf: [{$ref: '#/components/schemas/Circle'}]}\n    Uses: {properties: {a: {$ref: '#/components/schemas/None'}}}\n"
	const lost = ": what needs this schema is not validated"
	for _, tc := range []struct{ name, in, want, body string }{
		{"look-around", `{type: string, pattern: '^(?!a)'}`,
			`a.yaml:9:62: warning: pattern "^(?!a)" is not one that Go's regexp reads (no look-around, no back references): it is not validated`, `{"types":["string"]}`},
		{"look-around of names", `{patternProperties: {'^(?=a)': {type: string}}, additionalProperties: false}`,
			`a.yaml:9:59: warning: pattern "^(?=a)" is not one that Go's regexp reads (no look-around, no back references): it is not validated`, `{"patternProperties":{"":{}}}`},
		{"type", `{type: strng}`, `a.yaml:9:45: warning: type "strng" is not a type of JSON: it is not validated`, `{}`},
		{"count", `{minLength: -1}`, `a.yaml:9:50: warning: minLength must be a whole number from 0, not -1: it is not validated`, `{}`},
		{"number", `{minimum: one}`, `a.yaml:9:48: warning: minimum must be a number, not "one": it is not validated`, `{}`},
		{"multiple of nothing", `{multipleOf: 0}`, `a.yaml:9:51: warning: multipleOf must be a number above 0, not 0: it is not validated`, `{}`},
		{"required by itself", `{type: string, required: true}`, ``, `{"types":["string"]}`},
		{"many", `{properties: {a: {type: x}, b: {type: y}}}`, `a.yaml:9:62: warning: type "x" is not a type of JSON: it is not validated (and 1 more like it)`, `{"properties":{"a":{},"b":{}}}`},
		{"reference to nothing", `{$ref: '#/components/schemas/None'}`, `a.yaml:9:45: warning: $ref "#/components/schemas/None" leads nowhere` + lost, ``},
		{"reference to what refers to nothing", `{items: {$ref: '#/components/schemas/Uses'}}`, `a.yaml:13:35: warning: $ref "#/components/schemas/None" leads nowhere` + lost, ``},
		{"reference to elsewhere", `{$ref: 'https://a.example/b.json'}`, `a.yaml:9:45: warning: $ref "https://a.example/b.json" is outside the project` + lost, ``},
		{"reference out of the project", `{$ref: '../../etc/passwd'}`, `a.yaml:9:45: warning: $ref "../../etc/passwd": there is no such document in the project` + lost, ``},
		{"circle", `{$ref: '#/components/schemas/Circle'}`, `a.yaml:12:13: warning: a schema is defined by itself alone: what needs it is not validated`, ``},
	} {
		apis, l := readText(t, posting("3.0.3", tc.in, rest))
		if got := printed(l); got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
		if got := bodyOf(apis[0]); got != tc.body {
			t.Errorf("%s: %s", tc.name, got)
		}
		if unchecked := apis[0].Operations[0].Messages.Unchecked; (tc.body == "") != reflect.DeepEqual(unchecked, []string{"the request body"}) {
			t.Errorf("%s: unchecked %q", tc.name, unchecked)
		}
	}
}

func TestSchemasComeFromOtherDocumentsOfTheProject(t *testing.T) {
	apis, l := readFiles(t, "defs/a.yaml", posting("3.0.3", `{$ref: '../models/pet.yaml#/Pet'}`, ""),
		"models/pet.yaml", "Pet: {properties: {owner: {$ref: '#/Owner'}}}\nOwner: {type: string}\n")
	if len(l) > 0 || bodyOf(apis[0]) != `{"ref":2}` || string(apis[0].Schemas[2]) != `{"properties":{"owner":{"ref":3}}}` || string(apis[0].Schemas[3]) != `{"types":["string"]}` {
		t.Errorf("%s %s", apis[0].Schemas, printed(l))
	}
	// One that cannot be read is no error: routing does not need it.
	doc, _ := project.Parse("a.yaml", []byte(posting("3.0.3", `{$ref: 'torn.yaml'}`, "")))
	_, l = Read([]project.Document{doc}, Options{Open: func(name string) (project.Document, diag.List) {
		l.Errorf(name, 1, 1, "torn")
		return project.Document{}, diag.List{{File: name, Msg: "torn"}}
	}})
	if l.Errors() > 0 || !strings.Contains(printed(l), `"torn.yaml": there is no such document`) {
		t.Error(printed(l))
	}
}

func TestMessagesOfAnOperation(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"openapi 3", `openapi: 3.0.3
info: {title: Pets, version: 1.0.0}
servers: [{url: https://pets.example/v1}]
paths:
  /pet/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: limit, in: query, schema: {type: string}}
    post:
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer}}
        - {name: tags, in: query, style: pipeDelimited, schema: {type: array, items: {type: string}}}
        - {name: many, in: query, schema: {type: array, items: {type: string}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: X-Trace, in: header, schema: {type: array, items: {type: string}}}
        - {name: Authorization, in: header, required: true, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
        - $ref: '#/components/parameters/Page'
      requestBody: {$ref: '#/components/requestBodies/Pet'}
      responses:
        "200": {content: {'application/hal+json; charset=utf-8': {schema: {type: object}}, text/csv: {schema: {type: string}}}}
        4xx: {$ref: '#/components/responses/Fault'}
        default: {description: whatever}
components:
  parameters: {Page: {name: page, in: query, allowEmptyValue: true, schema: {type: integer}}}
  requestBodies: {Pet: {required: true, content: {'*/*': {schema: {type: object}}}}}
  responses: {Fault: {content: {application/json: {}}}}
`, `{"operation":0,"body":{"required":true,"media":[{"type":"*/*","schema":7}]},"parameters":[` +
			`{"name":"limit","in":"query","required":true,"schema":1},` +
			`{"name":"tags","in":"query","list":true,"separator":"|","schema":2},{"name":"many","in":"query","list":true,"schema":3},` +
			`{"name":"X-Trace","in":"header","list":true,"separator":",","schema":4},{"name":"page","in":"query","empty":true,"schema":5},` +
			`{"name":"id","in":"path","required":true,"schema":6}],` +
			`"answers":[{"status":"200","media":[{"type":"application/hal+json","schema":8}]},{"status":"4XX","media":[{"type":"application/json","schema":0}]}]}`},
		{"swagger 2", `swagger: "2.0"
info: {title: Pets, version: 1.0.0}
host: pets.example
basePath: /v1
consumes: [application/xml]
produces: [application/json]
paths:
  /pet:
    post:
      consumes: [application/json, application/xml]
      parameters:
        - {name: pet, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}
        - {name: limit, in: query, required: true, type: integer, maximum: 5}
        - {name: ids, in: query, type: array, collectionFormat: ssv, items: {type: integer}}
        - {name: file, in: formData, type: file}
      responses: {200: {schema: {$ref: '#/definitions/Pet'}}, 404: {description: none}}
definitions: {Pet: {type: object, x-nullable: true}}
`, `{"operation":0,"body":{"required":true,"media":[{"type":"application/json","schema":3}]},"parameters":[` +
			`{"name":"limit","in":"query","required":true,"schema":1},{"name":"ids","in":"query","list":true,"separator":" ","schema":2}],` +
			`"answers":[{"status":"200","media":[{"type":"application/json","schema":4}]}]}`},
	} {
		api := readOne(t, tc.text)
		got, _ := json.Marshal(api.Operations[0].Messages)
		if string(got) != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// FuzzSchemas looks for schemas that a build cannot stand, or that do not come
// out as JSON that the runtime reads.
func FuzzSchemas(f *testing.F) {
	for _, s := range []string{
		`{"type": "object", "properties": {"a": {"$ref": "#/components/schemas/S"}}}`, `{"enum": [1, "a", null, {"b": []}], "nullable": true}`,
		`{"allOf": [{"$ref": "#/components/schemas/S"}], "required": ["a"]}`, `{"pattern": "\\u00e4(?=", "minimum": 1e999}`, `[]`, `true`,
		`{"items": [{}], "oneOf": {}, "properties": 5, "patternProperties": {"(": {}}}`, `{"$ref": "#"}`, `{"$ref": "#/paths/~1a/post"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		doc, l := project.Parse("a.json", []byte(`{"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "servers": [{"url": "https://a.example"}],
"paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": `+schema+`}}}}}}, "components": {"schemas": {"S": `+schema+`}}}`))
		if doc.Root == nil || l.Errors() > 0 {
			return
		}
		apis, _ := Read([]project.Document{doc}, Options{})
		for _, api := range apis {
			for _, s := range api.Schemas {
				if err := json.Unmarshal(s, new(spec.Schema)); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
		}
	})
}
