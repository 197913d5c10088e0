// Package interceptors is the Go code of the sample: five uses of an
// interceptor, a function each. api_definitions/orders.yaml says where they run.
package interceptors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"mgw/runtime/interceptor"
)

// TellApplication adds a header: the backend learns which application calls.
func TellApplication(_ context.Context, r *interceptor.Request) error {
	r.Header().Set("X-Application", r.Principal().Application.Name)
	return nil
}

// HideFields rewrites a body: it takes "fields" out of the backend's JSON. A
// body that is too large to be read, or is no JSON, makes it fail: what it is
// to hide does not get out.
func HideFields(_ context.Context, r *interceptor.Response) error {
	body, err := r.Body()
	if err != nil {
		return fmt.Errorf("hiding fields: %w", err)
	}
	var content map[string]any
	if err := json.Unmarshal(body, &content); err != nil {
		return fmt.Errorf("hiding fields: %w", err)
	}
	delete(content, "fields")
	if body, err = json.Marshal(content); err != nil {
		return err
	}
	r.SetBody(body)
	return nil
}

// ByModel sets a custom property before the limits are checked: the policy
// largeModel counts by it. A request without the property is not counted there.
func ByModel(_ context.Context, r *interceptor.Request) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	var question struct{ Model string }
	if err := json.Unmarshal(body, &question); err != nil {
		return r.Respond(http.StatusBadRequest, nil, []byte("the body is not JSON\n"))
	}
	if question.Model == "large" {
		r.SetProperty("model", "large")
	}
	return nil
}

// RefuseLarge answers early: the backend does not see the order.
func RefuseLarge(_ context.Context, r *interceptor.Request) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	var order struct{ Count int }
	if json.Unmarshal(body, &order) == nil && order.Count <= 100 {
		return nil
	}
	return r.Respond(http.StatusUnprocessableEntity, http.Header{"Content-Type": {"application/json"}},
		[]byte(`{"error":"at most 100 things at once"}`+"\n"))
}
