package openapi

import (
	"fmt"
	"slices"
	"strings"

	"mgw/runtime/diag"
)

// reported lets a hint follow a message.
type reported struct{ list *diag.List }

func (r reported) hint(h string) { (*r.list)[len(*r.list)-1].Hint = h }

// private keeps a line with a secret from being shown.
func (r reported) private() { (*r.list)[len(*r.list)-1].Private = true }

func (r *reader) errorf(at value, format string, args ...any) reported {
	p := at.place()
	r.problems.Errorf(p.File, p.Line, p.Col, format, args...)
	return reported{&r.problems}
}

func (r *reader) warnf(at value, format string, args ...any) reported {
	p := at.place()
	r.problems.Warnf(p.File, p.Line, p.Col, format, args...)
	return reported{&r.problems}
}

// repeated is a problem that is reported once for each definition.
type repeated struct {
	index int // in reader.problems
	times int
}

// warnOnce is for what a definition does in many places: the first is named,
// the others are counted.
func (r *reader) warnOnce(topic string, at value, format string, args ...any) reported {
	if before := r.seen[topic]; before != nil && !r.each {
		before.times++
		return reported{&diag.List{{}}}
	}
	r.seen[topic] = &repeated{len(r.problems), 1} // with each: never counted up
	return r.warnf(at, format, args...)
}

func (r *reader) countRepeated() {
	for _, once := range r.seen {
		if once.times > 1 {
			r.problems[once.index].Msg += fmt.Sprintf(" (and %d more like it)", once.times-1)
		}
	}
}

// want reports that a value is not what its name calls for.
func (r *reader) want(at value, name, what string) reported {
	return r.errorf(at, "%s must be %s, not %s", name, what, at.describe())
}

// fields checks that a mapping has no key but the known ones. Extensions of
// others (x-...) pass.
func (r *reader) fields(v value, name string, known []string) bool {
	if !v.isMap() {
		r.want(v, name, "a mapping")
		return false
	}
	ok := true
	for _, p := range v.pairs() {
		if !slices.Contains(known, p.name) && !strings.HasPrefix(p.name, "x-") {
			r.errorf(p.key, "%s has no field %q", name, clip(p.name)).hint(nearest(p.name, known))
			ok = false
		}
	}
	return ok
}

// nearest is a hint: the word that was meant, else all there are.
func nearest(word string, known []string) string {
	if h := diag.DidYouMean(clip(word), known); h != "" {
		return h
	}
	if len(known) == 0 {
		return ""
	}
	return "known are " + strings.Join(known, ", ")
}

func (r *reader) textField(v value, name string) Text {
	if !v.exists() {
		return Text{}
	}
	p := v.place()
	s, ok := v.scalar()
	switch {
	case !ok:
		r.want(v, name, "a word")
		return Text{}
	case strings.TrimSpace(s) == "":
		r.errorf(v, "%s is empty", name)
		return Text{}
	case strings.ContainsFunc(s, isControl):
		r.errorf(v, "%s contains a control character", name)
		return Text{}
	}
	return Text{s, true, p}
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

func (r *reader) flagField(v value, name string) Flag {
	if !v.exists() {
		return Flag{}
	}
	b, ok := v.boolean()
	if !ok {
		r.want(v, name, "true or false")
		return Flag{}
	}
	return Flag{b, true, v.place()}
}

// intField reads a whole number from low on; absent gives def.
func (r *reader) intField(v value, name string, low, def int64) int64 {
	if !v.exists() {
		return def
	}
	n, ok := v.integer()
	if !ok || n < low || n > maxNumber {
		r.want(v, name, fmt.Sprintf("a whole number from %d to %d", low, maxNumber))
		return def
	}
	return n
}

// maxNumber bounds counts and times: as milliseconds more than three weeks.
const maxNumber = 1<<31 - 1

func (r *reader) textList(v value, name string) []string {
	if !v.exists() {
		return nil
	}
	if !v.isList() {
		r.want(v, name, "a list")
		return nil
	}
	list := []string{}
	for _, item := range v.items() {
		if t := r.textField(item, "an item of "+name); t.Given {
			list = append(list, t.Value)
		}
	}
	return list
}
