package gateway

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// checked is a gateway whose operations have schemas: an order that is posted,
// a note that may be, and an order that is got.
func checked(t *testing.T, backend string) *spec.Gateway {
	t.Helper()
	five := 5
	order := []spec.Media{{Type: "application/json", Schema: 1}}
	schemas := &spec.Schemas{APIs: []spec.APISchemas{{
		Operations: []spec.OperationMessages{
			{Operation: 3, Body: &spec.Content{Required: true, Media: order}, Answers: []spec.Answer{{Status: "200", Media: order}}},
			{Operation: 4, Body: &spec.Content{Media: order}, Unchecked: []string{"the answer 200"}},
			{Operation: 5, Answers: []spec.Answer{{Status: "2XX", Media: order}}, Parameters: []spec.Parameter{
				{Name: "limit", In: "query", Required: true, Schema: 2}, {Name: "X-Trace", In: "header", Schema: 3},
				{Name: "id", In: "path", Required: true, Schema: 2}, {Name: "tags", In: "query", List: true, Schema: 4}}},
		},
		Schemas: []json.RawMessage{raw(t, spec.Schema{}),
			raw(t, spec.Schema{Types: []string{"object"}, Required: []string{"name"}, Properties: map[string]*spec.Schema{"name": {Types: []string{"string"}, MaxLength: &five}}}),
			raw(t, spec.Schema{Types: []string{"integer"}, Minimum: "1", Maximum: "100"}),
			raw(t, spec.Schema{Types: []string{"string"}, MaxLength: &five}),
			raw(t, spec.Schema{Types: []string{"array"}, Items: &spec.Schema{Types: []string{"string"}, Enum: []json.RawMessage{[]byte(`"a"`), []byte(`"1"`)}}}),
		},
	}}}
	g := served(backend)
	open := spec.Security{Disabled: true}
	g.APIs[0].Operations = append(g.APIs[0].Operations,
		spec.Operation{ID: 3, Method: "POST", Path: "/orders", KeyPath: "/orders", Security: open, Sandbox: spec.NoEndpoint},
		spec.Operation{ID: 4, Method: "POST", Path: "/notes", KeyPath: "/notes", Tier: "Five", Security: open, Sandbox: spec.NoEndpoint},
		spec.Operation{ID: 5, Method: "GET", Path: "/orders/{id}", KeyPath: "/orders/{id}", Security: open, Sandbox: spec.NoEndpoint})
	var err error
	if g.Schemas, err = spec.PackSchemas(schemas); err != nil {
		t.Fatal(err)
	}
	return g
}

