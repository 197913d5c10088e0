package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
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
		line, msg := yamlError(err)
		l.Errorf(file, line, 0, "%s", msg)
		return nil
	}
	if err := decodeYAML(dec, &more); !errors.Is(err, io.EOF) {
		line := more.Line
		if err != nil {
			line, _ = yamlError(err)
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

// yamlError takes apart "yaml: line 3: found ...".
func yamlError(err error) (line int, msg string) {
	if errors.Is(err, io.EOF) {
		return 0, "is empty"
	}
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	line = 1 // the parser names no line when it is the first
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
	}
	return line, msg
}
