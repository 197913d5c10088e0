package openapi

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tests see to testdata")

// TestEveryExtensionInEveryForm writes extensions of contract section 2.2 with a value of each kind,
// at the top and at an operation, in YAML and in JSON. The golden file shows
// what is said; go test ./build/openapi -run EveryForm -update renews it.
func TestEveryExtensionInEveryForm(t *testing.T) {
	names := []string{
		"x-wso2-basePath", "x-wso2-production-endpoints", "x-wso2-sandbox-endpoints", "x-wso2-endpoints",
		"x-wso2-throttling-tier", "x-throttling-tier", "x-wso2-disable-security", "x-auth-type", "x-scope",
		"x-wso2-application-security", "x-wso2-mutual-ssl", "x-wso2-transports", "x-wso2-auth-header", "x-wso2-owner", "x-wso2-cors", "x-wso2-response-cache",
		"x-mgw-throttle-policy", "x-mgw-max-backend-throughput", "x-mgw-max-concurrent-backend",
		"x-wso2-request-interceptor", "x-wso2-response-interceptor", "x-mgw-classify",
	}
	forms := []string{`"word"`, `""`, `null`, `5`, `true`, `[]`, `["word"]`, `[5]`, `{}`, `{"word": 5}`}
	const head = `{"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "servers": [{"url": "https://a.example/v1"}],` + "\n"
	var got bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&got, "%s\n", name)
		for _, form := range forms {
			entry := fmt.Sprintf("%q: %s", name, form)
			top := said(t, "a.json", head+entry+"}")
			block := said(t, "a.yaml", "openapi: 3.0.3\n"+name+": "+form+"\ninfo: {title: a, version: 1}\nservers: [{url: 'https://a.example/v1'}]\n")
			// The same is said of both; only the quotes of the name move the column.
			if a, b := withoutPlaces(top), withoutPlaces(block); a != b {
				t.Errorf("%s: of JSON\n%s\nof YAML\n%s", entry, a, b)
			}
			operation := said(t, "a.json", head+`"paths": {"/a": {"get":`+"\n{"+entry+"}}}}")
			fmt.Fprintf(&got, "  %-14s top: %s\n  %-14s  op: %s\n", form, top, "", operation)
		}
	}
	const file = "testdata/forms.golden"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range gotLines {
		if i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("line %d of %s: got\n%s", i+1, file, gotLines[i])
		}
	}
}

// said gives the problems of a definition in one line.
func said(t *testing.T, name, text string) string {
	t.Helper()
	_, l := readFiles(t, name, text)
	var parts []string
	for _, p := range l {
		part := strings.TrimPrefix(p.String(), name+":")
		if p.Hint != "" {
			part += " | " + p.Hint
		}
		parts = append(parts, part)
	}
	if parts == nil {
		return "fine"
	}
	return strings.Join(parts, " && ")
}

func withoutPlaces(text string) string {
	parts := strings.Split(text, " && ")
	for i, p := range parts {
		_, p, _ = strings.Cut(p, ":")
		_, parts[i], _ = strings.Cut(p, ":")
	}
	return strings.Join(parts, " && ")
}
