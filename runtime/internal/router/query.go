package router

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A definition may have operations of one method and path that differ in their
// query: /objects?acl beside /objects, /?action=list beside /?action=drop. The
// operation decides on security and limits, so a query that a backend could
// read as another one than the gateway does is refused.

// maxNames bounds the parameters that the operations of one path ask for.
const maxNames = 64

// queries is what the operations of a leaf ask of the query.
type queries struct {
	names []string // all that some route asks for
	exact uint64   // bit i: a route asks for a value of names[i]
}

// condition is one of a route: on which of the names, and its value, "" for any.
type condition struct {
	name  int
	value string
}

// finishQueries puts the routes into the order in which they are tried: those
// that ask for more come first.
func (l *leaf) finishQueries() error {
	q := new(queries)
	for i := range l.routes {
		r := &l.routes[i]
		var err error
		if r.asks, err = q.conditions(r.op.Query); err != nil {
			return fmt.Errorf("path %s%s: %w", r.op.Path, r.op.Query, err)
		}
	}
	if len(q.names) == 0 {
		return nil
	}
	l.queries = q
	slices.SortStableFunc(l.routes, func(a, b route) int {
		return cmp.Or(cmp.Compare(b.values(), a.values()), cmp.Compare(len(b.asks), len(a.asks)))
	})
	return nil
}

// conditions takes spec.Operation.Query apart.
func (q *queries) conditions(text string) (asks []condition, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text[1:], "&") {
		name, value, _ := strings.Cut(part, "=")
		if name, err = url.QueryUnescape(name); err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		at := slices.Index(q.names, name)
		if at < 0 {
			at = len(q.names)
			q.names = append(q.names, name)
		}
		if at >= maxNames {
			return nil, fmt.Errorf("its operations ask for more than %d parameters of the query", maxNames)
		}
		if value != "" {
			q.exact |= 1 << at
		}
		asks = append(asks, condition{at, value})
	}
	return asks, nil
}

// values counts the conditions that ask for a value.
func (r *route) values() (n int) {
	for _, a := range r.asks {
		if a.value != "" {
			n++
		}
	}
	return n
}

// byQuery gives the place of the route for a method and a query. That the query
// fits none of a method's routes is as if the path did not exist.
func (l *leaf) byQuery(method string, query []byte) (int, Outcome) {
	var given [maxNames][]byte
	if !l.queries.read(query, &given) {
		return 0, BadQuery
	}
	served := false
	for {
		for i := range l.routes {
			r := &l.routes[i]
			if r.op.Method != method {
				continue
			}
			if served = true; r.fits(&given) {
				return i, Found
			}
		}
		if method != "HEAD" {
			break
		}
		method = "GET"
	}
	switch {
	case served:
		return 0, NotFound
	case method == "OPTIONS":
		return 0, Options
	}
	return 0, WrongMethod
}

func (r *route) fits(given *[maxNames][]byte) bool {
	for _, a := range r.asks {
		value := given[a.name]
		if value == nil || a.value != "" && !equalDecoded(value, a.value) {
			return false
		}
	}
	return true
}

// read finds the raw values of the names, nil for those that are not there. It
// gives false when readers could differ: a value that matters stands there
// twice, or behind a semicolon, which some take for an ampersand.
func (q *queries) read(query []byte, given *[maxNames][]byte) bool {
	for len(query) > 0 {
		var part []byte
		if part, query, _ = bytes.Cut(query, []byte("&")); bytes.IndexByte(part, ';') >= 0 && q.hidden(part) {
			return false
		}
		name, value, _ := bytes.Cut(part, []byte("="))
		i := q.index(name)
		if i < 0 {
			continue
		}
		if given[i] != nil && q.exact&(1<<i) != 0 && !bytes.Equal(given[i], value) {
			return false
		}
		if value == nil {
			value = []byte{} // there, without a value
		}
		given[i] = value
	}
	return true
}

// hidden tells whether one who cuts at semicolons finds one of the names.
func (q *queries) hidden(part []byte) bool {
	for len(part) > 0 {
		var inner []byte
		inner, part, _ = bytes.Cut(part, []byte(";"))
		if name, _, _ := bytes.Cut(inner, []byte("=")); q.index(name) >= 0 {
			return true
		}
	}
	return false
}

func (q *queries) index(name []byte) int {
	for i, n := range q.names {
		if equalDecoded(name, n) {
			return i
		}
	}
	return -1
}

// equalDecoded compares a part of a query, as forms encode it, with a text.
func equalDecoded(raw []byte, text string) bool {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if e, ok := escape(raw[i:]); ok {
			c, i = e, i+2
		} else if c == '+' {
			c = ' '
		}
		if text == "" || text[0] != c {
			return false
		}
		text = text[1:]
	}
	return text == ""
}
