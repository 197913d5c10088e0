package validate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var ownRoot = regexp.MustCompile(`"\$ref": "#((/[^"]*)?)"`)

// TestTheOfficialSuite runs the JSON Schema Test Suite, where its folder
// draft2020-12 is named by JSON_SCHEMA_SUITE: it is too large to be kept here.
func TestTheOfficialSuite(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("JSON_SCHEMA_SUITE"), "*.json"))
	if os.Getenv("JSON_SCHEMA_SUITE") == "" {
		t.Skip("JSON_SCHEMA_SUITE is not set")
	}
	run, skipped := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []struct {
			Description string
			Schema      json.RawMessage
			Tests       []struct {
				Description string
				Data        json.RawMessage
				Valid       bool
			}
		}
		if err := json.Unmarshal(data, &groups); err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			if g.Description == "naive replacement of $ref with its destination is not correct" {
				continue // its enum has a $ref as a value, which the rewriting below changes
			}
			// References to the schema's own root are to a place in a definition here.
			schema := ownRoot.ReplaceAllString(string(g.Schema), `"$$ref": "#/components/schemas/S$1"`)
			all, said := read(t, definitionOf("3.1.0", `{"$ref": "#/components/schemas/S"}`, `{"S": `+schema+`}`))
			m := all.APIs[0].Operations[0].Body.Media
			if len(m) == 0 || len(all.APIs[0].Operations[0].Unchecked) > 0 {
				skipped++
				t.Logf("%s: %s: left out: %s", filepath.Base(file), g.Description, said)
				continue
			}
			s := newSchemas(all.APIs[0].Schemas, false, func(i int, err error) { t.Errorf("schema %d: %v", i, err) })
			for _, tc := range g.Tests {
				run++
				if got := judge(&s.all[m[0].Schema], string(tc.Data)); (got == "") != tc.Valid {
					t.Errorf("%s: %s: %s: valid %v, got %q\n%s", filepath.Base(file), g.Description, tc.Description, tc.Valid, got, said)
				}
			}
		}
	}
	t.Logf("%d tests, %d groups left out", run, skipped)
}
