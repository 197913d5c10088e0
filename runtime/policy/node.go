package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// maxNodes bounds the nodes looked at, each as often as aliases repeat it.
const maxNodes = 1_000_000

// maxMerge bounds << within <<.
const maxMerge = 16

// document gives the root of a YAML file, nil when it is empty or wrong.
func (r *reader) document() *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(r.file.Data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			r.syntax(err)
		}
		return nil
	}
	if err := dec.Decode(&more); err == nil {
		r.errorf(&more, "the file has more than one document")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return r.follow(doc.Content[0])
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)

// blockErrors are the messages that come with the line where the list or map
// began, counted from 0.
var blockErrors = []string{
	"did not find expected key", "did not find expected '-' indicator", "did not find expected ',' or ']'",
	"did not find expected ',' or '}'",
}

func (r *reader) syntax(err error) {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	p := diag.Problem{File: r.file.Name, Line: line, Msg: "not valid YAML: " + m[2]}
	if slices.Contains(blockErrors, m[2]) {
		p.Line++
		p.Hint = "the mistake is in what starts on this line"
	}
	r.list.Add(p)
}

// follow gives what an alias stands for.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	if r.budget--; r.budget == 0 {
		r.errorf(n, "the file repeats too much through aliases")
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// column turns a column in characters into one in bytes.
func (r *reader) column(line, col int) int {
	if r.lines == nil {
		r.lines = strings.Split(string(r.file.Data), "\n")
	}
	if line < 1 || line > len(r.lines) {
		return col
	}
	text, at := r.lines[line-1], 0
	for ; col > 1 && at < len(text); col-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at + col
}

func (r *reader) problem(n *yaml.Node, severity diag.Severity, hint, msg string) {
	r.list.Add(diag.Problem{
		File: r.file.Name, Line: n.Line, Col: r.column(n.Line, n.Column),
		Severity: severity, Msg: msg, Hint: hint,
	})
}

func (r *reader) errorf(n *yaml.Node, format string, args ...any) {
	r.problem(n, diag.Error, "", fmt.Sprintf(format, args...))
}

func (r *reader) warnf(n *yaml.Node, format string, args ...any) {
	r.problem(n, diag.Warning, "", fmt.Sprintf(format, args...))
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// fields reads a mapping: aliases followed, << merged, each key once. nil when n is no mapping.
func (r *reader) fields(n *yaml.Node, what string) *fields {
	if n.Kind != yaml.MappingNode {
		r.errorf(n, "%s must be a map, not %s", what, kindOf(n))
		return nil
	}
	f := &fields{r: r, node: n, what: what, values: map[string]field{}}
	f.merge(n, 0)
	return f
}

type field struct {
	key, value *yaml.Node
	depth      int // of merging; 0 is the mapping itself
}

// fields is a mapping of which keys are taken one by one; what is left at the
// end is unknown.
type fields struct {
	r      *reader
	node   *yaml.Node
	what   string
	values map[string]field
	asked  []string
}

func (f *fields) merge(n *yaml.Node, depth int) {
	for i := 0; i+1 < len(n.Content) && f.r.budget > 0; i += 2 {
		key, value := f.r.follow(n.Content[i]), f.r.follow(n.Content[i+1])
		if key.ShortTag() == "!!merge" {
			f.mergeAll(key, value, depth+1)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			f.r.errorf(key, "a key of %s must be a word", f.what)
			continue
		}
		old, ok := f.values[key.Value]
		if ok && old.depth == depth && depth == 0 {
			f.r.errorf(key, "%s is given twice", key.Value)
		}
		if !ok || old.depth > depth {
			f.values[key.Value] = field{key, value, depth}
		}
	}
}

func (f *fields) mergeAll(key, value *yaml.Node, depth int) {
	if depth > maxMerge {
		f.r.errorf(key, "<< is nested too deeply")
		return
	}
	switch value.Kind {
	case yaml.MappingNode:
		f.merge(value, depth)
	case yaml.SequenceNode:
		for _, n := range value.Content {
			if f.r.budget <= 0 {
				return
			}
			f.mergeAll(key, f.r.follow(n), depth+1)
		}
	default:
		f.r.errorf(value, "<< must name a map")
	}
}

// take gives the value of a key and remembers that the key is known; nil when
// it is absent or null.
func (f *fields) take(name string) *yaml.Node {
	f.asked = append(f.asked, name)
	v, ok := f.values[name]
	if !ok || isNull(v.value) {
		return nil
	}
	return v.value
}

// end reports the keys that nobody asked for.
func (f *fields) end() {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !slices.Contains(f.asked, name) {
			msg := fmt.Sprintf("%s has no key %s", f.what, quoteIfOdd(name))
			f.r.problem(f.values[name].key, diag.Error, diag.DidYouMean(name, f.asked), msg)
		}
	}
}

var plainWord = regexp.MustCompile(`^[\w.$-]{1,60}$`)

// quoteIfOdd keeps what a user wrote from spoiling the message.
func quoteIfOdd(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	if len(s) > 60 {
		s = s[:60]
	}
	return strconv.Quote(s)
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if isNull(n) {
		return "empty"
	}
	return quoteIfOdd(n.Value)
}

// text reads a string; numbers count as one, as they are written.
func (f *fields) text(name string) (string, *yaml.Node) {
	n := f.take(name)
	if n == nil {
		return "", nil
	}
	if n.Kind != yaml.ScalarNode {
		f.r.errorf(n, "%s must be text, not %s", name, kindOf(n))
		return "", n
	}
	return strings.TrimSpace(n.Value), n
}

// count reads a whole number from 1 on. ok is false when it is absent or wrong.
func (f *fields) count(name string, most int64) (v int64, ok bool) {
	n := f.take(name)
	if n == nil {
		return 0, false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil && !strings.ContainsAny(n.Value, ".eEnN") && n.Style == 0 {
			f.r.errorf(n, "%s is too large: %s", name, quoteIfOdd(n.Value))
		} else {
			f.r.errorf(n, "%s must be a whole number, not %s", name, kindOf(n))
		}
		return 0, false
	}
	switch err := n.Decode(&v); {
	case err != nil:
		f.r.errorf(n, "%s is too large: %s", name, quoteIfOdd(n.Value))
	case v < 1:
		f.r.errorf(n, "%s must be 1 or more, not %d", name, v)
	case v > most:
		f.r.errorf(n, "%s must be at most %d, not %d", name, most, v)
	default:
		return v, true
	}
	return 0, false
}

func (f *fields) concurrency(name string) int {
	v, _ := f.count(name, math.MaxInt32)
	return int(v)
}

func (f *fields) flag(name string, standard bool) bool {
	n := f.take(name)
	if n == nil {
		return standard
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	f.r.errorf(n, "%s must be true or false, not %s", name, kindOf(n))
	return standard
}

// texts reads a list of strings, or a single one with commas between.
func (f *fields) texts(name string) []string {
	n := f.take(name)
	if n == nil {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var words []string
	for _, item := range items {
		item = f.r.follow(item)
		if item.Kind != yaml.ScalarNode || isNull(item) {
			f.r.errorf(item, "%s must be a list of texts", name)
			return nil
		}
		for word := range strings.SplitSeq(item.Value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	if len(words) == 0 {
		f.r.errorf(n, "%s is empty", name)
	}
	return words
}

// sequence gives the items of a list.
func (r *reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.errorf(n, "%s must be a list, not %s", what, kindOf(n))
		return nil
	}
	items := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		if r.budget <= 0 {
			break
		}
		items = append(items, r.follow(item))
	}
	return items
}
