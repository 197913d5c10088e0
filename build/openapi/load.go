package openapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// document is a definition as kin-openapi reads it, always in the form of
// OpenAPI 3, beside the trees that it came from.
type document struct {
	*openapi3.T
	paths []pathItem
}

// pathItem is an entry of `paths`, its reference followed.
type pathItem struct {
	name       string
	key        value
	item       value
	operations []operation
	loaded     *openapi3.PathItem
}

type operation struct {
	method string
	key    value
	value
}

// load reduces the definition to what routing needs and lets kin-openapi read
// that.
func (r *reader) load() (*document, bool) {
	reduced, paths := r.reduce()
	data, err := json.Marshal(reduced)
	if err != nil {
		r.errorf(r.root, "cannot be read: %v", err)
		return nil, false
	}
	read := readOpenAPI3
	if r.swagger2 {
		read = readSwagger2
	}
	t, err := read(data)
	if err != nil {
		r.errorf(r.root, "cannot be read: %v", err)
		return nil, false
	}
	for i := range paths {
		if paths[i].loaded = t.Paths.Value(pathKey(i)); paths[i].loaded == nil {
			paths[i].loaded = &openapi3.PathItem{}
		}
	}
	return &document{t, paths}, true
}

func readOpenAPI3(data []byte) (t *openapi3.T, err error) {
	defer recovered(&err)
	return openapi3.NewLoader().LoadFromData(data)
}

// readSwagger2 converts: the converter panics on some documents that are
// wrong, so that is an error like any other.
func readSwagger2(data []byte) (t *openapi3.T, err error) {
	defer recovered(&err)
	var doc openapi2.T
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&doc)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("kin-openapi: %v", p)
	}
}

// pathKey names a path in the reduced document. What users write there is not
// always what the library takes for a path.
func pathKey(i int) string { return "/" + strconv.Itoa(i) }

// servers gives the servers of the whole definition. The library's own
// default, "/", is left out.
func (d *document) servers() openapi3.Servers { return d.Servers }

func (d *document) security() *openapi3.SecurityRequirements {
	if d.Security == nil {
		return nil
	}
	return &d.Security
}

// methods of contract section 2.1, in the order in which operations are listed.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch"}

// otherFields of a path item are no methods and no mistakes.
var otherFields = []string{"$ref", "summary", "description", "servers", "parameters", "trace", "query", "additionalOperations"}

// object is a mapping of the reduced document.
type object map[string]any

func (r *reader) reduce() (object, []pathItem) {
	doc := object{"info": object{"title": "-", "version": "-"}}
	if v := r.root.get("security"); v.exists() && !v.isNull() {
		doc["security"] = r.reduceRequirements(v)
	}
	if r.swagger2 {
		doc["swagger"] = "2.0"
		r.reduceHost(doc)
		doc["securityDefinitions"] = r.reduceSchemes(r.root.get("securityDefinitions"))
	} else {
		doc["openapi"] = "3.0.3"
		if s := r.reduceServers(r.root.get("servers")); s != nil {
			doc["servers"] = s
		}
		doc["components"] = object{"securitySchemes": r.reduceSchemes(r.root.get("components").get("securitySchemes"))}
	}
	paths := r.readPaths()
	reduced := object{}
	for i, p := range paths {
		reduced[pathKey(i)] = r.reducePathItem(p)
	}
	doc["paths"] = reduced
	return doc, paths
}

func (r *reader) reducePathItem(p pathItem) object {
	item := object{}
	if s := r.reduceServers(p.item.get("servers")); s != nil && !r.swagger2 {
		item["servers"] = s
	}
	for _, o := range p.operations {
		op := object{"responses": object{"default": object{"description": ""}}}
		if v := o.get("security"); v.exists() && !v.isNull() {
			op["security"] = r.reduceRequirements(v)
		}
		if s := r.reduceServers(o.get("servers")); s != nil && !r.swagger2 {
			op["servers"] = s
		}
		item[o.method] = op
	}
	return item
}

// reduceHost takes host, basePath and schemes of Swagger 2.0.
func (r *reader) reduceHost(doc object) {
	if host := r.textField(r.root.get("host"), "host"); host.Given {
		if strings.ContainsAny(host.Value, "/?#@ ") {
			r.errorf(r.root.get("host"), "host must be a name and perhaps a port, not %q", clip(host.Value))
		} else {
			doc["host"] = host.Value
		}
	}
	if v := r.root.get("basePath"); v.exists() && v.node.Value != "" {
		if base := r.textField(v, "basePath"); base.Given {
			doc["basePath"] = "/" + strings.TrimPrefix(base.Value, "/")
		}
	}
	schemes := []string{}
	for _, s := range r.textList(r.root.get("schemes"), "schemes") {
		if s = strings.ToLower(s); s == "http" || s == "https" {
			schemes = append(schemes, s)
		}
	}
	if len(schemes) > 0 {
		doc["schemes"] = schemes
	}
}

func (r *reader) reduceServers(v value) []object {
	if !v.exists() || v.isNull() {
		return nil
	}
	if !v.isList() {
		r.want(v, "servers", "a list")
		return nil
	}
	var servers []object
	for _, item := range v.items() {
		at := item.get("url")
		if !item.isMap() {
			r.want(item, "a server", "a mapping with a url")
			continue
		}
		u := Text{Value: "/"} // what an empty URL means
		if !at.blank() {
			if u = r.textField(at, "url"); !u.Given {
				continue
			}
		}
		variables := object{}
		for _, p := range item.get("variables").pairs() {
			variables[p.name] = reduceVariable(p.value)
		}
		servers = append(servers, object{"url": strings.TrimSpace(u.Value), "variables": variables})
	}
	return servers
}

// reduceVariable gives a variable that has a value; the first of its enum
// where it has no default.
func reduceVariable(v value) object {
	if s, ok := v.get("default").scalar(); ok {
		return object{"default": s}
	}
	for _, item := range v.get("enum").items() {
		if s, ok := item.scalar(); ok {
			return object{"default": s}
		}
	}
	return object{}
}

func (r *reader) reduceRequirements(v value) []object {
	list := []object{}
	if !v.isList() {
		r.want(v, "security", "a list")
		return list
	}
	for _, item := range v.items() {
		if !item.isMap() {
			r.want(item, "an item of security", "a mapping from a scheme to its scopes")
			continue
		}
		requirement := object{}
		for _, p := range item.pairs() {
			scopes := []string{}
			if !p.isNull() {
				scopes = append(scopes, r.textList(p.value, "the scopes of "+clip(p.name))...)
			}
			requirement[p.name] = scopes
		}
		list = append(list, requirement)
	}
	return list
}

func (r *reader) reduceSchemes(v value) object {
	schemes := object{}
	for _, p := range v.pairs() {
		if strings.HasPrefix(p.name, "x-") {
			continue
		}
		s, ok := r.deref(p.value)
		if !ok {
			continue
		}
		scheme := object{}
		for _, field := range []string{"type", "scheme", "in", "name"} {
			if text, ok := s.get(field).scalar(); ok {
				scheme[field] = text
			}
		}
		if r.swagger2 && scheme["type"] == "oauth2" {
			scheme["flow"] = "implicit" // whichever: a gateway only sees the token
		}
		schemes[p.name] = scheme
	}
	return schemes
}
