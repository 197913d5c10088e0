package intercept

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

// chunks is a body that comes in pieces.
type chunks struct {
	left    []string
	end     error
	aborted bool
}

func (b *chunks) Next() ([]byte, error) {
	if len(b.left) == 0 {
		return nil, b.end
	}
	chunk := b.left[0]
	b.left = b.left[1:]
	return []byte(chunk), nil
}
func (b *chunks) Rewind() bool { return false }
func (b *chunks) Abort(error)  { b.aborted = true }

func drain(b exchange.Body) (string, error) {
	var all strings.Builder
	for {
		chunk, err := b.Next()
		if err != nil {
			return all.String(), err
		}
		all.Write(chunk)
	}
}

func opened(most int, end error, pieces ...string) (*source, *exchange.Message, *chunks) {
	from := &chunks{left: pieces, end: end}
	m := &exchange.Message{Length: exchange.Unknown}
	m.SetStream(from)
	s := new(source)
	s.open(m, most)
	return s, m, from
}

func TestABodyThatWasReadIsSentFromMemory(t *testing.T) {
	s, m, _ := opened(10, io.EOF, "one", "two")
	for range 2 {
		body, err := s.read()
		if string(body) != "onetwo" || err != nil {
			t.Fatalf("%q, %v", body, err)
		}
		clear(body) // it is a copy
	}
	for range 2 {
		if sent, err := drain(m.Body); sent != "onetwo" || err != io.EOF || !m.Body.Rewind() {
			t.Errorf("%q, %v", sent, err)
		}
	}
}

func TestABodyAboveTheBoundIsPutTogetherAgain(t *testing.T) {
	s, m, from := opened(5, io.EOF, "one", "two", "three")
	for range 2 {
		if body, err := s.read(); body != nil || !errors.Is(err, interceptor.ErrBodyTooLarge) {
			t.Fatalf("%q, %v", body, err)
		}
	}
	if chunk, _ := m.Body.Next(); string(chunk) != "onetwo" || !m.Body.Rewind() {
		t.Errorf("%q", chunk)
	}
	if sent, err := drain(m.Body); sent != "onetwothree" || err != io.EOF {
		t.Errorf("%q, %v", sent, err)
	}
	if m.Body.Rewind() {
		t.Error("what is gone comes again")
	}
	if s.broken() != nil || from.aborted {
		t.Error("broken")
	}
}

func TestABodyThatBreaksOffIsNeverWhole(t *testing.T) {
	lost := errors.New("lost")
	s, _, _ := opened(10, lost, "one")
	for range 2 {
		if body, err := s.read(); body != nil || !errors.Is(err, lost) {
			t.Errorf("%q, %v", body, err)
		}
	}
	if !errors.Is(s.broken(), lost) {
		t.Error("nobody would know")
	}
	s, m, _ := opened(10, lost, "one")
	if err := s.replace(interceptor.Outcome{Replaced: true, Body: []byte("x")}); !errors.Is(err, lost) {
		t.Errorf("replaced by %v: %v", m.Body, err)
	}
}

func TestAReplacedBodyIsReadToTheBoundOnly(t *testing.T) {
	s, m, from := opened(5, io.EOF, "one", "two", "three")
	if err := s.replace(interceptor.Outcome{Replaced: true, Body: []byte("new")}); err != nil {
		t.Fatal(err)
	}
	if sent, _ := drain(m.Body); sent != "new" || m.Length != 3 || !from.aborted || len(from.left) != 1 {
		t.Errorf("%q of %d, aborted %v, left %q", sent, m.Length, from.aborted, from.left)
	}
	if err := s.replace(interceptor.Outcome{Replaced: true}); err != nil || m.Body != nil || m.Length != 0 {
		t.Errorf("%v, %d", err, m.Length)
	}
}

