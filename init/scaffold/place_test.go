package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocateTakesNamesAndPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for path, name := range map[string]string{
		"petstore":         "petstore",
		"petstore/":        "petstore",
		"./petstore":       "petstore",
		"work/petstore":    "petstore",
		"../pet-store_1.2": "pet-store_1.2",
		"x/../y":           "y",
		"магазин":          "магазин",
		"2024":             "2024",
		".":                filepath.Base(dir),
	} {
		place, err := Locate(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if place.Name != name || filepath.Base(place.Dir) != name || !filepath.IsAbs(place.Dir) {
			t.Errorf("%s: %+v", path, place)
		}
	}
}

func TestLocateRefusesWithTheReason(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("Petstore", 0o755); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]string{
		"":                       "needs a name",
		"/":                      "needs a name",
		"..":                     "folder above",
		"a/../..":                "folder above",
		"-f":                     "option",
		"work/-x":                "option",
		".petstore":              "passes over",
		"_petstore":              "passes over",
		"pet store":              "white space",
		"petstore ":              "white space",
		"pet\u00a0store":         "white space",
		"pet\nstore":             "control characters",
		"pet\x00":                "control characters",
		"a/\x1b[31m/b":           "control characters",
		"pet:store":              "':' is not allowed",
		`pet\store`:              `is not allowed`,
		"pet*":                   "'*' is not allowed",
		"$(reboot)":              "'$' is not allowed",
		"pet\u202estore":         "is not allowed",
		"petstore.":              "dot at the end",
		"petstore.go":            "Go source file",
		"nul":                    "Windows",
		"COM1.x":                 "Windows",
		"\xff\xfe":               "UTF-8",
		"petstore":               "Petstore is there",
		strings.Repeat("a", 101): "too many",
	} {
		place, err := Locate(path)
		if err == nil {
			t.Errorf("%q: accepted as %+v", path, place)
			continue
		}
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v; want %q", path, err, reason)
		}
		if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
			t.Errorf("%q: control characters in the message", path)
		}
	}
}
