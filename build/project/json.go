package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/runtime/diag"
)

// maxDepth bounds the nesting of a document with its aliases written out.
const maxDepth = 256

// parseJSON builds the tree that a YAML parser would, from JSON tokens: YAML
// parsers refuse tabs and escaped surrogates, and take ten times as long.
func parseJSON(file string, data []byte, l *diag.List) *yaml.Node {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	p := jsonParser{dec: dec, data: data, at: newPlaces(data)}
	root, err := p.value(0)
	if err == nil {
		if p.at.start(p.end); len(bytes.TrimSpace(data[p.end:])) > 0 {
			err = errors.New("more text after the end of the document")
		}
	}
	if err != nil {
		line, col := p.at.of(p.errorAt(err))
		l.Errorf(file, line, col, "%v", describe(err))
		return nil
	}
	return root
}

var errDepth = errors.New("nested too deeply")

type jsonParser struct {
	dec  *json.Decoder
	data []byte
	at   *places
	end  int // of the last token

	spare []yaml.Node // allocated together: a document has a million of them
}

// value reads one value; its children follow their opening bracket.
func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	n, token, err := p.token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		return n, p.children(n, t, depth)
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!int", t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", "false"
		if t {
			n.Value = "true"
		}
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// children reads up to the closing bracket. A key is a token like a value.
func (p *jsonParser) children(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag, n.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
	if open == '[' {
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	}
	for p.dec.More() {
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, _, err := p.token()
	return err
}

func (p *jsonParser) token() (*yaml.Node, json.Token, error) {
	begin := p.end
	t, err := p.dec.Token()
	if err != nil {
		return nil, nil, err
	}
	p.end = int(p.dec.InputOffset())
	for begin < p.end && strings.IndexByte(" \t\r\n,:", p.data[begin]) >= 0 {
		begin++
	}
	line, col := p.at.start(begin)
	if len(p.spare) == 0 {
		p.spare = make([]yaml.Node, 256)
	}
	n := &p.spare[0]
	p.spare = p.spare[1:]
	n.Kind, n.Line, n.Column = yaml.ScalarNode, line, col
	return n, t, nil
}

func (p *jsonParser) errorAt(err error) int {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return p.syntaxAt(syntax)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return len(p.data)
	}
	return p.end
}

// syntaxAt gives the offending character's offset: the decoder counts it when
// the error is inside a value, not when it is between two.
func (p *jsonParser) syntaxAt(err *json.SyntaxError) int {
	at := max(int(err.Offset)-1, 0)
	if at+1 < len(p.data) && !strings.Contains(err.Error(), "'"+string(p.data[at:at+1])+"'") {
		at++
	}
	return at
}

func describe(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the document ends too early")
	}
	return err
}

// places turns offsets into lines and columns (in bytes), both from 1.
type places struct {
	data            []byte
	offset          int
	line, lineStart int
}

func newPlaces(data []byte) *places { return &places{data: data, line: 1} }

// start is of for offsets that only grow.
func (p *places) start(offset int) (line, col int) {
	for {
		i := bytes.IndexByte(p.data[p.offset:offset], '\n')
		if i < 0 {
			break
		}
		p.offset += i + 1
		p.line++
		p.lineStart = p.offset
	}
	p.offset = offset
	return p.line, offset - p.lineStart + 1
}

func (p *places) of(offset int) (line, col int) {
	return newPlaces(p.data).start(min(offset, len(p.data)))
}
