package exchange

import (
	"io"
	"strings"
	"testing"
)

func TestFieldsAreFoundWithoutCase(t *testing.T) {
	var m Message
	head := []byte("cOnTent-type: a/b\r\nX-Own: 1\r\nX-Own: 2\r\n")
	m.Lend(head)
	m.AddRaw(0, 12, 14, 17)
	m.AddRaw(19, 24, 26, 27)
	m.AddRaw(29, 34, 36, 37)
	if got := string(m.Get(ContentType)); got != "a/b" {
		t.Errorf("Content-Type %q", got)
	}
	if v, ok := m.Lookup("x-own"); !ok || string(v) != "1" {
		t.Errorf("X-Own %q, %v", v, ok)
	}
	m.Set("x-OWN", "3")
	if v, _ := m.Lookup("X-Own"); string(v) != "3" || len(m.Fields) != 2 {
		t.Errorf("after Set: %q of %d fields", v, len(m.Fields))
	}
	m.Del("content-TYPE")
	if m.Get(ContentType) != nil {
		t.Error("still there")
	}
}

func TestEveryKnownNameIsIdentified(t *testing.T) {
	for id := Other + 1; id < fieldCount; id++ {
		for _, name := range []string{id.String(), strings.ToUpper(id.String()), strings.ToLower(id.String())} {
			if got := IdentifyString(name); got != id {
				t.Errorf("%s is %d, want %d", name, got, id)
			}
		}
	}
	for _, name := range []string{"", "X", "Hosx", "Content-Lengti", strings.Repeat("a", 200)} {
		if id := IdentifyString(name); id != Other {
			t.Errorf("%q is %v", name, id)
		}
	}
}

func TestBodyOfTheMessageItself(t *testing.T) {
	var m Message
	m.SetBodyString("hello")
	m.Add("Later", strings.Repeat("x", 1000)) // makes the memory move
	for range 2 {
		chunk, err := m.Body.Next()
		if string(chunk) != "hello" || err != nil {
			t.Fatalf("%q, %v", chunk, err)
		}
		if _, err := m.Body.Next(); err != io.EOF {
			t.Fatal(err)
		}
		if !m.Body.Rewind() {
			t.Fatal("cannot rewind")
		}
	}
	m.SetBody(nil)
	if m.Body != nil || m.Length != 0 {
		t.Error("an empty body is none")
	}
}

func TestNextElement(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		" , ,":                    "",
		"close":                   "close",
		" a ,b,, c\t":             "a|b|c",
		`W/"a,b", "c\",d" , e`:    `W/"a,b"|"c\",d"|e`,
		`"unterminated, quote`:    `"unterminated, quote`,
		"gzip;q=0, deflate;q=0.5": "gzip;q=0|deflate;q=0.5",
	} {
		var got []string
		for element, rest := NextElement([]byte(in)); element != nil; element, rest = NextElement(rest) {
			got = append(got, string(element))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// fakeClient records what a chain does to it.
type fakeClient struct {
	Client
	replied int
}

func (c *fakeClient) Reply(x *Exchange) error { c.replied = x.Status; return nil }

func TestChainAnswersOnceAndIsDoneOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		stages []Stage
		want   int
	}{
		"the first answer ends it": {[]Stage{
			func(*Exchange) bool { return true },
			func(x *Exchange) bool { x.Status = 404; return false },
			func(x *Exchange) bool { x.Status = 200; return false },
		}, 404},
		"a panic is answered": {[]Stage{func(*Exchange) bool { panic("bug") }}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			done := 0
			chain := Chain{
				Request: tc.stages,
				Done:    []func(*Exchange){func(*Exchange) { done++ }},
				Panic:   func(x *Exchange, _ any) { x.Status = 500 },
			}
			client := &fakeClient{}
			x := Acquire()
			x.Client = client
			if err := chain.Serve(x); err != nil || client.replied != tc.want || done != 1 {
				t.Errorf("err %v, answered %d, done %d times", err, client.replied, done)
			}
			Release(x)
		})
	}
}

func TestReleasedMemoryIsPoisonedInTests(t *testing.T) {
	Poison = true
	defer func() { Poison = false }()
	x := new(Exchange)
	x.Path = []byte("/pets/1")
	kept := x.Path
	x.Reset()
	if string(kept) == "/pets/1" {
		t.Error("a slice that was kept still reads well")
	}
}

func TestToyChainAllocatesNothing(t *testing.T) {
	chain := Chain{Request: []Stage{func(x *Exchange) bool {
		x.Response.Add("Content-Type", "text/plain")
		x.Response.SetBodyString("ok")
		x.Status = 200
		return false
	}}}
	client := &fakeClient{}
	x := new(Exchange)
	run := func() {
		x.Client = client
		_ = chain.Serve(x)
		x.Reset()
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// connBody is a body whose carrier counts how often it was given up.
type connBody struct {
	chunks  []string
	aborted int
}

func (b *connBody) Next() ([]byte, error) {
	if len(b.chunks) == 0 {
		return nil, io.EOF
	}
	chunk := b.chunks[0]
	b.chunks = b.chunks[1:]
	return []byte(chunk), nil
}
func (b *connBody) Rewind() bool { return false }
func (b *connBody) Abort(error)  { b.aborted++ }

func TestAStreamThatHasEndedIsNotTouchedAnyMore(t *testing.T) {
	from := &connBody{chunks: []string{"a"}}
	var m Message
	m.SetStream(from)
	body := m.Body
	for _, want := range []error{nil, io.EOF} {
		if _, err := body.Next(); err != want {
			t.Fatal(err)
		}
	}
	from.chunks = []string{"of the next exchange"}
	body.Abort(io.ErrClosedPipe)
	if chunk, err := body.Next(); err != io.EOF || from.aborted != 0 || body.Rewind() {
		t.Errorf("%q, %v, aborted %d times", chunk, err, from.aborted)
	}
}

func TestSetBodyAbortsTheBodyBefore(t *testing.T) {
	from := &connBody{chunks: []string{"a"}}
	var m Message
	m.SetStream(from)
	for _, content := range []string{"one", "two"} {
		m.SetBodyString(content)
		if chunk, err := m.Body.Next(); string(chunk) != content || err != nil || from.aborted != 1 {
			t.Errorf("%q, %v, aborted %d times", chunk, err, from.aborted)
		}
	}
}
