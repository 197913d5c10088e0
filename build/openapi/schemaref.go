package openapi

import (
	"encoding/json"
	"strconv"
	"strings"
)

// reference is what a $ref leads to, or why it does not.
type reference struct {
	to  value
	why string
}

// find resolves a $ref of a schema or message, within the project. Unlike
// deref's, what is wrong does not fail a build.
func (s *schemas) find(at value) (value, string) {
	ref, ok := at.text()
	if !ok {
		return value{}, "$ref must be a word, not " + at.describe()
	}
	key := [2]string{at.file, ref}
	known, ok := s.answers[key]
	if !ok {
		known.to, known.why = s.lookUpQuietly(at.file, ref)
		s.answers[key] = known
	}
	return known.to, known.why
}

func (s *schemas) lookUpQuietly(from, ref string) (value, string) {
	file, pointer, _ := strings.Cut(ref, "#")
	if strings.Contains(file, "://") || strings.HasPrefix(file, "//") {
		return value{}, "$ref " + quoted(ref) + " is outside the project"
	}
	name, ok := from, true
	if file != "" {
		name, ok = fileOf(from, file)
	}
	doc := s.documentQuietly(name)
	if !ok || !doc.exists() {
		return value{}, "$ref " + quoted(ref) + ": there is no such document in the project"
	}
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return value{}, "$ref " + quoted(ref) + " is an anchor, which is not supported"
	}
	found, ok := pointerOf(doc, pointer)
	if !ok {
		return value{}, "$ref " + quoted(ref) + " leads nowhere"
	}
	return found, ""
}

func quoted(ref string) string { return strconv.Quote(clip(ref)) }

// documentQuietly opens a document without reporting what is wrong with it:
// routing does, if routing needs it.
func (s *schemas) documentQuietly(file string) value {
	if doc, ok := s.docs[file]; ok {
		return doc
	}
	doc, ok := s.quiet[file]
	if !ok && s.open != nil {
		opened, problems := s.open(file)
		if doc = (value{file: file}); problems.Errors() == 0 && opened.Root != nil {
			doc.node = opened.Root
			s.docs[file] = doc
		}
	}
	s.quiet[file] = doc
	return doc
}

// follow gives what a value refers to in the end; nothing where that cannot be
// said.
func (s *schemas) follow(v value) value {
	for range maxReferences {
		at := v.get("$ref")
		if !at.exists() {
			return v
		}
		next, why := s.find(at)
		if why != "" {
			return value{}
		}
		v = next
	}
	return value{}
}

// usable tells, by index, which schemas can be checked: what they need is
// there, and none is defined by itself.
func (s *schemas) usable() []bool {
	usable := make([]bool, len(s.list))
	users := make([][]int, len(s.list))
	var broken []int
	state := make([]visit, len(s.list))
	for i, of := range s.list {
		usable[i] = true
		for _, e := range of.refs {
			users[e.to] = append(users[e.to], i)
		}
		s.findCircles(i, state)
	}
	for i, of := range s.list {
		if of.broken {
			broken = append(broken, i)
		}
	}
	for len(broken) > 0 {
		i := broken[len(broken)-1]
		broken = broken[:len(broken)-1]
		if usable[i] {
			usable[i] = false
			broken = append(broken, users[i]...)
		}
	}
	return usable
}

// visit is how far a search has got with a schema.
type visit uint8

const (
	unseen visit = iota
	open
	done
)

// findCircles breaks schemas that lead to themselves without going into the
// value.
func (s *schemas) findCircles(i int, state []visit) {
	switch of := s.list[i]; {
	case state[i] == unseen:
		state[i] = open
		for _, e := range of.refs {
			if e.inPlace {
				s.findCircles(e.to, state)
			}
		}
		state[i] = done
	case state[i] == open && !of.broken:
		of.broken = true
		s.warnOnce("schema circle", of.at, "a schema is defined by itself alone: what needs it is not validated")
	}
}

// encode gives the list as it travels. A schema that nobody may use is empty.
func (s *schemas) encode(usable []bool) []json.RawMessage {
	out := make([]json.RawMessage, len(s.list))
	for i, of := range s.list {
		out[i] = json.RawMessage("{}")
		if !usable[i] {
			continue
		}
		data, err := json.Marshal(of.out)
		if err != nil { // plain data: strings, numbers that were checked
			s.errorf(of.at, "a schema cannot be written: %v", err)
			continue
		}
		out[i] = data
	}
	return out
}
