package openapi

import (
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Extensions that name functions of the project's Go code.
const (
	classifyExtension = "x-mgw-classify"
	requestExtension  = "x-wso2-request-interceptor"
	responseExtension = "x-wso2-response-interceptor"
)

// Interceptors are the functions that an API or an operation names.
type Interceptors struct {
	Classify, Request, Response Text
}

func (r *reader) readInterceptors(v value) Interceptors {
	return Interceptors{
		Classify: r.functionField(v.get(classifyExtension), classifyExtension),
		Request:  r.functionField(v.get(requestExtension), requestExtension),
		Response: r.functionField(v.get(responseExtension), responseExtension),
	}
}

// functionField reads the name of a Go function. The original's other forms
// (contract 2.2) name code that this gateway cannot run.
func (r *reader) functionField(v value, name string) Text {
	t := r.textField(v, name)
	const instead = "write it in Go as an exported function of interceptors/*.go, and name that: docs/interceptors.md"
	first, size := utf8.DecodeRuneInString(t.Value)
	switch {
	case !t.Given:
		return t
	case strings.HasPrefix(t.Value, "java:"):
		r.errorf(v, "%s: %s is a Java class, which this gateway cannot run", name, clip(t.Value)).hint(instead)
	case strings.ContainsAny(t.Value, ":/"):
		r.errorf(v, "%s: %s is a function of a Ballerina module, which this gateway cannot run", name, clip(t.Value)).hint(instead)
	case !token.IsIdentifier(t.Value):
		r.errorf(v, "%s: %s is not the name of a Go function", name, v.describe()).hint(instead)
	case !token.IsExported(t.Value) && unicode.ToUpper(first) != first:
		r.errorf(v, "%s: the function %s is not exported: its name must start with a capital letter", name, t.Value).
			hint("call it " + string(unicode.ToUpper(first)) + t.Value[size:] + ", here and in interceptors/*.go")
	case !token.IsExported(t.Value):
		r.errorf(v, "%s: the function %s is not exported: its name must start with a capital letter", name, t.Value)
	default:
		return t
	}
	return Text{}
}