func raw(t *testing.T, s spec.Schema) json.RawMessage {
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

// send sends a body, chunked when its length is not to be known.
func send(t *testing.T, url, body string, chunked bool, header ...string) (int, string, http.Header) {
	t.Helper()
	var from io.Reader = strings.NewReader(body)
	if chunked {
		from = struct{ io.Reader }{from}
	}
	resp, answer := whole(t, "POST", url, from, header...)
	return resp.StatusCode, answer, resp.Header
}

func TestRequestsAreValidated(t *testing.T) {
	const missing = `{"fault":{"code":400, "message":"Bad Request", "description":"#: required key [name] not found, "}}`
	large := `{"name":"a","x":"` + strings.Repeat("y", 300_000) + `"}`
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, checked(t, backendOf(t, func(w http.ResponseWriter, q *http.Request) {
			body, err := io.ReadAll(q.Body)
			fmt.Fprintf(w, "%s %d %v", body, q.ContentLength, err)
		})), engine, "validationConfig.enableRequestValidation=true", "validationConfig.maxBodySize=400000")
		for _, tc := range []struct {
			name, path, body, kind, coding string
			chunked                        bool
			status                         int
			answer                         string
		}{
			{"right", "/orders", `{"name":"a"}`, "application/json", "", false, 200, `{"name":"a"} 12 <nil>`},
			{"right, chunked", "/orders", `{"name":"a"}`, "application/json; charset=utf-8", "", true, 200, `{"name":"a"} -1 <nil>`},
			{"right and large", "/orders", large, "application/json", "", false, 200, large + fmt.Sprintf(" %d <nil>", len(large))},
			{"right and large, chunked", "/orders", large, "application/json", "", true, 200, large + " -1 <nil>"},
			{"right, compressed", "/orders", zipped(`{"name":"a"}`), "application/json", "gzip", false, 200, zipped(`{"name":"a"}`) + fmt.Sprintf(" %d <nil>", len(zipped(`{"name":"a"}`)))},
			{"wrong", "/orders", `{}`, "application/json", "", false, 400, missing},
			{"wrong, chunked", "/orders", `{}`, "application/json", "", true, 400, missing},
			{"wrong, compressed", "/orders", zipped(`{}`), "application/json", "gzip", false, 400, missing},
			{"wrong, another JSON", "/orders", `{}`, "application/vnd.order+json", "", false, 400, missing},
			{"wrong, no type", "/orders", `{}`, "", "", false, 400, missing},
			{"other type", "/orders", `<order/>`, "application/xml", "", false, 200, "<order/> 8 <nil>"},
			{"other type, chunked", "/orders", `<order/>`, "application/xml", "", true, 200, "<order/> -1 <nil>"},
			{"nothing", "/orders", "", "application/json", "", false, 400, "has no body"},
			{"nothing, chunked", "/orders", "", "application/json", "", true, 400, "has no body"},
			{"nothing, of another type, chunked", "/orders", "", "text/plain", "", true, 400, "has no body"},
			{"nothing where nothing need be", "/notes", "", "application/json", "", true, 200, ""},
			{"twice", "/orders", `{"name":"a","name":"b"}`, "application/json", "", false, 400, "twice"},
			{"no JSON", "/orders", `{"name"`, "application/json", "", false, 400, "not valid JSON"},
			{"no gzip", "/orders", `{"name":"a"}`, "application/json", "gzip", false, 400, "not valid gzip"},
			{"gzip and more", "/orders", zipped(`{"name":"a"}`) + "x", "application/json", "gzip", false, 400, "not valid gzip"},
			{"unknown coding", "/orders", `{"name":"a"}`, "application/json", "br", false, 400, "content coding"},
			{"too large", "/orders", `{"name":"` + strings.Repeat("y", 400_000) + `"}`, "application/json", "", false, 413, "too large"},
			{"too large, chunked", "/orders", `{"name":"` + strings.Repeat("y", 400_000) + `"}`, "application/json", "", true, 413, "too large"},
			{"too large inside", "/orders", zipped(strings.Repeat(" ", 500_000)), "application/json", "gzip", false, 413, "too large"},
		} {
			var header []string
			for i, value := range []string{tc.kind, tc.coding} {
				if value != "" {
					header = append(header, []string{"Content-Type", "Content-Encoding"}[i], value)
				}
			}
			status, answer, head := send(t, r.url+"/pets"+tc.path, tc.body, tc.chunked, header...)
			if status != tc.status || !strings.Contains(answer, tc.answer) {
				t.Errorf("%s: %d %.200q", tc.name, status, answer)
			}
			if status == 400 && head.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %v", tc.name, head)
			}
		}
		if status, answer, _ := send(t, r.url+"/pets/orders", `{}`, false, "Content-Type", "application/json", "Content-Type", "text/plain"); status != 400 || !strings.Contains(answer, "more than one") {
			t.Errorf("two types: %d %s", status, answer)
		}
	})
}

func TestParametersAreValidated(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, checked(t, backendOf(t, func(http.ResponseWriter, *http.Request) {})), engine, "validationConfig.enableRequestValidation=true")
		for path, want := range map[string]string{
			"/1?limit=5":                    "",
			"/1?limit=%35":                  "",
			"/1?limit=5&tags=a&tags=1":      "",
			"/1?x=%zz&limit=5":              "",
			"/1":                            "query parameter [limit] is required and missing, ",
			"/1?limit=0":                    "query parameter [limit]: must be 1 or more, ",
			"/1?limit=5&limit=101":          "query parameter [limit]: must be 100 or less, ",
			"/1?limit=five":                 "query parameter [limit]: expected type: integer, found: string, ",
			"/1?limit=":                     "query parameter [limit]: expected type: integer, found: string, ",
			"/1?limit=%zz":                  "query parameter [limit]: is not valid percent-encoded UTF-8, ",
			"/1?limit=%ff":                  "query parameter [limit]: is not valid percent-encoded UTF-8, ",
			"/1?limit=5&tags=a&tags=b":      "query parameter [tags]/1: not a valid enum value, ",
			"/one?limit=5":                  "path parameter [id]: expected type: integer, found: string, ",
			"/%31?limit=5":                  "",
			"/1000?limit=5":                 "path parameter [id]: must be 100 or less, ",
			"/1?limit=99999999999999999999": "query parameter [limit]: must be 100 or less, ",
			"/1?limit=1e999999999999999999": "query parameter [limit]: expected type: integer, found: string, ",
			"/1?limit=5;x":                  "query parameter [limit]: expected type: integer, found: string, ",
		} {
			status, body := get(t, r.url+"/pets/orders"+path)
			if ok := status == 200 && want == "" || status == 400 && want != "" && strings.Contains(body, `"`+want+`"`); !ok {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if status, body := get(t, r.url+"/pets/orders/1?limit=5", "x-trace", "123456"); status != 400 || !strings.Contains(body, "header parameter [X-Trace]: expected maxLength: 5, actual: 6, ") {
			t.Errorf("%d %s", status, body)
		}
	})
}

