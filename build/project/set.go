package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// Entry is a key for the top of a document and its value: a word or a boolean,
// or lists and mappings of such.
type Entry struct {
	Name  string
	Value any
}

// Set puts entries at the top of a document, in place of those of the same
// names. All else stays byte for byte: comments, order, the way it is laid out.
// data is what the document was parsed from.
func Set(doc Document, data []byte, entries []Entry) ([]byte, error) {
	if doc.Root == nil || doc.Root.Kind != yaml.MappingNode {
		return nil, errors.New("the document is no mapping")
	}
	if len(entries) == 0 {
		return data, nil
	}
	text := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	mark := data[:len(data)-len(text)]
	e, err := newEditor(doc, text)
	if err != nil {
		return nil, err
	}
	changed, err := e.set(entries)
	if err == nil {
		err = e.holds(doc.File, changed, entries)
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(mark, changed), nil
}

// holds makes sure that a change by text is what was meant.
func (e *editor) holds(file string, data []byte, entries []Entry) error {
	values, err := e.topLevel(file, data)
	if err != nil {
		return errWriting
	}
	for _, n := range entries {
		var got, want any
		encoded, err := yaml.Marshal(n.Value)
		if err != nil || yaml.Unmarshal(encoded, &want) != nil {
			return errWriting
		}
		if decode := values[n.Name]; decode == nil || decode(&got) != nil || !reflect.DeepEqual(got, want) {
			return errWriting
		}
	}
	return nil
}

// topLevel gives what decodes the values of a document. JSON, which may be a
// giant, is not read deeper for it.
func (e *editor) topLevel(file string, data []byte) (map[string]func(any) error, error) {
	values := map[string]func(any) error{}
	if e.flow {
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			return nil, err
		}
		for name, text := range raw {
			values[name] = func(v any) error { return json.Unmarshal(text, v) }
		}
		return values, nil
	}
	doc, l := Parse(file, data)
	if l.Errors() > 0 || doc.Root == nil {
		return nil, errWriting
	}
	for i := 0; i+1 < len(doc.Root.Content); i += 2 {
		values[doc.Root.Content[i].Value] = doc.Root.Content[i+1].Decode
	}
	return values, nil
}

var errWriting = errors.New("its first level is written in a way that cannot be changed here: set the extensions in the file")

// editor changes the first level of a document.
type editor struct {
	data []byte
	keys []*yaml.Node // as they stand there, aliases and merge keys unresolved
	at   []int        // their offsets
	flow bool         // {"a": 1}, not a: 1
}

func newEditor(doc Document, data []byte) (*editor, error) {
	e := &editor{data: data, flow: bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))}
	root := doc.Root
	if !e.flow {
		var problems diag.List
		root = parseYAML(doc.File, data, &problems) // untidied
	}
	if root == nil || e.flow != json.Valid(data) || !e.flow && root.Style&yaml.FlowStyle != 0 {
		return nil, errWriting // a flow mapping that is not JSON, or follows something
	}
	lines := lineStarts(data)
	for i := 0; i < len(root.Content); i += 2 {
		key := root.Content[i]
		if key.Line > len(lines) {
			return nil, errWriting // YAML knows line breaks that nobody uses
		}
		at := lines[key.Line-1] + key.Column - 1 // all before a key of a block is blank
		if at >= len(data) || !e.startsWith(key.Value, at) {
			return nil, errWriting
		}
		e.keys, e.at = append(e.keys, key), append(e.at, at)
	}
	return e, nil
}

