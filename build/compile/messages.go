package compile

import (
	"bytes"
	"strings"
)

// maxTrouble bounds the lines kept of a compiler that fails at length.
const maxTrouble = 100

// messages takes what go build -v says apart: the packages and downloads it
// names as it works, and everything else, which is trouble.
type messages struct {
	progress func(string)
	trouble  []string
	partial  []byte
}

// Write takes the compiler's output as it comes.
func (m *messages) Write(p []byte) (int, error) {
	m.partial = append(m.partial, p...)
	for {
		line, rest, complete := bytes.Cut(m.partial, []byte("\n"))
		if !complete {
			return len(p), nil
		}
		m.line(string(line))
		m.partial = rest
	}
}

// flush takes a last line that has no end.
func (m *messages) flush() {
	if len(m.partial) > 0 {
		m.line(string(m.partial))
		m.partial = nil
	}
}

func (m *messages) line(text string) {
	step, fetched := strings.CutPrefix(text, "go: ")
	if fetched = fetched && strings.HasPrefix(step, "downloading "); fetched || isPackage(text) {
		if m.progress != nil {
			m.progress(step)
		}
		return
	}
	if len(m.trouble) < maxTrouble {
		m.trouble = append(m.trouble, text)
	}
}

// isPackage tells an import path from a message: a message has spaces.
func isPackage(text string) bool {
	return text != "" && !strings.ContainsAny(text, " \t:#")
}
