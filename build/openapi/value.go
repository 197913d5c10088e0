package openapi

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
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

// reported lets a hint follow a message.
type reported struct{ list *diag.List }

func (r reported) hint(h string) { (*r.list)[len(*r.list)-1].Hint = h }

func (r *reader) errorf(at value, format string, args ...any) reported {
	p := at.place()
	r.problems.Errorf(p.File, p.Line, p.Col, format, args...)
	return reported{&r.problems}
}

func (r *reader) warnf(at value, format string, args ...any) reported {
	p := at.place()
	r.problems.Warnf(p.File, p.Line, p.Col, format, args...)
	return reported{&r.problems}
}

// repeated is a problem that is reported once for each definition.
type repeated struct {
	index int // in reader.problems
	times int
}

// warnOnce is for what a definition does in many places: the first is named,
// the others are counted.
func (r *reader) warnOnce(topic string, at value, format string, args ...any) reported {
	if before := r.seen[topic]; before != nil {
		before.times++
		return reported{&diag.List{{}}}
	}
	r.seen[topic] = &repeated{len(r.problems), 1}
	return r.warnf(at, format, args...)
}

func (r *reader) countRepeated() {
	for _, once := range r.seen {
		if once.times > 1 {
			r.problems[once.index].Msg += fmt.Sprintf(" (and %d more like it)", once.times-1)
		}
	}
}

// want reports that a value is not what its name calls for.
func (r *reader) want(at value, name, what string) reported {
	return r.errorf(at, "%s must be %s, not %s", name, what, at.describe())
}

// fields checks that a mapping has no key but the known ones. Extensions of
// others (x-...) pass.
func (r *reader) fields(v value, name string, known []string) bool {
	if !v.isMap() {
		r.want(v, name, "a mapping")
		return false
	}
	ok := true
	for _, p := range v.pairs() {
		if !contains(known, p.name) && !strings.HasPrefix(p.name, "x-") {
			r.errorf(p.key, "%s has no field %q", name, clip(p.name)).hint(nearest(p.name, known))
			ok = false
		}
	}
	return ok
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// nearest is a hint: the word that was meant, else all there are.
func nearest(word string, known []string) string {
	if h := diag.DidYouMean(clip(word), known); h != "" {
		return h
	}
	if len(known) == 0 {
		return ""
	}
	return "known are " + strings.Join(known, ", ")
}

func (r *reader) textField(v value, name string) Text {
	if !v.exists() {
		return Text{}
	}
	p := v.place()
	s, ok := v.scalar()
	switch {
	case !ok:
		r.want(v, name, "a word")
		return Text{}
	case strings.TrimSpace(s) == "":
		r.errorf(v, "%s is empty", name)
		return Text{}
	case strings.ContainsFunc(s, isControl):
		r.errorf(v, "%s contains a control character", name)
		return Text{}
	}
	return Text{s, true, p}
}

// blank holds for what is absent or says nothing.
func (v value) blank() bool {
	s, ok := v.scalar()
	return !v.exists() || v.isNull() || ok && strings.TrimSpace(s) == ""
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (r *reader) flagField(v value, name string) Flag {
	if !v.exists() {
		return Flag{}
	}
	b, ok := v.boolean()
	if !ok {
		r.want(v, name, "true or false")
		return Flag{}
	}
	return Flag{b, true, v.place()}
}

// intField reads a whole number from low on; absent gives def.
func (r *reader) intField(v value, name string, low, def int64) int64 {
	if !v.exists() {
		return def
	}
	n, ok := v.integer()
	if !ok || n < low || n > maxNumber {
		r.want(v, name, fmt.Sprintf("a whole number from %d to %d", low, maxNumber))
		return def
	}
	return n
}

// maxNumber bounds counts and times: as milliseconds more than three weeks.
const maxNumber = 1<<31 - 1

func (r *reader) textList(v value, name string) []string {
	if !v.exists() {
		return nil
	}
	if !v.isList() {
		r.want(v, name, "a list")
		return nil
	}
	list := []string{}
	for _, item := range v.items() {
		if t := r.textField(item, "an item of "+name); t.Given {
			list = append(list, t.Value)
		}
	}
	return list
}
