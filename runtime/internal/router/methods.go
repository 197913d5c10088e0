package router

import (
	"fmt"
	"slices"
	"strings"

	"mgw/runtime/spec"
)

// leaf is the end of a path template: its operations.
type leaf struct {
	routes  []route
	allow   string   // on a 405
	options string   // on an OPTIONS that the router answers
	queries *queries // nil when no route has conditions
}

// route is one operation and its names for the parameters: templates that
// differ only in names share a leaf.
type route struct {
	method string
	api    *spec.API
	op     *spec.Operation
	names  []string
	asks   []condition // of the query; filled in when all is added
}

func (l *leaf) add(r route) error {
	for _, other := range l.routes {
		if other.method == r.method && other.op.Query == r.op.Query {
			return fmt.Errorf("%s %s answers the same requests as %s of %s %s",
				r.method, r.op.Path, other.op.Path, other.api.Name, other.api.Version)
		}
	}
	l.routes = append(l.routes, r)
	return nil
}

// route gives the first operation for a method. GET's serves HEAD as well.
func (l *leaf) route(method string) *route {
	for i := range l.routes {
		if l.routes[i].method == method {
			return &l.routes[i]
		}
	}
	if method == "HEAD" {
		return l.route("GET")
	}
	return nil
}

// order is that of contract 2.9; other methods follow by name.
var order = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"}

// known gives one string for each usual method: equal pointers compare fast.
func known(method string) string {
	if i := rank(method); i < len(order) {
		return order[i]
	}
	return method
}

func (l *leaf) finish() error {
	methods := []string{}
	for _, r := range l.routes {
		methods = append(methods, r.method)
	}
	if l.route("HEAD") != nil {
		methods = append(methods, "HEAD")
	}
	l.allow = allow(methods)
	l.options = allow(append(methods, "OPTIONS"))
	return l.finishQueries()
}

func allow(methods []string) string {
	methods = slices.Clone(methods)
	slices.Sort(methods)
	methods = slices.Compact(methods)
	slices.SortStableFunc(methods, func(a, b string) int { return rank(a) - rank(b) })
	return strings.Join(methods, ", ")
}

func rank(method string) int {
	if i := slices.Index(order, method); i >= 0 {
		return i
	}
	return len(order)
}