func TestAnswersAreValidated(t *testing.T) {
	const order, fault = `{"name":"a"}`, `{"fault":{"code":500, "message":"Bad Response", "description":"#: required key [name] not found, "}}`
	large := `{"x":"` + strings.Repeat("y", 2000) + `"}`
	overEngines(t, func(t *testing.T, engine string) {
		var kind, coding, body atomic.Value
		var status, pause atomic.Int64
		r := start(t, checked(t, backendOf(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("X-Secret", "of the backend")
			if c := coding.Load().(string); c != "" {
				w.Header().Set("Content-Encoding", c)
			}
			w.Header().Set("Content-Type", kind.Load().(string))
			w.WriteHeader(int(status.Load()))
			half := len(body.Load().(string)) / 2
			_, _ = io.WriteString(w, body.Load().(string)[:half])
			if pause.Load() > 0 {
				w.(http.Flusher).Flush()
			}
			_, _ = io.WriteString(w, body.Load().(string)[half:])
		})), engine, "validationConfig.enableResponseValidation=true", "validationConfig.maxBodySize=1000")
		for _, tc := range []struct {
			name         string
			status       int64
			kind, coding string
			body         string
			wantStatus   int
			want         string
		}{
			{"right", 200, "application/json", "", order, 200, order},
			{"right, compressed", 200, "application/json", "gzip", zipped(order), 200, zipped(order)},
			{"wrong", 200, "application/json", "", "{}", 500, fault},
			{"wrong, of the class", 201, "application/json", "", "{}", 500, fault},
			{"wrong, compressed", 200, "application/json", "gzip", zipped("{}"), 500, fault},
			{"a status without schema", 404, "application/json", "", "{}", 404, "{}"},
			{"another type", 200, "text/event-stream", "", "data: {}\n\n", 200, "data: {}\n\n"},
			{"an unknown coding", 200, "application/json", "br", "{}", 200, "{}"},
			{"too large", 200, "application/json", "", large, 200, large},
			{"nothing", 200, "application/json", "", "", 200, ""},
		} {
			for _, chunked := range []int64{0, 1} {
				status.Store(tc.status)
				kind.Store(tc.kind)
				coding.Store(tc.coding)
				body.Store(tc.body)
				pause.Store(chunked)
				req, _ := http.NewRequestWithContext(t.Context(), "GET", r.url+"/pets/orders/1", nil)
				req.Header.Set("Accept-Encoding", "gzip") // so that net/http leaves it alone
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != tc.wantStatus || string(got) != tc.want {
					t.Errorf("%s: %d %q %v", tc.name, resp.StatusCode, got, err)
				}
				if leaks := resp.Header.Get("X-Secret") != ""; leaks != (tc.wantStatus != 500) {
					t.Errorf("%s: %v", tc.name, resp.Header)
				}
			}
		}
		if n := r.State().Validation.UncheckedAnswers; n != 4 {
			t.Errorf("%d unchecked", n)
		}
		if status, _, _ := send(t, r.url+"/pets/orders", "no JSON", false, "Content-Type", "application/json"); status != 200 {
			t.Errorf("a request: %d", status)
		}
	})
}

