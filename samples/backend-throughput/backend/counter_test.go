package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"
)

func TestCountsBySecondByWindowAndInTheBusiestSecond(t *testing.T) {
	var now time.Time
	handler := newCounter(func() time.Time { return now })
	ask := func(method, path, window string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		if window != "" {
			r.Header.Set("X-Mgw-Window", window)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for _, at := range []struct {
		millis int64
		window string
	}{{900, "0"}, {950, "0"}, {1000, "1"}, {1850, "1"}, {1899, ""}, {1900, "none"}} {
		now = time.UnixMilli(at.millis)
		if w := ask("GET", "/a", at.window); w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
	}
	var got map[string]counts
	if err := json.Unmarshal(ask("GET", "/-/counts", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := counts{
		Reached: 6, Busiest: 5,
		Seconds: map[int64]int64{0: 2, 1: 4},
		Windows: map[int64]int64{0: 2, 1: 2},
	}
	if !reflect.DeepEqual(got, map[string]counts{"/a": want}) {
		t.Errorf("%+v, want %+v", got["/a"], want)
	}
	ask("POST", "/-/reset", "")
	if body := ask("GET", "/-/counts", "").Body.String(); body != "{}\n" {
		t.Errorf("after the reset: %s", body)
	}
}
