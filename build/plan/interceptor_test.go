package plan

import (
	"reflect"
	"testing"

	"mgw/build/interceptors"
	"mgw/build/project"
	"mgw/runtime/spec"
)

const code = `package interceptors

import (
	"context"

	"mgw/runtime/interceptor"
)

func A(ctx context.Context, r *interceptor.Request) error { return nil }
func B(ctx context.Context, r *interceptor.Request) error { return nil }
func X(ctx context.Context, r *interceptor.Response) error { return nil }
func Y(ctx context.Context, r *interceptor.Response) error { return nil }
func Old(r *interceptor.Request) {}
func lower(ctx context.Context, r *interceptor.Request) error { return nil }
var Variable = A
`

func withCode(text string) Options {
	var files []project.File
	if text != "" {
		files = []project.File{{Name: "interceptors/a.go", Data: []byte(text)}}
	}
	read, _ := interceptors.Read(files, interceptors.Options{})
	return Options{Code: read}
}

func TestInterceptorsAreListedAsTheyRun(t *testing.T) {
	const both = "x-mgw-classify: A\nx-wso2-request-interceptor: A\nx-wso2-response-interceptor: X"
	for name, tc := range map[string]struct {
		api, op string
		want    spec.Interceptors
	}{
		"none":            {"", "", spec.Interceptors{}},
		"of the API":      {both, "", spec.Interceptors{Classify: []string{"A"}, Request: []string{"A"}, Response: []string{"X"}}},
		"of both":         {both, "x-mgw-classify: B, x-wso2-request-interceptor: B, x-wso2-response-interceptor: Y", spec.Interceptors{Classify: []string{"A", "B"}, Request: []string{"A", "B"}, Response: []string{"Y", "X"}}},
		"equal run once":  {both, "x-wso2-request-interceptor: A, x-wso2-response-interceptor: X", spec.Interceptors{Classify: []string{"A"}, Request: []string{"A"}, Response: []string{"X"}}},
		"of an operation": {"", "x-wso2-request-interceptor: B", spec.Interceptors{Request: []string{"B"}}},
	} {
		t.Run(name, func(t *testing.T) {
			g, problems := makeFrom(t, withCode(code), api("Pets", tc.api, "  /pets: {get: {"+tc.op+"}}\n"))
			if len(problems) > 0 {
				t.Fatal(printed(problems))
			}
			if got := g.APIs[0].Operations[0].Interceptors; !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestNamesThatAreNoInterceptors(t *testing.T) {
	const place = "a.yaml:4:29: "
	for name, tc := range map[string]struct{ code, named, want string }{
		"missing":     {code, "Missing", place + "there is no function Missing in interceptors/*.go | write func Missing(ctx context.Context, r *interceptor.Request) error"},
		"mistyped":    {code + "func AddHeader(ctx context.Context, r *interceptor.Request) error { return nil }\n", "AddHeaders", place + `there is no function AddHeaders in interceptors/*.go | did you mean "AddHeader"?`},
		"unexported":  {code, "Lower", place + "there is no function Lower in interceptors/*.go | lower at interceptors/a.go:14:6 is not exported: its name must start with a capital letter"},
		"no code":     {"", "A", place + "there is no function A: interceptors/ has no Go file | write func A(ctx context.Context, r *interceptor.Request) error"},
		"signature":   {code, "Old", "interceptors/a.go:13:6: Old cannot be a request interceptor, as which a.yaml:4:29 names it | declare it as func Old(ctx context.Context, r *interceptor.Request) error"},
		"other kind":  {code, "X", "interceptors/a.go:11:6: X cannot be a request interceptor, as which a.yaml:4:29 names it | declare it as func X(ctx context.Context, r *interceptor.Request) error"},
		"variable":    {code, "Variable", place + "Variable at interceptors/a.go:15:5 cannot be a request interceptor: it is a var, not a function"},
		"constrained": {"//go:build never\n\n" + code, "A", place + `A at interceptors/a.go:11:6 cannot be a request interceptor: its file is excluded by build constraints (//go:build, the file's name, or import "C")`},
		"broken code": {"package interceptors\n\nfunc {\n", "A", ""}, // the syntax error says enough
	} {
		t.Run(name, func(t *testing.T) {
			// Two operations inherit it: it is one mistake.
			_, problems := makeFrom(t, withCode(tc.code), api("Pets", "x-wso2-request-interceptor: "+tc.named, "  /pets: {get: {}, post: {}}\n"))
			if got := printed(problems); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}
