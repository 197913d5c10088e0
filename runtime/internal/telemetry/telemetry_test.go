package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

const (
	began = int64(1795301881_250_000_000) // 2026-11-21T22:58:01.25Z
	ended = began + 412_345
)

func request() *exchange.Exchange {
	return &exchange.Exchange{
		Method: "GET", Path: []byte("/petstore/pets/7"), Target: []byte("/petstore/pets/7?apikey=hunter2"), Query: []byte("apikey=hunter2"),
		Major: 1, Minor: 1, Start: began, Address: netip.MustParseAddr("10.0.0.1"),
		API: &spec.API{Name: "Swagger Petstore", Version: "1.0.0"},
		Grant: &exchange.Grant{Principal: &exchange.Principal{
			Kind: exchange.JWT, Subject: "alice", Application: exchange.Application{ID: "app-9"}, Signature: "hunter2", TokenID: "hunter2",
		}},
		Status: 429, BytesOut: 131, Code: 900803, Level: "application", Backend: "pets.local:80",
	}
}

func made(f func(*line, *exchange.Exchange, int64), x *exchange.Exchange) string {
	var l line
	f(&l, x, ended)
	return string(l.buf)
}

func TestTextLine(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*exchange.Exchange)
		want   string
	}{
		{"whole", func(*exchange.Exchange) {},
			`2026-11-21T22:58:01.250Z 10.0.0.1 "GET /petstore/pets/7 HTTP/1.1" 429 131 0.000412 api="Swagger Petstore:1.0.0" application="app-9" code=900803 level="application" backend="pets.local:80"`},
		{"bare", func(x *exchange.Exchange) { *x = exchange.Exchange{Start: began} },
			`2026-11-21T22:58:01.250Z - "- - HTTP/0.0" 0 0 0.000412`},
		{"anonymous", func(x *exchange.Exchange) {
			x.Grant.Principal.Kind, x.Code, x.Level, x.Status, x.Aborted = exchange.Anonymous, 0, "", 200, true
		},
			`2026-11-21T22:58:01.250Z 10.0.0.1 "GET /petstore/pets/7 HTTP/1.1" 200 131 0.000412 api="Swagger Petstore:1.0.0" backend="pets.local:80" aborted`},
		{"hostile", func(x *exchange.Exchange) {
			x.Method, x.Path = "G\"", []byte("/a\" 200\r\n10.0.0.2 \x1b[2J\\\xff")
			x.Grant.Principal.Application.ID = "x\ny\" code=0"
			x.API, x.Code, x.Level, x.Backend = nil, 0, "", ""
		},
			`2026-11-21T22:58:01.250Z 10.0.0.1 "G\" /a\" 200\x0d\x0a10.0.0.2 \x1b[2J\\\xff HTTP/1.1" 429 131 0.000412 application="x\x0ay\" code=0"`},
	} {
		x := request()
		tc.change(x)
		if got := made((*line).text, x); got != tc.want+"\n" {
			t.Errorf("%s: got\n%swant\n%s", tc.name, got, tc.want)
		}
	}
}

func TestJSONLine(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*exchange.Exchange)
		want   string
	}{
		{"whole", func(*exchange.Exchange) {},
			`{"time":"2026-11-21T22:58:01.250Z","client":"10.0.0.1","method":"GET","path":"/petstore/pets/7","status":429,"bytes":131,"ms":0.412,"api":"Swagger Petstore:1.0.0","application":"app-9","code":900803,"level":"application","backend":"pets.local:80"}`},
		{"bare", func(x *exchange.Exchange) { *x = exchange.Exchange{Start: began, Aborted: true} },
			`{"time":"2026-11-21T22:58:01.250Z","client":"-","method":"","path":"","status":0,"bytes":0,"ms":0.412,"aborted":true}`},
		{"hostile", func(x *exchange.Exchange) {
			*x = exchange.Exchange{Start: began, Path: []byte("/\"\r\n\\\xffé\u009b\x7f")}
		},
			`{"time":"2026-11-21T22:58:01.250Z","client":"-","method":"","path":"/\"\u000d\u000a\\\ufffdé\u009b\u007f","status":0,"bytes":0,"ms":0.412}`},
	} {
		x := request()
		tc.change(x)
		if got := made((*line).json, x); got != tc.want+"\n" {
			t.Errorf("%s: got\n%swant\n%s", tc.name, got, tc.want)
		}
	}
}

func TestNoLineShowsACredential(t *testing.T) {
	for _, f := range []func(*line, *exchange.Exchange, int64){(*line).text, (*line).json} {
		if got := made(f, request()); strings.Contains(got, "hunter2") {
			t.Error(got)
		}
	}
}

