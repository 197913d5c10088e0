package config

import (
	"fmt"
	"slices"
	"strings"

	"mgw/runtime/diag"
)

// table reads a table of the file.
func (l *loader) table(path string, values map[string]any, n *node) {
	for name, value := range values {
		at := join(path, name)
		child := n.child(name)
		if child == nil {
			l.unknownOrEndpoint(at, path == "", name, value, n)
			continue
		}
		l.value(at, value, child)
	}
}

func (l *loader) value(path string, value any, n *node) {
	switch {
	case n.key == nil || n.key.named != nil:
		t, ok := value.(map[string]any)
		if !ok {
			l.problem(path, fmt.Sprintf("%s must be a table, not %s", path, input{raw: value}.shown()))
			return
		}
		l.table(path, t, n)
	case n.key.each != nil:
		if w := l.note(n.key, path); w.Msg != "" {
			l.list.Add(w)
		}
		l.tables(path, value, n.key)
	default:
		l.apply(n.key, input{load: l, path: path, raw: value}, l.at(path))
	}
}

// tables reads a list of tables, or the single one of the old form.
func (l *loader) tables(path string, value any, k *key) {
	switch v := value.(type) {
	case []map[string]any:
		for i, t := range v {
			l.table(index(path, i), t, tree(k.each()))
		}
		return
	case map[string]any:
		if k.lone {
			l.table(path, v, tree(k.each()))
			return
		}
	case []any:
		for i, e := range v {
			t, ok := e.(map[string]any)
			if !ok {
				l.problem(index(path, i), path+" must be a list of tables")
				return
			}
			l.table(index(path, i), t, tree(k.each()))
		}
		return
	}
	l.problem(path, fmt.Sprintf("%s must be a list of tables: write [[%s]]", path, path))
}

func (l *loader) unknownOrEndpoint(path string, top bool, name string, value any, n *node) {
	if k := l.endpointKey(name); top && k != nil {
		l.apply(k, input{load: l, path: path, raw: value}, l.at(path))
		return
	}
	p := l.at(path)
	p.Line, p.Col = l.places[path].line, l.places[path].col
	l.unknown(p, path, name, n)
}

// apply sets a key and reports what is wrong with the value, or that it has no
// effect.
func (l *loader) apply(k *key, in input, at diag.Problem) {
	l.stoodIn = false
	in.hide = k.secret
	changed, err := k.set(in)
	if err != nil && l.stoodIn {
		return // the real value may be right
	}
	at.Private = at.Private || k.secret
	if err != nil {
		at.Msg = in.path + " " + err.Error()
		l.list.Add(at)
		return
	}
	l.set[in.path] = origin{in.layer, at}
	l.conflict(k, in, at)
	if w := l.note(k, in.path); changed && w.Msg != "" {
		at.Severity, at.Msg = w.Severity, w.Msg
		l.list.Add(at)
	}
}

// conflict reports a secret given both ways in one layer.
func (l *loader) conflict(k *key, in input, at diag.Problem) {
	if !k.secret {
		return
	}
	other := in.path + "File"
	if plain, ok := strings.CutSuffix(in.path, "File"); ok {
		other = plain
	}
	if o, ok := l.set[other]; ok && o.layer == in.layer {
		names := []string{in.path, other}
		slices.Sort(names)
		at.Msg = fmt.Sprintf("%s and %s exclude each other", names[0], names[1])
		l.list.Add(at)
	}
}

// note is the warning that a key deserves for its status, empty for none.
func (l *loader) note(k *key, path string) diag.Problem {
	at := l.at(path)
	at.Severity = diag.Warning
	switch k.status {
	case later:
		at.Msg = path + " is not supported yet and has no effect"
	case unused:
		at.Msg = path + " has no effect in this gateway"
	}
	return at
}

// at gives the place of a key's value in the file.
func (l *loader) at(path string) diag.Problem {
	p := l.places[path]
	return diag.Problem{File: l.src.File, Line: p.valueLine, Col: p.valueCol, Private: l.private(p.valueLine)}
}

func (l *loader) problem(path, msg string) {
	p := l.at(path)
	p.Msg = msg
	l.list.Add(p)
}

// maxHints bounds the search for what unknown keys may have meant.
const maxHints = 50

// unknown reports a name that no key has, with the nearest of its siblings,
// else of all keys.
func (l *loader) unknown(at diag.Problem, path, name string, n *node) {
	at.Msg = shorten(path) + " is not a known key"
	if l.strange++; l.strange <= maxHints {
		names := n.names()
		slices.Sort(names)
		at.Hint = diag.DidYouMean(name, names)
		if at.Hint == "" {
			at.Hint = l.elsewhere(path, name)
		}
	}
	at.Private = at.Private || telltale.MatchString(at.Hint)
	l.list.Add(at)
}

// shorten keeps a long key from filling the screen.
func shorten(path string) string {
	const most = 120
	if len(path) <= most {
		return path
	}
	return strings.ToValidUTF8(path[:most], "") + "..."
}

func (l *loader) elsewhere(path, name string) string {
	var all []string
	l.root.leaves("", func(known string, _ *key) {
		all = append(all, known)
	})
	slices.Sort(all)
	for _, known := range all {
		if strings.HasSuffix(known, "."+name) {
			return fmt.Sprintf("did you mean %q?", known)
		}
	}
	return diag.DidYouMean(path, all)
}
