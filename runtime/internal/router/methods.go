package router

import (
	"fmt"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// leaf is the end of a path template, while the tree is being made: its
// operations.
type leaf struct {
	routes  []route
	queries *queries // nil when no route has conditions
}

// route is one operation and its names for the parameters: templates that
// differ only in names share a leaf.
type route struct {
	api   *spec.API
	op    *spec.Operation
	names []string
	asks  []condition // of the query; filled in when all is added
}

func (l *leaf) add(r route) error {
	for _, other := range l.routes {
		if other.op.Method == r.op.Method && other.op.Query == r.op.Query {
			return fmt.Errorf("%s %s answers the same requests as %s of %s %s",
				r.op.Method, r.op.Path, other.op.Path, other.api.Name, other.api.Version)
		}
	}
	l.routes = append(l.routes, r)
	return nil
}

// allowed is what Allow says of a path.
type allowed struct {
	wrong   string // on a 405
	options string // on an OPTIONS that the router answers
}

func (l *leaf) allowed() allowed {
	methods := []string{}
	for _, r := range l.routes {
		methods = append(methods, r.op.Method)
	}
	if slices.Contains(methods, "GET") {
		methods = append(methods, "HEAD")
	}
	return allowed{allow(methods), allow(append(methods, "OPTIONS"))}
}

// order is that of contract 2.9; other methods follow by name.
var order = [...]string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}

func allow(methods []string) string {
	methods = slices.Clone(methods)
	slices.Sort(methods)
	methods = slices.Compact(methods)
	slices.SortStableFunc(methods, func(a, b string) int { return rank(a) - rank(b) })
	return strings.Join(methods, ", ")
}

func rank(method string) int {
	if i := slices.Index(order[:], method); i >= 0 {
		return i
	}
	return len(order)
}