func TestSecondsTurnInTheSameMemory(t *testing.T) {
	var l line
	for _, tc := range []struct {
		at   int64
		want string
	}{
		{began, "22:58:01.250Z"}, {began + int64(time.Second), "22:58:02.250Z"}, {began + 5*int64(time.Millisecond), "22:58:01.255Z"}, {-5, "00:00:00.000Z"},
	} {
		l.text(&exchange.Exchange{Start: tc.at}, tc.at)
		if !strings.Contains(string(l.buf), tc.want) {
			t.Errorf("got %s, want %s", l.buf, tc.want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	x := request()
	x.Path = bytes.Repeat([]byte{0xff}, 1<<20)
	x.Method, x.Level, x.Backend = strings.Repeat("é", 9999), strings.Repeat("\"", 9999), strings.Repeat("\n", 9999)
	x.API = &spec.API{Name: strings.Repeat("\x01", 9999), Version: strings.Repeat("\x01", 9999)}
	for _, f := range []func(*line, *exchange.Exchange, int64){(*line).text, (*line).json} {
		if got := made(f, x); len(got) > maxLine || !strings.Contains(got, "...") {
			t.Errorf("a line of %d bytes", len(got))
		}
	}
}

func FuzzLinesStayLines(f *testing.F) {
	f.Add("GET", []byte("/a"), "app", "level")
	f.Add("\"", []byte("\n\xe2\x80\xa8\xc2\x9b"), "\\", "\xff\xfe")
	f.Fuzz(func(t *testing.T, method string, path []byte, id, level string) {
		x := request()
		x.Method, x.Path, x.Level, x.Grant.Principal.Application.ID = method, path, level, id
		text := made((*line).text, x)
		for i := range len(text) - 1 {
			if text[i] < ' ' || text[i] > '~' {
				t.Fatalf("byte %#x in %q", text[i], text)
			}
		}
		object := made((*line).json, x)
		var fields map[string]any
		if err := json.Unmarshal([]byte(object), &fields); err != nil || strings.Count(object, "\n") != 1 {
			t.Fatalf("%v in %q", err, object)
		}
	})
}

func TestCounters(t *testing.T) {
	var c Counters
	for _, x := range []*exchange.Exchange{
		{Status: 200, BytesIn: 5, BytesOut: 10, Start: began}, {Status: 429, Code: 900803, Start: began}, {Status: 429, Code: 900803},
		{Status: 503, Code: 101503}, {Aborted: true}, {Status: 404, Code: 404}, {Status: 999}, {Status: 101},
	} {
		c.Begin(x)
		c.Done(x, began+int64(time.Second))
	}
	c.Begin(nil)
	want := Snapshot{
		Requests: 8, InFlight: 1, Aborted: 1, BytesIn: 5, BytesOut: 10, Seconds: 2,
		Statuses: map[string]uint64{"none": 2, "1xx": 1, "2xx": 1, "4xx": 3, "5xx": 1},
		Faults:   map[string]uint64{"900803": 2, "101503": 1, "other": 1},
	}
	if got := c.Snapshot(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestEachFaultHasACell(t *testing.T) {
	seen := map[int]int{}
	for _, r := range faultRanges {
		for code := r.first; code <= r.last; code++ {
			cell := faultCell(code)
			if old, twice := seen[cell]; twice || cell >= faultCells-1 {
				t.Errorf("code %d and %d share cell %d", code, old, cell)
			}
			seen[cell] = code
		}
	}
	if len(seen) != faultCells-1 || faultCell(0) != faultCells-1 {
		t.Errorf("%d cells for %d codes", faultCells, len(seen))
	}
}

func TestLogger(t *testing.T) {
	for _, tc := range []struct{ level, format, want string }{
		{"trace", "text", "level=TRACE msg=a\nlevel=WARN msg=b c=\"d\\ne\"\n"},
		{"DEBUG", "text", "level=WARN msg=b c=\"d\\ne\"\n"},
		{"WARN", "json", `"level":"WARN","msg":"b","c":"d\ne"}` + "\n"},
		{"ERROR", "text", ""},
		{"OFF", "json", ""},
	} {
		var out strings.Builder
		log, err := NewLogger(&out, tc.level, tc.format)
		if err != nil {
			t.Fatal(err)
		}
		log.Log(t.Context(), levelTrace, "a")
		log.Warn("b", slog.String("c", "d\ne"))
		got := ""
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, map[string]string{"text": " ", "json": ","}[tc.format])
			got += rest
		}
		if got != tc.want {
			t.Errorf("%s %s: got %q, want %q", tc.level, tc.format, got, tc.want)
		}
	}
	for _, bad := range [][2]string{{"LOUD", "text"}, {"INFO", "xml"}} {
		if _, err := NewLogger(nil, bad[0], bad[1]); err == nil {
			t.Errorf("%v gave no error", bad)
		}
	}
}
