package exchange

import (
	"strings"
	"testing"
)

func fieldsOf(m *Message) string {
	var b strings.Builder
	for _, f := range m.Fields {
		b.WriteString(string(m.Name(f)) + "=" + string(m.Value(f)) + ";")
	}
	return b.String()
}

func TestFieldsOfOneConnectionAreStripped(t *testing.T) {
	var m Message
	for _, f := range [][2]string{
		{"x-one", "1"}, {"Connection", "X-One, close"}, {"Keep", "1"}, {"connection", " ,x-TWO;q, Connection"}, {"X-Two", "2"}, {"X-One", "3"},
		{"Keep-Alive", "5"}, {"TE", "trailers"}, {"Trailer", "T"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "4"},
		{"Upgrade", "h2c"}, {"Proxy-Connection", "close"}, {"Proxy-Authorization", "x"}, {"Proxy-Authenticate", "x"}, {"X-Ones", "4"},
	} {
		m.Add(f[0], f[1])
	}
	m.StripHop()
	if got, want := fieldsOf(&m), "Keep=1;X-Two=2;Trailer=T;X-Ones=4;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTokensOfAListField(t *testing.T) {
	var m Message
	m.Add("TE", "gzip;q=0.5, Trailers ; q=1")
	m.Add("Connection", "keep-alive")
	m.Add("Connection", "x, UPGRADE")
	for _, tc := range []struct {
		id    FieldID
		token string
		want  bool
	}{{TE, "trailers", true}, {TE, "gzip", true}, {TE, "q=1", false}, {Connection, "upgrade", true}, {Connection, "up", false}, {Upgrade, "x", false}} {
		if got := m.HasToken(tc.id, tc.token); got != tc.want {
			t.Errorf("%v %s: %v", tc.id, tc.token, got)
		}
	}
}

func TestStrippingAllocatesNothing(t *testing.T) {
	var m Message
	if n := testing.AllocsPerRun(100, func() {
		m.Reset()
		m.Add("Connection", "X-A, upgrade")
		m.Add("X-A", "1")
		m.StripHop()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStripNamedForgetsTheNames(t *testing.T) {
	var m Message
	for _, f := range [][2]string{
		{"Connection", "X-One, keep-alive, Upgrade"}, {"Keep-Alive", "1"}, {"x-one", "1"}, {"Upgrade", "a"}, {"TE", "trailers"},
		{"connection", "Cookie, te"}, {"Cookie", "1"}, {"Keep", "1"},
	} {
		m.Add(f[0], f[1])
	}
	m.StripNamed()
	if got, want := fieldsOf(&m), "Keep-Alive=1;Upgrade=a;TE=trailers;Keep=1;Connection=Upgrade;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	m.Add("X-One", "2")
	m.StripHop()
	if got, want := fieldsOf(&m), "Keep=1;X-One=2;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