func TestTheContextOfAFunctionEndsWithIt(t *testing.T) {
	for name, tc := range map[string]struct {
		wait  bool // somebody waits before the end comes
		end   func(c *callContext, parent context.CancelFunc)
		after time.Duration
		want  error
	}{
		"function returns":         {false, func(c *callContext, _ context.CancelFunc) { c.end() }, time.Hour, context.Canceled},
		"function returns, waited": {true, func(c *callContext, _ context.CancelFunc) { c.end() }, time.Hour, context.Canceled},
		"client leaves":            {false, func(_ *callContext, leave context.CancelFunc) { leave() }, time.Hour, context.Canceled},
		"client leaves, waited":    {true, func(_ *callContext, leave context.CancelFunc) { leave() }, time.Hour, context.Canceled},
		"time is over":             {false, func(*callContext, context.CancelFunc) {}, -time.Second, context.DeadlineExceeded},
		"time is over, waited":     {true, func(*callContext, context.CancelFunc) {}, time.Millisecond, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			parent, leave := context.WithCancel(t.Context())
			defer leave()
			c := &callContext{parent: parent, deadline: time.Now().Add(tc.after)}
			defer c.end()
			var derived context.Context
			if tc.wait {
				var cancel context.CancelFunc
				derived, cancel = context.WithCancel(c)
				defer cancel()
			} else if c.Err() != nil && tc.after > 0 {
				t.Fatal("ended")
			}
			tc.end(c, leave)
			if tc.wait {
				<-derived.Done()
			}
			if !errors.Is(c.Err(), tc.want) {
				t.Errorf("%v, want %v", c.Err(), tc.want)
			}
			<-c.Done()
			if !errors.Is(c.Err(), tc.want) {
				t.Errorf("then %v", c.Err())
			}
		})
	}
}

type client struct{ exchange.Client }

func (client) Context() context.Context { return context.Background() }

// bench is an operation with the functions given, and an exchange for it.
func bench(tb testing.TB, names spec.Interceptors, f interceptor.Functions) (*Interceptors, *exchange.Exchange, func()) {
	gateway := &spec.Gateway{APIs: []spec.API{{Operations: []spec.Operation{
		{ID: 0, Method: "GET"}, {ID: 1, Method: "GET", Interceptors: names},
	}}}}
	all, err := New(Options{Gateway: gateway, Functions: f, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	x := new(exchange.Exchange)
	return all, x, func() {
		x.Client, x.Method, x.Operation = client{}, "GET", &gateway.APIs[0].Operations[1]
		x.Path, x.Host = []byte("/pets/1"), []byte("a")
		for _, name := range []string{"Accept", "User-Agent", "X-Own"} {
			x.Request.Add(name, "some value")
		}
		all.Classify(x)
		all.Request(x)
		all.Response(x)
		all.Done(x)
		x.Reset()
	}
}

var setHeader = interceptor.Functions{Request: map[string]interceptor.RequestFunc{
	"A": func(_ context.Context, r *interceptor.Request) error { r.Header().Set("X-Tenant", "acme"); return nil },
}}

func TestAnOperationWithoutFunctionsPaysNothing(t *testing.T) {
	all, x, _ := bench(t, spec.Interceptors{Request: []string{"A"}}, setHeader)
	x.Operation = &all.options.Gateway.APIs[0].Operations[0]
	if n := testing.AllocsPerRun(100, func() {
		if !all.Classify(x) || !all.Request(x) {
			t.Fatal("stopped")
		}
		all.Response(x)
		all.Done(x)
	}); n != 0 || x.Interception != nil {
		t.Errorf("%v allocations", n)
	}
}

func TestAGatewayWithoutFunctionsHasNoStage(t *testing.T) {
	all, err := New(Options{Gateway: &spec.Gateway{APIs: []spec.API{{Operations: []spec.Operation{{}}}}}})
	if all != nil || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}

func BenchmarkOneHeader(b *testing.B) {
	_, _, run := bench(b, spec.Interceptors{Request: []string{"A"}}, setHeader)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}
