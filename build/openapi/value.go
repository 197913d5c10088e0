package openapi

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is a node of a user's document and the file it stands in. The zero
// value is what is not there.
type value struct {
	file string
	node *yaml.Node
}

// pair is an entry of a mapping.
type pair struct {
	name string
	key  value
	value
}

func (v value) exists() bool { return v.node != nil }

func (v value) place() Place {
	if v.node == nil {
		return Place{File: v.file}
	}
	return Place{v.file, v.node.Line, v.node.Column}
}

func (v value) isMap() bool  { return v.node != nil && v.node.Kind == yaml.MappingNode }
func (v value) isList() bool { return v.node != nil && v.node.Kind == yaml.SequenceNode }

// isNull holds for `key:` with nothing behind it.
func (v value) isNull() bool { return v.node != nil && v.node.ShortTag() == "!!null" }

// get gives an entry of a mapping; not of anything else.
func (v value) get(name string) value {
	if v.isMap() {
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			if v.node.Content[i].Value == name {
				return value{v.file, v.node.Content[i+1]}
			}
		}
	}
	return value{file: v.file}
}

// keyOf gives the place of an entry's name.
func (v value) keyOf(name string) value {
	for _, p := range v.pairs() {
		if p.name == name {
			return p.key
		}
	}
	return v
}

func (v value) pairs() []pair {
	if !v.isMap() {
		return nil
	}
	pairs := make([]pair, 0, len(v.node.Content)/2)
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		pairs = append(pairs, pair{key.Value, value{v.file, key}, value{v.file, v.node.Content[i+1]}})
	}
	return pairs
}

func (v value) items() []value {
	if !v.isList() {
		return nil
	}
	items := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		items[i] = value{v.file, n}
	}
	return items
}

// scalar gives the text of a word or number as it is written, so that an
// unquoted `version: 1.10` stays 1.10.
func (v value) scalar() (string, bool) {
	if v.node == nil || v.node.Kind != yaml.ScalarNode || v.isNull() {
		return "", false
	}
	return v.node.Value, true
}

// text is scalar for what has to be a word.
func (v value) text() (string, bool) {
	if v.node == nil || v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" {
		return "", false
	}
	return v.node.Value, true
}

func (v value) boolean() (b, ok bool) {
	if v.node == nil || v.node.ShortTag() != "!!bool" {
		return false, false
	}
	err := v.node.Decode(&b)
	return b, err == nil
}

func (v value) integer() (n int64, ok bool) {
	if v.node == nil || v.node.ShortTag() != "!!int" {
		return 0, false
	}
	err := v.node.Decode(&n)
	return n, err == nil
}

func (v value) number() (f float64, ok bool) {
	if v.node == nil || v.node.ShortTag() != "!!int" && v.node.ShortTag() != "!!float" {
		return 0, false
	}
	err := v.node.Decode(&f)
	return f, err == nil
}

// blank holds for what is absent or says nothing.
func (v value) blank() bool {
	s, ok := v.scalar()
	return !v.exists() || v.isNull() || ok && strings.TrimSpace(s) == ""
}

// describe names what a value is, for messages.
func (v value) describe() string {
	switch {
	case v.node == nil:
		return "nothing"
	case v.isNull():
		return "nothing"
	case v.isMap():
		return "a mapping"
	case v.isList():
		return "a list"
	}
	if v.node.ShortTag() != "!!str" {
		return clip(v.node.Value)
	}
	return strconv.Quote(clip(v.node.Value))
}

func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(s[:60], "") + "..."
}
