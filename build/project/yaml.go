package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// parseYAML reads the one document of a YAML file.
func parseYAML(file string, data []byte, l *diag.List) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decodeYAML(dec, &doc); err != nil {
		line, msg, hint := yamlError(err)
		l.Errorf(file, line, 0, "%s", msg)
		(*l)[len(*l)-1].Hint = hint
		return nil
	}
	if err := decodeYAML(dec, &more); !errors.Is(err, io.EOF) {
		line := more.Line
		if err != nil {
			line, _, _ = yamlError(err)
		}
		l.Errorf(file, line, 0, "a second document starts here: put it into a file of its own")
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		l.Errorf(file, 0, 0, "is empty")
		return nil
	}
	return doc.Content[0]
}

// decodeYAML turns a panic of the parser into an error: it reads what a user
// was given by somebody else.
func decodeYAML(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: cannot be parsed: %v", r)
		}
	}()
	return dec.Decode(n)
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// blockErrors are the messages that come with the line where the list or map
// began, or with that of the mistake where it began on the first; counted from 0.
var blockErrors = []string{
	"did not find expected key", "did not find expected '-' indicator", "did not find expected ',' or ']'",
	"did not find expected ',' or '}'",
}

// yamlError takes apart "yaml: line 3: found ...".
func yamlError(err error) (line int, msg, hint string) {
	if errors.Is(err, io.EOF) {
		return 0, "is empty", ""
	}
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	m := yamlLine.FindStringSubmatch(msg)
	if m == nil {
		return 1, msg, "" // the parser names no line when it is the first
	}
	line, _ = strconv.Atoi(m[1])
	msg = msg[len(m[0]):]
	if slices.Contains(blockErrors, msg) {
		return line + 1, msg, "the mistake is on this line or in what starts on it"
	}
	return line, msg, ""
}
