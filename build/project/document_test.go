package project

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// outline writes a tree as flow YAML with the place of each scalar.
func outline(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		var pairs []string
		for i := 0; i < len(n.Content); i += 2 {
			pairs = append(pairs, outline(n.Content[i])+": "+outline(n.Content[i+1]))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	case yaml.SequenceNode:
		var items []string
		for _, c := range n.Content {
			items = append(items, outline(c))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case yaml.ScalarNode:
		return fmt.Sprintf("%s@%d:%d", n.Value, n.Line, n.Column)
	}
	return fmt.Sprintf("kind %d", n.Kind)
}

func TestTreesCarryPlaces(t *testing.T) {
	tests := []struct{ name, file, in, want string }{
		{"yaml", "a.yaml", "a: 1\nb:\n  - x\n", "{a@1:1: 1@1:4, b@2:1: [x@3:5]}"},
		{"json", "a.json", "{\n\t\"a\": 1,\n\t\"b\" : [ true, null, 1.5, \"\\ud83d\\ude00\" ]\n}\n",
			"{a@2:2: 1@2:7, b@3:2: [true@3:10, null@3:16, 1.5@3:22, 😀@3:27]}"},
		{"json with a byte order mark", "a.json", "\ufeff{\"a\": 1}", "{a@1:2: 1@1:7}"},
		{"json saved as yaml", "a.yaml", "{\t\"a\": 1}", "{a@1:3: 1@1:8}"},
		{"flow yaml", "a.yaml", "{a: 1 # one\n}", "{a@1:2: 1@1:5}"},
		{"aliases are written out", "a.yaml", "a: &x {k: v}\nb: *x\n", "{a@1:1: {k@1:8: v@1:11}, b@2:1: {k@1:8: v@1:11}}"},
		{"merge keys add what is missing", "a.yaml", "a: &x {k: v, l: w}\nb: {<<: *x, k: own}\n",
			"{a@1:1: {k@1:8: v@1:11, l@1:14: w@1:17}, b@2:1: {k@2:13: own@2:16, l@1:14: w@1:17}}"},
		{"a list at the top", "a.json", "[1]", "[1@1:2]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, l := Parse(tt.file, []byte(tt.in))
			if len(l) > 0 {
				t.Fatalf("problems: %v", l)
			}
			if got := outline(doc.Root); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestUnreadableDocumentsNameThePlace(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	tests := []struct{ name, file, in, want string }{
		{"empty", "a.yaml", " \n", "a.yaml: is empty"},
		{"only a comment", "a.yaml", "# nothing\n", "a.yaml: is empty"},
		{"UTF-16", "a.json", "\xff\xfe{\x00}\x00", "a.json:1:1: is UTF-16: save it as UTF-8"},
		{"not UTF-8", "a.yaml", "a: 1\nb: \xe9t\xe9\n", "a.yaml:2:4: is not valid UTF-8"},
		{"yaml with a tab", "a.yaml", "a:\n\tb: 1\n", "a.yaml:2: found character that cannot start any token"},
		{"two documents", "a.yaml", "a: 1\n---\nb: 1\n", "a.yaml:2: a second document starts here: put it into a file of its own"},
		{"json with a comma too many", "a.json", "{\n \"a\": 1,\n}", "a.json:3:1: invalid character '}' looking for beginning of object key string"},
		{"json cut off", "a.json", "{\"a\": [1,", "a.json:1:10: the document ends too early"},
		{"json with text behind", "a.json", "{}\n{}", "a.json:1:3: more text after the end of the document"},
		{"json nested too deeply", "a.json", strings.Repeat("[", 2000), "a.json:1:258: nested too deeply"},
		{"yaml nested too deeply", "a.yaml", strings.Repeat("[", 2000) + strings.Repeat("]", 2000), "a.yaml:1:258: nested too deeply"},
		{"alias bomb", "a.yaml", bomb, "a.yaml:6:5: its aliases stand for more than 1000000 nodes"},
		{"alias of itself", "a.yaml", "a: &x [1, *x]\n", "a.yaml:1:11: alias *x stands inside what it stands for"},
		{"brace that stays open", "a.yaml", "a: 1\nb: {c: d\ne: 1\n", "a.yaml:2: did not find expected ',' or '}'"},
		{"key with less indent", "a.yaml", "a:\n    b: 1\n  c: 2\n", "a.yaml:3: did not find expected key"},
		{"unknown alias", "a.yaml", "a: *x\n", "a.yaml:1: unknown anchor 'x' referenced"},
		{"key twice", "a.yaml", "a: 1\nb: 2\na: 3\n", "a.yaml:3:1: key \"a\" is already at line 1, column 1"},
		{"key twice in json", "a.json", "{\"a\": 1, \"a\": 2}", "a.json:1:10: key \"a\" is already at line 1, column 2"},
		{"key that is a list", "a.yaml", "? [a]\n: 1\n", "a.yaml:1:3: a key must be a word, not a list or mapping"},
		{"merge of a word", "a.yaml", "<<: a\n", "a.yaml:1:5: << needs a mapping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l := Parse(tt.file, []byte(tt.in))
			if len(l) != 1 || l[0].String() != tt.want {
				t.Errorf("got  %v\nwant %s", l, tt.want)
			}
		})
	}
}

// size counts nodes as often as they are reached.
func size(n *yaml.Node, depth int) int {
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return 1 << 40
	}
	total := 1
	for _, c := range n.Content {
		total += size(c, depth+1)
	}
	return total
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: &x [1]\nb: *x\n", "{\"a\": [1, {}]}", "<<: {a: 1}\n", "? [a]\n: b", "{a: 1", "\xef\xbb\xbfa: 1", "--- a\n--- b\n"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, asJSON bool) {
		file := "a.yaml"
		if asJSON {
			file = "a.json"
		}
		doc, l := Parse(file, data)
		if doc.Root == nil {
			if l.Errors() == 0 {
				t.Fatal("no tree and no error")
			}
			return
		}
		if n := size(doc.Root, 0); n > maxAliased+len(data)+1 {
			t.Fatalf("%d bytes became %d nodes", len(data), n)
		}
	})
}
