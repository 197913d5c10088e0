package router

import (
	"fmt"
	"strings"
)

// segment is one part of a path template between slashes.
type segment struct {
	kind  kind
	text  []string // literal: one; mixed: before, between and after the parameters
	names []string // of the parameters, in order
}

type kind int

const (
	literal kind = iota
	mixed        // text and parameters: {id}.json, {a}-{b}, {name}:verb, f(key={key})
	param        // {id}: one segment, not empty
	rest         // {proxy+}: all that follows, not empty
	any          // *: all that follows
)

// parseTemplate cuts a path template. slash tells that it ended with one.
func parseTemplate(path string) (segments []segment, slash bool, err error) {
	if !strings.HasPrefix(path, "/") {
		return nil, false, fmt.Errorf("path %q does not start with a slash", path)
	}
	parts, err := splitTemplate(path[1:])
	if err != nil {
		return nil, false, fmt.Errorf("path %q: %w", path, err)
	}
	if parts[len(parts)-1] == "" {
		parts, slash = parts[:len(parts)-1], len(parts) > 1
	}
	for i, part := range parts {
		s := parseSegment(part)
		if last := i == len(parts)-1 && !slash; !last && s.kind == rest {
			return nil, false, fmt.Errorf("path %q: %s can only stand at the end", path, part)
		} else if !last && s.kind == any {
			s = segment{text: []string{"*"}}
		}
		segments = append(segments, s)
	}
	return segments, slash, nil
}

// splitTemplate cuts at slashes outside braces: Google's {name=a/*/b} is one
// parameter.
func splitTemplate(path string) ([]string, error) {
	var parts []string
	start, inside := 0, false
	for i := range len(path) {
		switch c := path[i]; {
		case c == '{' && inside:
			return nil, fmt.Errorf("a brace is opened inside another")
		case c == '{':
			inside = true
		case c == '}' && !inside:
			return nil, fmt.Errorf("a brace is closed that was not opened")
		case c == '}':
			inside = false
		case c == '/' && !inside:
			parts = append(parts, path[start:i])
			start = i + 1
		}
	}
	if inside {
		return nil, fmt.Errorf("a brace is not closed")
	}
	return append(parts, path[start:]), nil
}

func parseSegment(part string) segment {
	if part == "*" {
		return segment{kind: any}
	}
	text, after, found := strings.Cut(part, "{")
	s := segment{text: []string{normalLiteral(text)}}
	for found {
		name, remainder, _ := strings.Cut(after, "}")
		s.names = append(s.names, name)
		text, after, found = strings.Cut(remainder, "{")
		// Of parameters with no text between them the first takes it all:
		// there is no telling where one ends.
		for text == "" && found {
			_, remainder, _ = strings.Cut(after, "}")
			text, after, found = strings.Cut(remainder, "{")
		}
		s.text = append(s.text, normalLiteral(text))
	}
	switch {
	case len(s.names) == 0:
		s.kind = literal
	case len(s.names) > 1 || s.text[0] != "" || s.text[1] != "":
		s.kind = mixed
	case strings.HasSuffix(s.names[0], "+"):
		s.kind = rest
		s.names[0] = strings.TrimSuffix(s.names[0], "+")
	default:
		s.kind = param
	}
	return s
}

// normalLiteral gives the form in which requests carry a literal of a
// template: what may not stand in a path is encoded.
func normalLiteral(text string) string {
	var b []byte
	for i := range len(text) {
		_, escaped := escape(text[i:])
		if c := text[i]; classes[c] == plain || escaped {
			b = append(b, c)
		} else {
			b = appendEscaped(b, c)
		}
	}
	return string(appendNormal(nil, b))
}