// startsWith makes sure that a key is where it seems to be.
func (e *editor) startsWith(key string, at int) bool {
	if blank := len(bytes.TrimSpace(e.data[e.lineOf(at):at])) == 0; !e.flow && !blank {
		return false
	}
	return e.data[at] == '"' || e.data[at] == '\'' || bytes.HasPrefix(e.data[at:], []byte(key))
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

func (e *editor) set(entries []Entry) ([]byte, error) {
	replaced := func(i int) bool {
		return slices.ContainsFunc(entries, func(n Entry) bool { return n.Name == e.keys[i].Value })
	}
	var cuts [][2]int
	for i := 0; i < len(e.keys); i++ {
		if !replaced(i) {
			continue
		}
		first := i
		for i+1 < len(e.keys) && replaced(i+1) {
			i++
		}
		cuts = append(cuts, e.extent(first, i))
	}
	at := e.place()
	text, err := e.text(entries, at)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	done := 0
	for _, cut := range append(cuts, [2]int{len(e.data), len(e.data)}) {
		if done <= at && at <= cut[0] {
			out.Write(e.data[done:at])
			out.WriteString(text)
			done = at
		}
		out.Write(e.data[done:cut[0]])
		done = cut[1]
	}
	return out.Bytes(), nil
}

// place is where new keys go: before paths and its comment, else before all.
func (e *editor) place() int {
	for i, key := range e.keys {
		if key.Value == "paths" {
			if e.flow {
				return e.at[i]
			}
			return e.aboveComments(e.lineOf(e.at[i]))
		}
	}
	switch {
	case len(e.at) == 0:
		return bytes.IndexByte(e.data, '{') + 1
	case e.flow:
		return e.at[0]
	}
	return e.lineOf(e.at[0])
}

func (e *editor) lineOf(at int) int { return bytes.LastIndexByte(e.data[:at], '\n') + 1 }

func (e *editor) aboveComments(line int) int {
	for line > 0 {
		before := e.lineOf(line - 1)
		if !bytes.HasPrefix(bytes.TrimLeft(e.data[before:line], " "), []byte("#")) {
			break
		}
		line = before
	}
	return line
}

// extent is what goes away with some keys.
func (e *editor) extent(first, last int) [2]int {
	behind := last+1 < len(e.at)
	switch {
	case e.flow && behind:
		return [2]int{e.at[first], e.at[last+1]}
	case e.flow && first == 0:
		return [2]int{e.at[first], bytes.LastIndexByte(e.data, '}')}
	case e.flow:
		return [2]int{bytes.LastIndexByte(e.data[:e.at[first]], ','), bytes.LastIndexByte(e.data, '}')}
	}
	start, end := e.lineOf(e.at[first]), len(e.data)
	if behind {
		end = e.lineOf(e.at[last+1])
	}
	for end > start { // comments that follow the value are not its own
		line := e.lineOf(end - 1)
		text := strings.TrimSpace(string(e.data[line:end]))
		if line <= start || text != "" && text[0] != '#' && text != "..." && text != "---" {
			break
		}
		end = line
	}
	return [2]int{start, end}
}

// text is the entries as they stand at a place of this document.
func (e *editor) text(entries []Entry, at int) (string, error) {
	var b strings.Builder
	for _, n := range entries {
		if e.flow {
			value, err := json.Marshal(n.Value)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%q: %s,%s", n.Name, value, e.gap(at))
			continue
		}
		lines, err := yaml.Marshal(map[string]any{n.Name: n.Value})
		if err != nil {
			return "", err
		}
		indent, newline := strings.Repeat(" ", e.keys[0].Column-1), "\n"
		if bytes.Contains(e.data, []byte("\r\n")) {
			newline = "\r\n"
		}
		for line := range strings.Lines(string(lines)) {
			b.WriteString(indent + strings.TrimSuffix(line, "\n") + newline)
		}
	}
	if text := b.String(); e.flow && len(e.keys) == 0 {
		return strings.TrimRight(text, ", \r\n\t"), nil
	}
	return b.String(), nil
}

// gap is what stands between two keys: a line break with its indent, or a space.
func (e *editor) gap(at int) string {
	if line := e.lineOf(at); line > 0 && len(bytes.TrimSpace(e.data[line:at])) == 0 {
		start := line - 1
		if start > 0 && e.data[start-1] == '\r' {
			start--
		}
		return string(e.data[start:at])
	}
	return " "
}
