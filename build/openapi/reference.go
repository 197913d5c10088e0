package openapi

import (
	"net/url"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"mgw/build/project"
	"mgw/runtime/diag"
)

// maxReferences bounds a chain of references.
const maxReferences = 32

// source holds the documents that definitions refer to.
type source struct {
	docs     map[string]value
	open     func(file string) (project.Document, diag.List)
	problems diag.List
	each     bool
}

// document gives another document of the project. What is wrong inside it is
// reported once.
func (s *source) document(file string) (value, bool) {
	if doc, ok := s.docs[file]; ok {
		return doc, doc.exists()
	}
	if s.open == nil {
		return value{}, false
	}
	doc, problems := s.open(file)
	s.problems = append(s.problems, problems...)
	s.docs[file] = value{file, doc.Root}
	return s.docs[file], doc.Root != nil
}

// deref follows the $ref of a value that routing needs.
func (r *reader) deref(v value) (value, bool) {
	for range maxReferences {
		at := v.get("$ref")
		if !at.exists() {
			return v, true
		}
		ref, ok := at.text()
		if !ok {
			r.want(at, "$ref", "a word")
			return value{}, false
		}
		next, ok := r.lookUp(at, ref)
		if !ok {
			return value{}, false
		}
		v = next.withSiblings(v)
	}
	r.errorf(v.get("$ref"), "$ref leads in a circle, or through more than %d others", maxReferences)
	return value{}, false
}

// withSiblings lays what stands beside a $ref over what it refers to.
func (v value) withSiblings(refer value) value {
	siblings := refer.pairs()
	if len(siblings) < 2 || !v.isMap() {
		return v
	}
	merged := *v.node
	merged.Content = nil
	for _, p := range siblings {
		if p.name != "$ref" {
			merged.Content = append(merged.Content, p.key.node, p.node)
		}
	}
	for _, p := range v.pairs() {
		if !refer.get(p.name).exists() || p.name == "$ref" {
			merged.Content = append(merged.Content, p.key.node, p.node)
		}
	}
	return value{v.file, &merged}
}

func (r *reader) lookUp(at value, ref string) (value, bool) {
	file, pointer, _ := strings.Cut(ref, "#")
	doc := value{}
	switch {
	case file == "":
		doc, _ = r.document(at.file)
	case strings.Contains(file, "://") || strings.HasPrefix(file, "//"):
		r.errorf(at, "$ref %q is outside the project: copy it to a file here", clip(ref))
		return doc, false
	default:
		name, ok := fileOf(at.file, file)
		if ok {
			doc, ok = r.document(name)
		}
		if !ok {
			r.errorf(at, "$ref %q: there is no such document in the project", clip(ref))
			return doc, false
		}
	}
	found, ok := pointerOf(doc, pointer)
	if !ok {
		r.errorf(at, "$ref %q leads nowhere", clip(ref))
	}
	return found, ok
}

// fileOf gives the name, below the project, of a file that another one names.
func fileOf(from, ref string) (string, bool) {
	if u, err := url.PathUnescape(ref); err == nil {
		ref = u
	}
	ref = strings.ReplaceAll(ref, `\`, "/")
	name := path.Join(path.Dir(from), ref)
	return name, !path.IsAbs(ref) && name != ".." && !strings.HasPrefix(name, "../")
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// pointerOf follows a JSON pointer (RFC 6901 section 6).
func pointerOf(v value, pointer string) (value, bool) {
	if pointer == "" || pointer == "/" {
		return v, v.exists()
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if u, err := url.PathUnescape(part); err == nil {
			part = u
		}
		part = unescapePointer.Replace(part)
		if v.isList() {
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v.node.Content) {
				return value{}, false
			}
			v = value{v.file, v.node.Content[i]}
		} else {
			v = v.get(part)
		}
		if !v.exists() {
			return value{}, false
		}
	}
	return v, true
}

// references gives the names of all files that documents refer to.
func references(docs []project.Document) map[string]bool {
	names := map[string]bool{}
	done := map[*yaml.Node]bool{} // anchored nodes: aliases share them
	var walk func(file string, n *yaml.Node)
	walk = func(file string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode || done[n] {
			return
		}
		if n.Anchor != "" {
			done[n] = true
		}
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && c.Value == "$ref" {
				ref, _, _ := strings.Cut(n.Content[i+1].Value, "#")
				if name, ok := fileOf(file, ref); ok && ref != "" {
					names[name] = true
				}
			}
			walk(file, c)
		}
	}
	for _, d := range docs {
		walk(d.File, d.Root)
	}
	return names
}
