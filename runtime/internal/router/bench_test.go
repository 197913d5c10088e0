package router

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// many gives n operations in the manner of a large definition: collections,
// items, nested ones, actions and functions.
func many(n int) (lines []string) {
	for i := 0; len(lines) < n; i++ {
		r := fmt.Sprintf("/resources%d", i)
		lines = append(lines,
			"GET /api/v1|"+r, "POST /api/v1|"+r,
			"GET /api/v1|"+r+"/{resource-id}", "PATCH /api/v1|"+r+"/{resource-id}", "DELETE /api/v1|"+r+"/{resource-id}",
			"GET /api/v1|"+r+"/{resource-id}/parts/{part-id}/lines/{line-id}",
			"POST /api/v1|"+r+"/{resource-id}/parts/{part-id}/lines/{line-id}/microsoft.graph.copy",
			"POST /api/v1|"+r+"/{name}:publish",
			fmt.Sprintf("GET /api/v1|/reports/getActivity%dCounts(period='{period}')", i),
			fmt.Sprintf("GET /api/v1|/reports/getActivity%dCounts(period='{period}',top={top})", i),
			"GET /api/v1|"+r+"/delta()",
		)
	}
	return lines[:n]
}

// concrete fills a template in.
func concrete(api *spec.API, op *spec.Operation) string {
	segments, _, _ := parseTemplate(op.Path)
	path := api.BasePath
	for _, s := range segments {
		path += "/"
		if s.kind == param {
			path += "0123456789abcdef"
		} else {
			for i, text := range s.text {
				if i > 0 {
					path += "D7"
				}
				path += text
			}
		}
	}
	return path
}

func TestEveryOperationOfALargeDefinitionIsFound(t *testing.T) {
	apis := gateway(many(11000)...)
	r := mustNew(t, apis)
	for i := range apis[0].Operations {
		op := &apis[0].Operations[i]
		path := concrete(&apis[0], op)
		if _, found, outcome := r.Find(op.Method, []byte(path), nil); outcome != Found || found != op {
			t.Fatalf("%s %s: %v %v", op.Method, path, outcome, found)
		}
	}
}

// BenchmarkRoute asks for all operations evenly, in random order. The requests
// lie one behind the other: a server has just read what it looks up.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{5, 5000, 11000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			apis := gateway(many(n)...)
			r := mustNew(b, apis)
			type request struct {
				method string
				path   []byte
			}
			var requests []request
			var text []byte
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
				op, start := &apis[0].Operations[i], len(text)
				text = append(text, concrete(&apis[0], op)...)
				requests = append(requests, request{order[rank(op.Method)], text[start:len(text):len(text)]})
			}
			x := &exchange.Exchange{Scheme: "https", Params: make([]exchange.Param, 0, 8)}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Method, x.Path = requests[i%n].method, requests[i%n].path
				if !r.Route(x) {
					b.Fatal(string(x.Path))
				}
			}
		})
	}
}

// The longest paths, by kind of operation.
func BenchmarkRouteOne(b *testing.B) {
	apis := gateway(many(11000)...)
	r := mustNew(b, apis)
	for kind := range 11 {
		op := &apis[0].Operations[10989-11+kind]
		b.Run(op.Method+" "+op.Path, func(b *testing.B) {
			x := &exchange.Exchange{Scheme: "https", Params: make([]exchange.Param, 0, 8)}
			x.Method, x.Path = op.Method, []byte(concrete(&apis[0], op))
			b.ReportAllocs()
			for b.Loop() {
				r.Route(x)
			}
		})
	}
}
