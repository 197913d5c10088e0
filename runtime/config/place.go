package config

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// place is where a key and its value stand; lines and columns count from 1,
// columns in bytes.
type place struct {
	line, col           int
	valueLine, valueCol int
}

// places finds every key of a TOML text that has been parsed already. Keys are
// written as join and index spell them. On other input the result means
// nothing, but the search ends.
func places(data []byte) map[string]place {
	s := &scanner{data: data, line: 1, found: map[string]place{}, tables: map[string]int{}}
	s.document()
	return s.found
}

// join spells a key below another: bare where TOML allows it, else quoted.
func join(prefix, name string) string {
	if !isBare(name) {
		name = strconv.Quote(name)
	}
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// index spells an element of a list.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func isBare(name string) bool {
	for i := range len(name) {
		if !bareByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func bareByte(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// maxNesting bounds lists and inline tables within each other.
const maxNesting = 64

type scanner struct {
	data   []byte
	pos    int
	line   int
	start  int // of the line
	found  map[string]place
	tables map[string]int // lists of tables: how many so far
}

func (s *scanner) document() {
	table := ""
	for s.pos < len(s.data) {
		before := s.pos
		s.space(true)
		switch {
		case s.at("[["):
			s.pos += 2
			table = s.header(true)
			s.restOfLine()
		case s.at("["):
			s.pos++
			table = s.header(false)
			s.restOfLine()
		default:
			s.pair(table, 0)
			s.restOfLine()
		}
		if s.pos == before {
			return
		}
	}
}

// header reads a table's name. Names of lists of tables on the way stand for
// their last element.
func (s *scanner) header(list bool) string {
	s.space(false)
	here := s.here()
	path := ""
	s.key(func(name string, last bool) {
		path = join(path, name)
		if last && list {
			s.note(path, here)
			s.tables[path]++
			path = index(path, s.tables[path]-1)
		} else if n := s.tables[path]; n > 0 {
			path = index(path, n-1)
		}
		s.note(path, here)
	})
	return path
}

// pair reads key = value.
func (s *scanner) pair(table string, depth int) {
	here, path := s.here(), table
	var parents []string
	s.key(func(name string, last bool) {
		path = join(path, name)
		if !last {
			parents = append(parents, path)
		}
	})
	s.space(false)
	if !s.at("=") {
		return
	}
	s.pos++
	s.space(false)
	value := s.here()
	here.valueLine, here.valueCol = value.line, value.col
	for _, parent := range parents {
		s.note(parent, here)
	}
	s.note(path, here)
	s.value(path, depth)
}

func (s *scanner) note(path string, p place) {
	if _, ok := s.found[path]; !ok {
		s.found[path] = p
	}
}

func (s *scanner) here() place {
	col := s.pos - s.start + 1
	return place{s.line, col, s.line, col}
}

// key reads a dotted key and hands over its names.
func (s *scanner) key(name func(name string, last bool)) {
	for {
		s.space(false)
		var n string
		if s.at(`"`) || s.at("'") {
			n = s.quoted()
		} else {
			from := s.pos
			for s.pos < len(s.data) && bareByte(s.data[s.pos]) {
				s.pos++
			}
			n = string(s.data[from:s.pos])
		}
		s.space(false)
		if !s.at(".") {
			name(n, true)
			return
		}
		s.pos++
		name(n, false)
	}
}

// value passes over a value and looks into tables and lists.
func (s *scanner) value(path string, depth int) {
	switch {
	case s.pos >= len(s.data):
	case s.at(`"`) || s.at("'"):
		s.quoted()
	case s.at("{") && depth < maxNesting:
		s.pos++
		s.elements('}', func(int) { s.pair(path, depth+1) })
	case s.at("[") && depth < maxNesting:
		s.pos++
		s.elements(']', func(i int) {
			element := index(path, i)
			s.note(element, s.here())
			s.value(element, depth+1)
		})
	default:
		for s.pos < len(s.data) && !bytes.ContainsRune([]byte(",]}#\r\n"), rune(s.data[s.pos])) {
			s.pos++
		}
	}
}

// elements reads what stands between brackets, with commas between.
func (s *scanner) elements(end byte, element func(i int)) {
	for i := 0; ; i++ {
		s.space(true)
		if s.pos >= len(s.data) {
			return
		}
		if s.data[s.pos] == end {
			s.pos++
			return
		}
		before := s.pos
		element(i)
		s.space(true)
		if s.at(",") {
			s.pos++
		}
		if s.pos == before {
			return
		}
	}
}

// quoted passes over a string of any of the four kinds and gives its text.
func (s *scanner) quoted() string {
	quote := s.data[s.pos]
	mark := []byte{quote}
	if triple := bytes.Repeat(mark, 3); bytes.HasPrefix(s.data[s.pos:], triple) {
		mark = triple
	}
	s.pos += len(mark)
	from := s.pos
	for s.pos < len(s.data) && !bytes.HasPrefix(s.data[s.pos:], mark) {
		if quote == '"' && s.data[s.pos] == '\\' && s.pos+1 < len(s.data) {
			s.step()
		}
		s.step()
	}
	body := string(s.data[from:s.pos])
	s.pos = min(s.pos+len(mark), len(s.data))
	// Up to two quotes may stand before the three that close.
	for i := 0; i < 2 && len(mark) == 3 && s.pos < len(s.data) && s.data[s.pos] == quote; i++ {
		s.pos++
	}
	if quote == '"' && strings.Contains(body, `\`) {
		return unescape(body)
	}
	return body
}

// unescape gives what stands in a basic string of TOML 1.1.
func unescape(body string) string {
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			continue
		}
		i++
		if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[body[i]]; digits > 0 {
			end := min(i+1+digits, len(body))
			r, _ := strconv.ParseUint(body[i+1:end], 16, 32)
			b.WriteRune(rune(r))
			i = end - 1
			continue
		}
		if j := strings.IndexByte(`btnfre`, body[i]); j >= 0 {
			b.WriteByte("\b\t\n\f\r\x1b"[j])
		} else {
			b.WriteByte(body[i])
		}
	}
	return b.String()
}

// space passes over blanks, with lines over line ends and comments too.
func (s *scanner) space(lines bool) {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == ' ' || c == '\t':
			s.pos++
		case lines && c == '#':
			s.comment()
		case lines && (c == '\n' || c == '\r'):
			s.step()
		default:
			return
		}
	}
}

func (s *scanner) comment() {
	for s.pos < len(s.data) && s.data[s.pos] != '\n' {
		s.pos++
	}
}

// restOfLine passes over what follows a header or a value.
func (s *scanner) restOfLine() {
	s.comment()
	if s.pos < len(s.data) {
		s.step()
	}
}

func (s *scanner) step() {
	if s.data[s.pos] == '\n' {
		s.line++
		s.start = s.pos + 1
	}
	s.pos++
}

func (s *scanner) at(prefix string) bool {
	return bytes.HasPrefix(s.data[s.pos:], []byte(prefix))
}

// lineCol turns an offset into line and column.
func lineCol(data []byte, offset int) (line, col int) {
	before := data[:max(0, min(offset, len(data)))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
}

// telltale finds lines that may hold a secret, by the names of keys and by
// user:password@ in URLs.
var telltale = regexp.MustCompile(`(?i)passw|secret|token|credential|base64header|private|://[^/\s]*@`)

// private tells whether a line may hold a secret.
func (l *loader) private(line int) bool {
	if l.lines == nil {
		l.lines = bytes.Split(l.src.Data, []byte("\n"))
	}
	return line > 0 && line <= len(l.lines) && telltale.Match(l.lines[line-1])
}
