package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseSubscriptions(t *testing.T) {
	for text, want := range map[string]subscription{
		"Pets:1.0.0":     {Name: "Pets", Version: "1.0.0"},
		"My: API:v2":     {Name: "My: API", Version: "v2"},
		"Pets:*":         {Name: "Pets", Version: "*"},
		"Pets":           {},
		":1":             {},
		"Pets:":          {},
		"":               {},
		"Swagger Pet:01": {Name: "Swagger Pet", Version: "01"},
	} {
		got, err := parseSubscriptions([]string{text})
		switch {
		case want.Name == "" && err == nil:
			t.Errorf("%q: accepted as %+v", text, got)
		case want.Name != "" && (err != nil || got[0] != want):
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestParseClaims(t *testing.T) {
	got, err := parseClaims([]string{"a=b", "c=d=e", "n:=7", `o:={"x":[1]}`, "empty=", "a=last"})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	if want := `{"a":"last","c":"d=e","empty":"","n":7,"o":{"x":[1]}}`; string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	for _, bad := range []string{"", "a", "=b", ":=1", "a:=", "a:=x", "a:={"} {
		if got, err := parseClaims([]string{bad}); err == nil || !strings.Contains(err.Error(), "--claim") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

func TestTokensDifferAndEnd(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	flags := tokenFlags{subject: "s", app: "a", keyType: "PRODUCTION", expires: time.Minute}
	one, two := tokenClaims(flags, nil, now), tokenClaims(flags, nil, now)
	if one["jti"] == two["jti"] {
		t.Error("two tokens have one jti")
	}
	if one["iat"] != int64(1_000_000) || one["exp"] != int64(1_000_060) {
		t.Errorf("iat %v, exp %v", one["iat"], one["exp"])
	}
}
