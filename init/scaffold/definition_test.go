package scaffold

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDefinitionGetsAnExtensionThatTheBuildReads(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"pets.yaml", "openapi: 3.0.3", "pets.yaml"},
		{"pets.YML", "openapi: 3.0.3", "pets.YML"},
		{"pets.json", `{}`, "pets.json"},
		{"pets", "\xef\xbb\xbf \n{\"openapi\":\"3.0.3\"}", "pets.json"},
		{"pets.v1", "openapi: 3.0.3", "pets.v1.yaml"},
		{"pets.txt", "{}", "pets.txt.json"},
	} {
		d, err := newDefinition(tc.name, []byte(tc.text))
		if err != nil || d.Name != tc.want {
			t.Errorf("%s: %v, %v; want %s", tc.name, d, err, tc.want)
		}
	}
}

func TestDefinitionThatCannotBeOneIsRefused(t *testing.T) {
	for text, reason := range map[string]string{
		"":             "empty",
		" \n\t":        "empty",
		"\xef\xbb\xbf": "empty",
		"<html>":       "HTML",
		"PK\x03\x00":   "binary",
	} {
		if _, err := newDefinition("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, reason := range map[string]string{
		"missing.yaml": "no such file",
		".":            "folder",
	} {
		if _, err := ReadDefinition(filepath.Join(t.TempDir(), name)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"pets.yaml":              "pets.yaml",
		"../../etc/passwd":       "passwd",
		`C:\temp\pets.json`:      "pets.json",
		".hidden.yaml":           "hidden.yaml",
		"-rf.yaml":               "rf.yaml",
		"":                       "definition",
		"..":                     "definition",
		"/":                      "definition",
		"a b\n\x1b[31m.yaml":     "a_b___31m.yaml",
		"nul.yaml":               "definitionnul.yaml",
		"..yaml":                 "yaml",
		"магазин.yaml":           "магазин.yaml",
		strings.Repeat("é", 200): strings.Repeat("é", 50),
	} {
		if got := cleanName(name); got != want {
			t.Errorf("cleanName(%q) = %q, want %q", name, got, want)
		}
	}
}

// A name from a server stays in api_definitions, whatever it is.
func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"pets.yaml", "../x", `..\x`, "\xff.json", "a\u202e.yaml", "....", "con.json", "a.\xffé"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		d, err := newDefinition(name, []byte("openapi: 3.0.3"))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Name
		if got != filepath.Base(got) || strings.ContainsAny(got, "/\\\x00\n") || strings.HasPrefix(got, ".") || strings.HasPrefix(got, "-") {
			t.Errorf("%q became %q", name, got)
		}
		if !utf8.ValidString(got) || len(got) > 200 {
			t.Errorf("%q became %q (%d bytes)", name, got, len(got))
		}
	})
}