func TestAnAnswerThatBreaksOffIsNotCompleted(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, checked(t, backendOf(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name":`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})), engine, "validationConfig.enableResponseValidation=true")
		if status, body, err := try(t.Context(), "GET", r.url+"/pets/orders/1", ""); err == nil {
			t.Errorf("%d %q without an error", status, body)
		}
	})
}

func TestAnInvalidRequestCountsNowhereAndASpentLimitComesFirst(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, checked(t, backendOf(t, func(http.ResponseWriter, *http.Request) {})), engine, "validationConfig.enableRequestValidation=true")
		expect := func(times int, body string, want int) {
			t.Helper()
			for i := range times {
				if status, got, _ := send(t, r.url+"/pets/notes", body, false, "Content-Type", "application/json"); status != want {
					t.Errorf("%q, time %d: %d %s, want %d", body, i+1, status, got, want)
				}
			}
		}
		expect(7, "{}", 400)
		expect(5, "", 200)
		expect(1, "", 429)
		expect(1, "{}", 429)
	})
}

func TestABodyInMemoryIsSentAgain(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		content := checked(t, "http://127.0.0.1:1")
		content.Endpoints[0].Type = spec.Failover
		content.Endpoints[0].URLs = append(content.Endpoints[0].URLs, backendOf(t, func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			_, _ = w.Write(body)
		}))
		r := start(t, content, engine, "validationConfig.enableRequestValidation=true")
		body := `{"name":"a","x":"` + strings.Repeat("y", 200_000) + `"}`
		for _, chunked := range []bool{false, true} {
			if status, got, _ := send(t, r.url+"/pets/orders", body, chunked, "Content-Type", "application/json"); status != 200 || got != body {
				t.Errorf("%d, %d bytes", status, len(got))
			}
		}
	})
}

func TestWhatCannotBeValidatedIsSaidAtStart(t *testing.T) {
	r := start(t, checked(t, "http://127.0.0.1:1"), "validationConfig.enableRequestValidation=true")
	if log := r.log.String(); !strings.Contains(log, "is not validated") || !strings.Contains(log, "POST /pets/notes") || !strings.Contains(log, "the answer 200") {
		t.Errorf("log: %s", log)
	}
}

func TestWithoutValidationNothingIsDecoded(t *testing.T) {
	content := checked(t, backendOf(t, func(http.ResponseWriter, *http.Request) {}))
	content.Schemas = []byte("no schemas at all")
	r := start(t, content)
	if status, body, _ := send(t, r.url+"/pets/orders", "{", false, "Content-Type", "application/json"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if g := r.current(); g.validator != nil || len(g.chain().Request) != 6 {
		t.Errorf("%d stages", len(g.chain().Request))
	}
}

func TestASlowBodyIsRefusedInTime(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		r := start(t, checked(t, backendOf(t, func(http.ResponseWriter, *http.Request) { t.Error("reached the backend") })),
			engine, "validationConfig.enableRequestValidation=true", "listenerConfig.timeouts.body=300ms")
		from, to := io.Pipe()
		defer to.Close()
		go func() { _, _ = io.WriteString(to, `{"name":`) }()
		req, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+"/pets/orders", from)
		req.Header.Set("Content-Type", "application/json")
		begin := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 408 || time.Since(begin) > 20*time.Second {
			t.Errorf("%d after %v", resp.StatusCode, time.Since(begin))
		}
	})
}

func TestAnAnswerFromTheCacheIsValidatedToo(t *testing.T) {
	overEngines(t, func(t *testing.T, engine string) {
		var reached atomic.Int64
		content := checked(t, backendOf(t, func(w http.ResponseWriter, q *http.Request) {
			reached.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "public, max-age=60")
			if strings.HasSuffix(q.URL.Path, "/1") {
				_, _ = io.WriteString(w, `{"name":"a"}`)
				return
			}
			_, _ = io.WriteString(w, `{}`)
		}))
		content.APIs[0].ResponseCache = &spec.ResponseCache{}
		r := start(t, content, engine, "validationConfig.enableResponseValidation=true")
		for path, want := range map[string]int{"/pets/orders/1": 200, "/pets/orders/2": 500} {
			for range 3 {
				if status, body := get(t, r.url+path); status != want {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
		}
		if n := reached.Load(); n > 4 {
			t.Errorf("%d requests reached the backend", n)
		}
	})
}
