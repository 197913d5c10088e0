package project

import (
	"strings"
	"testing"
)

var settings = []Entry{{"x-a", map[string]any{"urls": []string{"https://a.example/v1"}}}, {"x-b", "{version}: #"}, {"x-c", true}}

func TestEntriesAreSetWithoutTouchingTheRest(t *testing.T) {
	const yamlText = "x-a:\n    urls:\n        - https://a.example/v1\nx-b: '{version}: #'\nx-c: true\n"
	const jsonText = `"x-a": {"urls":["https://a.example/v1"]},` + "\n  " + `"x-b": "{version}: #",` + "\n  " + `"x-c": true,` + "\n  "
	oneLine := strings.ReplaceAll(jsonText, "\n  ", " ")
	tests := []struct{ name, in, want string }{
		{"before paths", "openapi: 3.0.3 # v\ninfo: {}\n# The paths.\n\n# All.\npaths:\n  /a: {}\n", "openapi: 3.0.3 # v\ninfo: {}\n# The paths.\n\n" + yamlText + "# All.\npaths:\n  /a: {}\n"},
		{"without paths", "# c\n---\nopenapi: 3\ninfo: x\n...\n", "# c\n---\n" + yamlText + "openapi: 3\ninfo: x\n...\n"},
		{"no newline at the end", "openapi: 3\npaths: {}", "openapi: 3\n" + yamlText + "paths: {}"},
		{"one that is there", "openapi: 3\nx-a: [1,\n  2]\n\n# P\npaths: {}\n", "openapi: 3\n\n" + yamlText + "# P\npaths: {}\n"},
		{"two at the end", "openapi: 3\npaths: {}\nx-b: |\n  text\n\n  more\nx-c: no\n# end\n", "openapi: 3\n" + yamlText + "paths: {}\n# end\n"},
		{"indented", "  openapi: 3\n  paths: {}\n", "  openapi: 3\n  " + strings.ReplaceAll(strings.TrimSpace(yamlText), "\n", "\n  ") + "\n  paths: {}\n"},
		{"CRLF and a mark", "\xef\xbb\xbfopenapi: 3\r\npaths: {}\r\n", "\xef\xbb\xbfopenapi: 3\r\n" + strings.ReplaceAll(yamlText, "\n", "\r\n") + "paths: {}\r\n"},
		{"merge keys and aliases", "x: &x {y: 1}\n<<: *x\npaths: *x\n", "x: &x {y: 1}\n<<: *x\n" + yamlText + "paths: *x\n"},

		{"JSON", "{\n  \"openapi\": \"3\",\n  \"paths\": {}\n}\n", "{\n  \"openapi\": \"3\",\n  " + jsonText + "\"paths\": {}\n}\n"},
		{"JSON on one line", `{"openapi": "é", "paths": {}}`, `{"openapi": "é", ` + oneLine + `"paths": {}}`},
		{"JSON without paths", `{"openapi": "3"}`, `{` + oneLine + `"openapi": "3"}`},
		{"empty JSON", `{}`, `{` + strings.TrimRight(oneLine, ", ") + `}`},
		{"JSON that has them", `{"x-c": 1, "openapi": "3", "x-a": 5, "paths": {"}": 1}, "x-b": {"paths": {}}}`, `{"openapi": "3", ` + oneLine + `"paths": {"}": 1}}`},
		{"JSON that has all, at the end", `{"openapi": "3", "x-b": 5, "x-a": [","], "x-c": null }`, `{` + oneLine + `"openapi": "3"}`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			doc, l := Parse("a.yaml", []byte(tc.in))
			if len(l) > 0 {
				t.Fatal(l)
			}
			got, err := Set(doc, []byte(tc.in), settings)
			if err != nil || string(got) != tc.want {
				t.Errorf("%v, got\n%s\nwant\n%s", err, got, tc.want)
			}
		})
	}
}

func TestWhatCannotBeSetByTextIsRefused(t *testing.T) {
	for _, in := range []string{"{openapi: 3, # a\n paths: {}}", "--- {openapi: 3}\n", "? openapi\n: 3\n", "[1]", "a"} {
		doc, _ := Parse("a.yaml", []byte(in))
		if out, err := Set(doc, []byte(in), settings); err == nil {
			t.Errorf("%q became %q", in, out)
		}
	}
}

func FuzzSetKeepsTheRest(f *testing.F) {
	f.Add([]byte("openapi: 3\nx-c: |\n  a\npaths: {}\n"))
	f.Add([]byte(`{"x-a": 1, "paths": {}, "x-b": 1}`))
	f.Add([]byte("\r0:"))
	f.Add([]byte("%YAML 1.1\n--- !!map &a\na: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, l := Parse("a.yaml", data)
		if l.Errors() > 0 || doc.Root == nil {
			return
		}
		before := otherKeys(doc)
		out, err := Set(doc, data, settings)
		if err != nil {
			return
		}
		after, l := Parse("a.yaml", out)
		if l.Errors() > 0 || otherKeys(after) != before {
			t.Errorf("%q became %q: %v", data, out, l)
		}
	})
}

// otherKeys lists the keys of the first level that are not set.
func otherKeys(d Document) string {
	var keys []string
	for i := 0; i < len(d.Root.Content); i += 2 {
		if k := d.Root.Content[i].Value; k != "x-a" && k != "x-b" && k != "x-c" {
			keys = append(keys, k)
		}
	}
	return strings.Join(keys, " ")
}
