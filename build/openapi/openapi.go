// Package openapi reads OpenAPI 3.x and Swagger 2.0 definitions and their
// extensions into a model that build/plan joins to a gateway.
//
// What comes in are documents as trees with positions. What routing, security
// and limits need is taken from them: info, servers, the keys of paths, the
// operations' security and servers, the security schemes, and the extensions.
// That part, checked, is handed to kin-openapi as a small document, so that a
// wrong example, a pattern that Go's regexp does not know or a giant graph of
// schemas can neither fail a build nor slow it down. The schemas of messages
// are turned into JSON Schema apart from it, each once. What goes out is
// one API for each definition and every problem with its place in the user's
// file. The package reads files only through Options.Open, resolves only the
// references that routing needs, and never fetches a URL.
package openapi

import (
	"fmt"
	"slices"
	"strings"

	"mgw/build/project"
	"mgw/runtime/diag"
)

// Options are what Read needs beside the documents.
type Options struct {
	// Open reads another document of the project, for references; nil when
	// the given documents are all there is.
	Open func(file string) (project.Document, diag.List)
	// Each asks for every warning; without it, of those that a definition
	// deserves in many places the first is named and the others are counted.
	Each bool
}

// Read gives the APIs of those documents that are definitions, in their order.
// Others (fragments that definitions refer to) are left out; those that nothing
// refers to get a warning.
func Read(docs []project.Document, opts Options) ([]API, diag.List) {
	s := &source{docs: map[string]value{}, open: opts.Open, each: opts.Each}
	for _, d := range docs {
		s.docs[d.File] = value{d.File, d.Root}
	}
	var apis []API
	var others []value
	for _, d := range docs {
		root := value{d.File, d.Root}
		if !isDefinition(root) {
			others = append(others, root)
			continue
		}
		r := reader{source: s, root: root, seen: map[string]*repeated{}}
		if api, ok := r.read(); ok {
			apis = append(apis, api)
		}
		r.countRepeated()
		s.problems = append(s.problems, r.problems...)
	}
	if len(others) > 0 {
		s.reportStrangers(docs, others)
	}
	return apis, s.problems
}

// IsDefinition tells whether a document is one that Read reads.
func IsDefinition(doc project.Document) bool { return isDefinition(value{doc.File, doc.Root}) }

func isDefinition(root value) bool {
	return root.get("openapi").exists() || root.get("swagger").exists()
}

// reportStrangers names the first of the documents that are neither definitions
// nor referred to by one: a folder of shared schemas may hold hundreds. That
// there is no definition at all is an error.
func (s *source) reportStrangers(docs []project.Document, others []value) {
	severity, text := diag.Error, `is no definition: it has neither "openapi" nor "swagger" at the top`
	if len(others) < len(docs) {
		severity, text = diag.Warning, `is left out: it has neither "openapi" nor "swagger" at the top, and no definition refers to it`
		referred := references(docs)
		others = slices.DeleteFunc(others, func(o value) bool { return referred[o.file] })
	}
	if len(others) == 0 {
		return
	}
	if len(others) > 1 {
		text += fmt.Sprintf(" (and %d more files like it)", len(others)-1)
	}
	p := others[0].place()
	s.problems.Add(diag.Problem{File: p.File, Line: p.Line, Col: p.Col, Severity: severity, Msg: text})
}

// reader reads one definition.
type reader struct {
	*source
	root      value
	problems  diag.List
	swagger2  bool
	seen      map[string]*repeated
	schemes   map[string]scheme
	endpoints map[string]Endpoint // x-wso2-endpoints
	schemas   *schemas
}

func (r *reader) read() (API, bool) {
	if !r.checkVersion() {
		return API{}, false
	}
	api := API{File: r.root.file, Place: r.root.place(), Webhooks: len(r.root.get("webhooks").pairs()) > 0}
	r.readInfo(&api)
	doc, ok := r.load()
	if !ok {
		return api, false
	}
	r.schemes = r.readSchemes(doc)
	r.endpoints = r.readNamedEndpoints()
	r.checkExtensions(r.root, "the top", apiLevel)
	r.checkExtensions(r.root.get("info"), "info", 0)
	api.Settings = r.readSettings(r.root, apiLevel)
	api.Servers = r.readServers(doc.servers(), r.serversValue())
	api.Security = r.readRequirements(doc.security(), r.root.get("security"))
	r.readAPIExtensions(&api)
	r.readBasePath(&api)
	r.schemas = r.newSchemas()
	for _, p := range doc.paths {
		r.readPath(&api, doc, p)
	}
	r.schemas.finish(&api)
	return api, true
}

// checkVersion accepts whatever says 2 or 3: what routing reads is the same in
// every minor version.
func (r *reader) checkVersion() bool {
	v := r.root.get("openapi")
	if !v.exists() {
		v, r.swagger2 = r.root.get("swagger"), true
	}
	text, ok := v.scalar()
	want := "3."
	if r.swagger2 {
		want = "2."
	}
	if ok && strings.HasPrefix(text+".", want) {
		return true
	}
	name := "openapi"
	if r.swagger2 {
		name = "swagger"
	}
	r.errorf(v, "%s: %s is not a version that can be read", name, v.describe()).
		hint("OpenAPI 3.0 and 3.1 (openapi: 3.0.3) and Swagger 2.0 (swagger: \"2.0\") can")
	return false
}
