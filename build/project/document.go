package project

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// Document is a YAML or JSON file as a tree. Each node has its Line and
// Column. There are no alias nodes, no merge keys and no keys twice in a
// mapping; a node may be reachable from several places, but the tree with all
// of them written out is bounded in size and depth.
type Document struct {
	File string
	Root *yaml.Node // nil when the file could not be parsed
}

// Parse reads a document; which of the two languages it is in is decided by
// its first character, as JSON is often saved as .yaml.
func Parse(file string, data []byte) (Document, diag.List) {
	var l diag.List
	doc := Document{File: file}
	data, ok := decodeText(file, data, &l)
	if !ok {
		return doc, l
	}
	if text := bytes.TrimLeft(data, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		doc.Root = parseFlow(file, data, &l)
	} else if isJSON(file) {
		doc.Root = parseJSON(file, data, &l)
	} else {
		doc.Root = parseYAML(file, data, &l)
	}
	if doc.Root != nil {
		doc.Root = tidy(file, doc.Root, &l)
	}
	return doc, l
}

// parseFlow reads what starts like JSON. A .yaml file may hold a YAML flow
// mapping instead (comments, unquoted words).
func parseFlow(file string, data []byte, l *diag.List) *yaml.Node {
	var problems diag.List
	root := parseJSON(file, data, &problems)
	if root == nil && !isJSON(file) {
		var second diag.List
		if root = parseYAML(file, data, &second); root != nil {
			*l = append(*l, second...)
			return root
		}
	}
	*l = append(*l, problems...)
	return root
}

func isJSON(file string) bool {
	return len(file) > 5 && bytes.EqualFold([]byte(file[len(file)-5:]), []byte(".json"))
}

// decodeText refuses everything but UTF-8, with the place, and blanks a byte
// order mark.
func decodeText(file string, data []byte, l *diag.List) ([]byte, bool) {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		l.Errorf(file, 1, 1, "is UTF-16: save it as UTF-8")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		at := newPlaces(data)
		line, col := at.of(invalidAt(data))
		l.Errorf(file, line, col, "is not valid UTF-8")
		return nil, false
	}
	if len(bytes.TrimSpace(data)) == 0 {
		l.Errorf(file, 0, 0, "is empty")
		return nil, false
	}
	return data, true
}

func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}
