package openapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"mgw/runtime/diag"
)

// readPaths lists the path items in the order of the file, with those of
// their operations that a gateway serves.
func (r *reader) readPaths() []pathItem {
	all, ok := r.deref(r.root.get("paths"))
	if !ok {
		return nil
	}
	if all.exists() && !all.isMap() && !all.isNull() {
		r.want(all, "paths", "a mapping")
	}
	var paths []pathItem
	for _, p := range all.pairs() {
		if strings.HasPrefix(p.name, "x-") {
			continue
		}
		item, ok := r.deref(p.value)
		if !ok || item.isNull() {
			continue
		}
		if !item.isMap() {
			r.want(item, "path "+clip(p.name), "a mapping of methods")
			continue
		}
		path := pathItem{name: p.name, key: p.key, item: item}
		path.operations = r.readMethods(p.name, item)
		paths = append(paths, path)
	}
	return paths
}

func (r *reader) readMethods(path string, item value) []operation {
	var operations []operation
	for _, p := range item.pairs() {
		method := strings.ToLower(p.name)
		switch {
		case slices.Contains(methods, method):
			op, ok := r.deref(p.value)
			if ok && !op.isMap() && !op.isNull() {
				r.want(op, p.name+" of path "+clip(path), "a mapping")
				ok = false
			}
			if ok {
				operations = append(operations, operation{method, p.key, op})
			}
		case method == "trace" || method == "query":
			r.warnf(p.key, "method %s is not served", strings.ToUpper(method))
		case !slices.Contains(otherFields, p.name) && !strings.HasPrefix(method, "x-"):
			r.warnf(p.key, "%q is no method: it has no effect", clip(p.name)).hint(diag.DidYouMean(clip(p.name), methods))
		}
	}
	return operations
}

// readPath turns a path item into operations.
func (r *reader) readPath(api *API, doc *document, p pathItem) {
	r.checkExtensions(p.item, "a path", 0)
	// A path that cannot be served fails the build; its operations are read for
	// the mistakes in them.
	template, query, cut := r.template(p)
	for _, o := range p.operations {
		loaded := p.loaded.GetOperation(strings.ToUpper(o.method))
		if loaded == nil {
			continue
		}
		r.checkExtensions(o.value, "an operation", operationLevel)
		op := Operation{Method: strings.ToUpper(o.method), Path: template, Query: query, Cut: cut, Place: o.key.place()}
		op.Settings = r.readSettings(o.value, operationLevel)
		op.Security = r.readRequirements(loaded.Security, o.get("security"))
		op.Servers = r.operationServers(p, o, loaded.Servers)
		op.Scope = r.textField(o.get("x-scope"), "x-scope")
		op.AuthNone = r.readAuthType(o.get("x-auth-type"))
		op.Messages = r.schemas.messages(p, o)
		api.Operations = append(api.Operations, op)
	}
}

// operationServers gives the operation's own servers, else those of its path
// (contract section 2.2).
func (r *reader) operationServers(p pathItem, o operation, own *openapi3.Servers) *Servers {
	if own != nil && len(*own) > 0 {
		return r.readServers(*own, o.get("servers"))
	}
	return r.readServers(p.loaded.Servers, p.item.get("servers"))
}

// readAuthType reads x-auth-type, of which exactly None means something.
func (r *reader) readAuthType(v value) Flag {
	t := r.textField(v, "x-auth-type")
	if t.Value != "None" && strings.EqualFold(t.Value, "none") {
		r.warnf(v, "x-auth-type %q has no effect", t.Value).hint(`did you mean "None"?`)
	}
	return Flag{Value: t.Value == "None", Given: t.Given, Place: t.Place}
}

// template gives the part of a path that requests are matched with, and what it
// asks of the query. What can be routed without doubt is only warned of.
func (r *reader) template(p pathItem) (t string, query string, cut bool) {
	if strings.ContainsFunc(p.name, isControl) {
		r.errorf(p.key, "path contains a control character")
		return p.name, "", false
	}
	t, rest := cutTemplate(p.name)
	if strings.HasPrefix(rest, "?") {
		rest, query = r.queryCondition(p.key, rest)
	}
	if cut = rest != ""; cut {
		r.warnOnce("cut", p.key, "path %q: requests are matched without what follows %q", clip(p.name), clip(strings.TrimSuffix(p.name, rest)))
	}
	if !strings.HasPrefix(t, "/") {
		r.warnOnce("slash", p.key, "path %q does not start with a slash: served at %q", clip(p.name), clip("/"+t))
		t = "/" + t
	}
	r.checkTemplate(p.key, t)
	return t, query, cut
}

// checkTemplate reports what cannot be matched, or only by accident.
func (r *reader) checkTemplate(key value, t string) {
	segments, why := splitTemplate(t)
	if why != "" {
		r.errorf(key, "path %q %s", clip(t), why)
		return
	}
	for i, segment := range segments {
		switch {
		case segment == "." || segment == "..":
			r.warnf(key, "path %q is never reached: requests with dot segments are refused", clip(t))
		case len(segment) > 1 && segment[0] == ':':
			r.warnOnce("colon", key, "path %q: %q is matched letter by letter", clip(t), clip(segment)).
				hint("a parameter is written {" + clip(segment[1:]) + "}")
		case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "+}") && i < len(segments)-1:
			r.errorf(key, "path %q: %s takes all that follows, so nothing can", clip(t), clip(segment))
			return
		}
	}
}

// splitTemplate cuts at the slashes outside braces, or says why it cannot.
func splitTemplate(t string) (segments []string, why string) {
	start, open := 1, -1
	for i := 1; i < len(t); i++ {
		switch c := t[i]; {
		case c == '{' && open >= 0:
			return nil, "has a brace inside braces"
		case c == '{':
			open = i
		case c == '}' && open < 0:
			return nil, "has a } without its {"
		case c == '}' && i == open+1:
			return nil, "has a parameter without a name"
		case c == '}':
			open = -1
		case c == '/' && open < 0:
			segments = append(segments, t[start:i])
			start = i + 1
		}
	}
	if open >= 0 {
		return nil, "has a { without its }"
	}
	return append(segments, t[start:]), ""
}
