package config

import (
	"errors"
	"strings"

	"mgw/runtime/diag"
)

// Files that the problems of overrides are reported under.
const (
	commandLine = "command line"
	environment = "environment"
)

// Override is one KEY=VALUE of the command line.
type Override struct{ Key, Value string }

// ParseOverride reads what --set takes, or the original's --KEY=VALUE.
func ParseOverride(arg string) (Override, error) {
	key, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return Override{}, errors.New("an override is written KEY=VALUE, for example b7a.log.level=DEBUG")
	}
	return Override{key, value}, nil
}

// readEnvironment takes the variables that spell a key, with _ for each dot.
// Others are none of ours.
func (l *loader) readEnvironment() {
	l.root.leaves("", func(path string, k *key) {
		name := strings.ReplaceAll(path, ".", "_")
		if v, ok := l.environ[name]; ok {
			l.fromText(k, path, name, v, environmentLayer)
		}
	})
	for name, v := range l.environ {
		if k := l.endpointKey(name); k != nil {
			l.fromText(k, name, name, v, environmentLayer)
		}
	}
	l.userVariables()
}

// userVariables takes b7a_users_NAME_password and _scopes.
func (l *loader) userVariables() {
	const prefix = "b7a_users_"
	for name, v := range l.environ {
		rest, ok := strings.CutPrefix(name, prefix)
		i := strings.LastIndexByte(rest, '_')
		if !ok || i < 1 {
			continue
		}
		user, field := rest[:i], rest[i+1:]
		if field != "password" && field != "scopes" {
			continue
		}
		k := l.root.find("b7a", "users", user, field)
		l.fromText(k.key, "b7a.users."+join("", user)+"."+field, name, v, environmentLayer)
	}
}

// fromText sets a key from outside the file. Placeholders in the environment
// stay as they are: whoever sets a variable can set its value.
func (l *loader) fromText(k *key, path, name, v string, from layer) {
	at := diag.Problem{File: commandLine}
	if from == environmentLayer {
		at.File = environment
		if name != path {
			at.File += " " + name
		}
	}
	l.apply(k, input{load: l, path: path, raw: v, layer: from, literal: from == environmentLayer}, at)
}

func (l *loader) override(o Override) {
	if k := l.endpointKey(o.Key); k != nil {
		l.fromText(k, o.Key, "", o.Value, commandLineLayer)
		return
	}
	names := splitKey(o.Key)
	n, path := l.root, ""
	for _, name := range names {
		next := n.child(name)
		if next == nil {
			l.unknown(diag.Problem{File: commandLine}, o.Key, name, n)
			return
		}
		n, path = next, join(path, name)
		if n.key != nil && n.key.each != nil {
			l.list.Errorf(commandLine, 0, 0, "%s is a list of tables and can only be set in the file", path)
			return
		}
	}
	if n.key == nil || n.key.set == nil {
		l.list.Errorf(commandLine, 0, 0, "%s is a table: name one of its keys", path)
		return
	}
	l.fromText(n.key, path, "", o.Value, commandLineLayer)
}

// splitKey reads a dotted key as TOML does.
func splitKey(text string) []string {
	s := &scanner{data: []byte(text), line: 1}
	var names []string
	s.key(func(name string, _ bool) { names = append(names, name) })
	if s.pos < len(s.data) {
		return []string{text} // not a key; it is reported as it is
	}
	return names
}
