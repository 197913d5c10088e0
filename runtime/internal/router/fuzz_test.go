package router

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

// oracle finds an operation the slow way: every template is compared with the
// path, and of those that match the most specific one wins.
type oracle struct{ lines []line }

type line struct {
	op       *spec.Operation
	base     []string
	segments []segment
	slash    bool
	ranks    []string // of the segments; the lower, the more specific
}

func newOracle(apis []spec.API) *oracle {
	o := &oracle{}
	for _, api := range apis {
		for j := range api.Operations {
			l := line{op: &api.Operations[j]}
			if api.BasePath != "" {
				l.base = strings.Split(runes(api.BasePath[1:]), "/")
			}
			l.segments, l.slash, _ = parseTemplate(l.op.Path)
			for _, s := range l.segments {
				rank := fmt.Sprint(int(s.kind))
				if s.kind == mixed {
					rank = fmt.Sprintf("1 %04d %04d %s", 9999-len(s.text[0]), 9999-textLength(s.text), strings.Join(s.text, "\x00"))
				}
				l.ranks = append(l.ranks, rank)
			}
			o.lines = append(o.lines, l)
		}
	}
	return o
}

// runes gives text in normal form with each escape as one character, so that
// nothing matches a part of it.
func runes(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c, ok := escape(text[i:])
		switch {
		case !ok:
			b.WriteByte(text[i])
			continue
		case unreserved(c):
			b.WriteByte(c)
		default:
			b.WriteRune(0xE000 + rune(c))
		}
		i += 2
	}
	return b.String()
}

func (o *oracle) find(method, path string) (*spec.Operation, Outcome) {
	if ok, _ := checkPath([]byte(path)); !ok {
		return nil, BadPath
	}
	path = runes(path)
	longest := -1
	for _, l := range o.lines {
		if _, ok := below(path, l.base); ok {
			longest = max(longest, len(l.base))
		}
	}
	var best []line
	for _, l := range o.lines {
		if rest, ok := below(path, l.base); ok && len(l.base) == longest && l.matches(rest) {
			best = append(best, l)
		}
	}
	if len(best) == 0 {
		return nil, NotFound
	}
	slash := strings.HasSuffix(path, "/")
	slices.SortStableFunc(best, func(a, b line) int { return compare(a, b, slash) })
	get := (*spec.Operation)(nil)
	for _, l := range best {
		if compare(l, best[0], slash) != 0 {
			break
		}
		if l.op.Method == method {
			return l.op, Found
		}
		if l.op.Method == "GET" {
			get = l.op
		}
	}
	switch {
	case method == "HEAD" && get != nil:
		return get, Found
	case method == "OPTIONS":
		return nil, Options
	}
	return nil, WrongMethod
}

// below gives the path without a base path.
func below(path string, base []string) (string, bool) {
	for _, segment := range base {
		rest, ok := strings.CutPrefix(path, "/"+segment)
		if !ok || rest != "" && rest[0] != '/' {
			return "", false
		}
		path = rest
	}
	return path, true
}

func (l line) matches(path string) bool {
	var parts []string
	if path != "" {
		parts = strings.Split(path[1:], "/")
		if parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
	}
	for i, s := range l.segments {
		if s.kind == any {
			return true
		}
		if i >= len(parts) {
			return false
		}
		ok := false
		switch s.kind {
		case literal:
			ok = parts[i] == runes(s.text[0])
		case param:
			ok = parts[i] != ""
		case mixed:
			expression := ""
			for _, text := range s.text {
				expression += regexp.QuoteMeta(runes(text)) + ".+"
			}
			ok = regexp.MustCompile("(?s)^" + strings.TrimSuffix(expression, ".+") + "$").MatchString(parts[i])
		case rest:
			return true
		}
		if !ok {
			return false
		}
	}
	return len(parts) == len(l.segments)
}

// compare orders by specificity; a template that has the path's slash, or its
// want of one, comes first.
func compare(a, b line, slash bool) int {
	c := slices.Compare(a.ranks, b.ranks)
	switch {
	case c != 0 || a.slash == b.slash:
		return c
	case a.slash == slash:
		return -1
	}
	return 1
}

func FuzzRouteLikeALinearMatcher(f *testing.F) {
	f.Add("GET", "/v1/pets/7.json", "/pets/{id}\n/pets/{id}.json\n/pets/mine\n/*")
	f.Add("HEAD", "/v1/a/b/", "/{x}/b\n/a/{y}\n/a/b/\n/a/b\n/a/*")
	f.Add("OPTIONS", "/v1//x", "//x\n/{p+}\n/*")
	f.Add("PUT", "/v1/%41%2f-b", "/{a}-{b}\n/A%2F-{b}\n/A{x}")
	f.Add("GET", "/v1/deep/x/y/z", "/deep/{a}/{b}/q\n/deep/{p+}\n/deep/x/{b}/{c}")
	f.Add("GET", "/v1/aab", "/{x}b\n/a{x}\n/a{x}b\n/aa{x}\n/{x}a{y}")
	f.Fuzz(func(t *testing.T, method, path, templates string) {
		if strings.Count(templates, "\n") > 20 || len(templates) > 500 || len(path) > 200 {
			t.Skip()
		}
		var apis []spec.API
		lines := []string{"GET /v1|/base", "GET |/v1/pets/{x}"}
		methods := []string{"GET", "PUT", "GET,HEAD", "OPTIONS,POST"}
		for i, template := range strings.Split(templates, "\n") {
			lines = append(lines, methods[i%len(methods)]+" /v1|"+template)
		}
		apis = gateway(lines...)
		r, err := New(apis)
		if err != nil {
			t.Skip()
		}
		x := ask(method, path)
		x.Path, x.Query = []byte(path), nil
		wantOp, want := newOracle(apis).find(method, path)
		_, op, got := r.Find(method, []byte(path), nil)
		if got != want || op != wantOp {
			t.Fatalf("%s %q over %q: %v %+v, the oracle says %v %+v", method, path, lines, got, op, want, wantOp)
		}
		if r.Route(x) != (want == Found) {
			t.Fatalf("Route and Find differ")
		}
		for _, p := range x.Params {
			if p.Start > p.End || p.End > len(path) || p.Start == p.End {
				t.Fatalf("parameter %+v of %q", p, path)
			}
		}
	})
}
