package policy

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mgw/runtime/diag"
)

// Name spaces of the throttle policy language.
const (
	throttleSpace = "http://www.wso2.org/products/wso2commons/throttle"
	policySpace   = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	policySpace15 = "http://www.w3.org/ns/ws-policy"
)

// Bounds of an XML document; real ones have five levels and some dozen
// elements.
const (
	maxDepth    = 32
	maxElements = 100_000
)

// element is an XML element with its place.
type element struct {
	name      xml.Name
	attrs     []xml.Attr
	children  []*element
	text      []byte
	line, col int
}

// isGroup tells whether an element is one that WS-Policy groups others with.
func (e *element) isGroup() bool {
	if e.name.Space != policySpace && e.name.Space != policySpace15 {
		return false
	}
	return e.name.Local == "Policy" || e.name.Local == "All" || e.name.Local == "ExactlyOne"
}

func (r *reader) at(e *element, format string, args ...any) {
	r.list.Errorf(r.file.Name, e.line, e.col, format, args...)
}

// root reads the document, nil after an error.
func (r *reader) root() *element {
	dec := xml.NewDecoder(bytes.NewReader(r.file.Data))
	top := &element{}
	open, count := []*element{top}, 0
	for {
		line, col := dec.InputPos()
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(open) == 1 {
			break
		}
		if err != nil {
			r.xmlError(dec, err)
			return nil
		}
		inner := open[len(open)-1]
		switch t := token.(type) {
		case xml.Directive:
			r.list.Errorf(r.file.Name, line, col, "a document type is not allowed: it could name entities and other files")
			return nil
		case xml.StartElement:
			e := &element{name: t.Name, attrs: t.Copy().Attr, line: line, col: col}
			inner.children = append(inner.children, e)
			open = append(open, e)
			if count++; len(open) > maxDepth || count > maxElements {
				r.at(e, "the document is nested too deeply or too large")
				return nil
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			inner.text = append(inner.text, t...)
		}
	}
	return r.onlyRoot(top)
}

func (r *reader) onlyRoot(top *element) *element {
	switch {
	case len(top.children) == 0:
		r.list.Errorf(r.file.Name, 0, 0, "the document is empty")
		return nil
	case len(top.children) > 1:
		r.at(top.children[1], "the document has more than one root")
		return nil
	}
	return top.children[0]
}

func (r *reader) xmlError(dec *xml.Decoder, err error) {
	line, col := dec.InputPos()
	msg := strings.TrimPrefix(err.Error(), "xml: ")
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		msg = syntax.Msg
	}
	r.list.Errorf(r.file.Name, line, col, "not valid XML: %s", msg)
}

// flatten gives the elements in a group, those of groups within it too.
func flatten(e *element) []*element {
	var all []*element
	for _, c := range e.children {
		if c.isGroup() {
			all = append(all, flatten(c)...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

// parts sorts the elements of a group by name; each may stand once.
func (r *reader) parts(inside *element, all []*element, known ...string) map[string]*element {
	parts := map[string]*element{}
	for _, e := range all {
		name := e.name.Local
		switch {
		case e.name.Space != throttleSpace || !slices.Contains(known, name):
			r.list.Add(diag.Problem{
				File: r.file.Name, Line: e.line, Col: e.col, Hint: diag.DidYouMean(name, known),
				Msg: fmt.Sprintf("%s does not belong into %s", quoteIfOdd(name), quoteIfOdd(inside.name.Local)),
			})
		case parts[name] != nil:
			r.at(e, "%s is given twice", name)
		default:
			parts[name] = e
		}
	}
	return parts
}
