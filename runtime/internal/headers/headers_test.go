package headers

import (
	"strings"
	"testing"

	"mgw/runtime/internal/exchange"
)

func lines(m *exchange.Message) string {
	var b strings.Builder
	for _, f := range m.Fields {
		b.WriteString(string(m.Name(f)) + "=" + string(m.Value(f)) + " ")
	}
	return strings.TrimSpace(b.String())
}

func TestOverridesOfFields(t *testing.T) {
	own := func(value string) Rule { return Rule{Name: "X-Own", Value: value} }
	for _, tc := range []struct {
		name         string
		server       string
		rules        []Rule
		message      []string
		request, out string
	}{
		{"a field that is there", "", []Rule{own("b")}, []string{"x-own", "a", "X-Own", "c", "X", "1"}, "X=1 X-Own=b", "X=1 X-Own=b"},
		{"a field that is not there", "", []Rule{own("b")}, []string{"X", "1"}, "X=1", "X=1"},
		{"a field that goes", "", []Rule{own("")}, []string{"X-Own", "a", "X", "1"}, "X=1", "X=1"},
		{"a field that is preserved", "", []Rule{{Name: "X-Own", Preserve: true, Value: "b"}, {Name: "X", Value: "2"}}, []string{"X-Own", "a"}, "X-Own=a", "X-Own=a"},
		{"Server", "", []Rule{{Name: "server", Value: "acme"}}, []string{"X", "1"}, "X=1", "X=1 server=acme"},
		{"the backend's Server", "", []Rule{{Name: "Server", Value: "acme"}}, []string{"Server", "nginx"}, "Server=acme", "Server=acme"},
		{"no Server at all", "", []Rule{{Name: "Server", Value: ""}}, []string{"Server", "nginx"}, "", ""},
		{"the gateway's Server", "acme", nil, []string{"X", "1"}, "X=1", "X=1 Server=acme"},
		{"the gateway's Server beside the backend's", "acme", nil, []string{"Server", "nginx"}, "Server=nginx", "Server=nginx"},
		{"User-Agent", "", []Rule{{Name: "User-Agent", Value: "gateway"}}, []string{"X", "1"}, "X=1 User-Agent=gateway", "X=1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, x := New(tc.server, tc.rules), new(exchange.Exchange)
			for i := 0; i < len(tc.message); i += 2 {
				x.Request.Add(tc.message[i], tc.message[i+1])
				x.Response.Add(tc.message[i], tc.message[i+1])
			}
			o.Request(x)
			o.Reply(x)
			if got := lines(&x.Request); got != tc.request {
				t.Errorf("request %q, want %q", got, tc.request)
			}
			if got := lines(&x.Response); got != tc.out {
				t.Errorf("answer %q, want %q", got, tc.out)
			}
		})
	}
}

func TestNoRulesNoStage(t *testing.T) {
	if New("", []Rule{{Name: "X", Preserve: true}}) != nil {
		t.Error("there is nothing to do")
	}
}
