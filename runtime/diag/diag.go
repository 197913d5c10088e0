// Package diag describes what is wrong in a user's files.
//
// Every reader of a user's file (definitions, policies, configuration) reports
// into a List instead of stopping at the first mistake; whoever talks to the
// user sorts the list once and prints it with Write. The package knows nothing
// about what the files mean.
package diag

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Severity tells whether a Problem stops the work.
type Severity int

const (
	Error   Severity = iota // the work cannot be done
	Warning                 // the work is done; the user should look
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText gives the word that --format json prints.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one mistake at one place. Line and Col count from 1; 0 means the
// place is not known.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Col      int      `json:"col,omitempty"`
	Severity Severity `json:"severity"`
	Msg      string   `json:"message"`
	Hint     string   `json:"hint,omitempty"` // what to do, or the nearest known name
	// Private tells that the line may hold a secret: Write shows no excerpt,
	// for other problems of the line neither.
	Private bool `json:"-"`
}

// String gives file:line:col: message, the form editors jump to.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Msg)
	return b.String()
}

// List collects problems. Its zero value is ready to use.
type List []Problem

// Add appends a problem.
func (l *List) Add(p Problem) { *l = append(*l, p) }

// Errorf appends an error at a place.
func (l *List) Errorf(file string, line, col int, format string, args ...any) {
	l.Add(Problem{File: file, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)})
}

// Warnf appends a warning at a place.
func (l *List) Warnf(file string, line, col int, format string, args ...any) {
	l.Add(Problem{File: file, Line: line, Col: col, Severity: Warning, Msg: fmt.Sprintf(format, args...)})
}

// Errors counts the problems that stop the work.
func (l List) Errors() int {
	n := 0
	for _, p := range l {
		if p.Severity == Error {
			n++
		}
	}
	return n
}

// Sort orders by file, line, column, then message, and drops exact repeats.
func (l *List) Sort() {
	slices.SortStableFunc(*l, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Msg, b.Msg),
		)
	})
	*l = slices.Compact(*l)
}

// Err gives nil when the list holds no error, else an error whose text is the
// list, a line each.
func (l List) Err() error {
	if l.Errors() == 0 {
		return nil
	}
	return listError{l}
}

type listError struct{ List }

// Listed gives the list that an error was made of, nil for another error.
func Listed(err error) List {
	if e, ok := errors.AsType[listError](err); ok {
		return e.List
	}
	return nil
}

func (e listError) Error() string {
	lines := make([]string, len(e.List))
	for i, p := range e.List {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Write prints each problem on a line, below it the offending source line with
// a caret, and the hint. read returns a file's content; a file that it cannot
// read is printed without excerpt.
func Write(w io.Writer, l List, read func(file string) ([]byte, error)) error {
	out := bufio.NewWriter(w)
	sources := map[string][]byte{}
	private := privateLines(l)
	for _, p := range l {
		p.Private = private[line{p.File, p.Line}]
		fmt.Fprintln(out, p)
		if line := excerpt(sources, p, read); line != "" {
			fmt.Fprintf(out, "    %s\n", line)
			if p.Col > 0 && p.Col <= len(line)+1 {
				fmt.Fprintf(out, "    %s^\n", caretIndent(line[:p.Col-1]))
			}
		}
		if p.Hint != "" {
			fmt.Fprintf(out, "    hint: %s\n", p.Hint)
		}
	}
	return out.Flush()
}

type line struct {
	file   string
	number int
}

func privateLines(l List) map[line]bool {
	lines := map[line]bool{}
	for _, p := range l {
		if p.Private {
			lines[line{p.File, p.Line}] = true
		}
	}
	return lines
}

// maxExcerpt bounds a printed source line: a minified JSON file is one line.
const maxExcerpt = 160

func excerpt(sources map[string][]byte, p Problem, read func(string) ([]byte, error)) string {
	if p.Line == 0 || p.Private || read == nil {
		return ""
	}
	src, ok := sources[p.File]
	if !ok {
		src, _ = read(p.File)
		sources[p.File] = src
	}
	for n := 1; n < p.Line; n++ {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return ""
		}
		src = src[i+1:]
	}
	line, _, _ := bytes.Cut(src, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if len(line) > maxExcerpt || !printable(line) {
		return ""
	}
	return string(line)
}

func printable(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// caretIndent repeats tabs so that the caret stands below its column.
func caretIndent(before string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
}
