package interceptors

import (
	"testing"

	"mgw/runtime/interceptor"
)

// An interceptor is a function: its test makes the request, and needs no
// gateway.
func TestRefuseLarge(t *testing.T) {
	for body, status := range map[string]int{`{"count": 100}`: 0, `{"count": 101}`: 422, `not JSON`: 422} {
		r := interceptor.NewRequest(interceptor.RequestParts{Body: func() ([]byte, error) { return []byte(body), nil }})
		if err := RefuseLarge(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got := 0
		if answer := r.Outcome().Answer; answer != nil {
			got = answer.Status
		}
		if got != status {
			t.Errorf("%s: answered with %d, want %d", body, got, status)
		}
	}
}

func TestByModel(t *testing.T) {
	for body, want := range map[string]string{`{"model": "large"}`: "large", `{"model": "small"}`: "", `{}`: ""} {
		r := interceptor.NewRequest(interceptor.RequestParts{Body: func() ([]byte, error) { return []byte(body), nil }})
		if err := ByModel(t.Context(), r); err != nil || r.Property("model") != want {
			t.Errorf("%s: %v, property %q, want %q", body, err, r.Property("model"), want)
		}
	}
}
