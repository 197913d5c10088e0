package reply

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"mgw/runtime/internal/exchange"
)

func bodyOf(t *testing.T, x *exchange.Exchange) string {
	t.Helper()
	chunk, err := x.Response.Body.Next()
	if err != nil {
		t.Fatal(err)
	}
	return string(chunk)
}

func TestFaultsKeepTheOriginalsBodies(t *testing.T) {
	for _, tc := range []struct {
		fault  *Fault
		status int
		body   string
	}{
		{ThrottledResource, 429, `{"fault":{"code":900802, "message":"Message throttled out", "description":"You have exceeded your quota"}}`},
		{Blocked, 403, `{"fault":{"code":900805, "message":"Message blocked", "description":"You have been blocked from accesing the resource"}}`},
		{PolicyEnforcement, 500, `{"fault":{"code":900809, "message":"Internal server error occured", "description":"POLICY ENFORCEMENT ERROR"}}`},
		{InvalidCredentials, 401, `{"fault":{"code":900901, "message":"Invalid Credentials", "description":"Invalid Credentials. Make sure you have given the correct access token"}}`},
		{Forbidden, 403, `{"fault":{"code":900908, "message":"Resource forbidden ", "description":"Resource forbidden . Unclassified Authentication Failure"}}`},
		{MissingScope, 403, `{"fault":{"code":900910, "message":"The access token does not allow you to access the requested resource", "description":"The access token does not allow you to access the requested resource"}}`},
		{InvalidUserFormat, 401, `{"fault":{"code":900912, "message":"Invalid Format", "description":"Invalid Format. Make sure you have given the credentials in correct format with \":\" character"}}`},
		{BackendTimeout, 504, `{"fault":{"code":101504, "message":"Runtime Error", "description":"Connection timed out"}}`},
		{NotFound, 404, `{"code":404, "type":"Status report", "message":"Runtime Error", "description":"No matching resource found for given API Request"}`},
		{MethodNotAllowed, 405, `{"code":405, "type":"Status report", "message":"Runtime Error", "description":"Method not allowed for given API resource"}`},
	} {
		x := exchange.Acquire()
		tc.fault.Send(x)
		if x.Status != tc.status || x.Code != tc.fault.Code {
			t.Errorf("%d: status %d, code %d", tc.fault.Code, x.Status, x.Code)
		}
		body := bodyOf(t, x)
		if body != tc.body {
			t.Errorf("%d: got\n%s\nwant\n%s", tc.fault.Code, body, tc.body)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%d: body is not JSON", tc.fault.Code)
		}
		if got := string(x.Response.Get(exchange.ContentType)); got != "application/json" {
			t.Errorf("%d: Content-Type %q", tc.fault.Code, got)
		}
		exchange.Release(x)
	}
}

func TestDescriptionsOfAnyBytesStayJSON(t *testing.T) {
	x := exchange.Acquire()
	defer exchange.Release(x)
	text := "a \"quote\", a \\ and \x00\x1f\n"
	Internal.WithDescription(text).Send(x)
	var got struct{ Fault struct{ Description string } }
	if err := json.Unmarshal([]byte(bodyOf(t, x)), &got); err != nil || got.Fault.Description != text {
		t.Errorf("%v: %q", err, got.Fault.Description)
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	x := exchange.Acquire()
	defer exchange.Release(x)
	for wait, want := range map[time.Duration]string{
		-time.Second: "1", 0: "1", 1: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60",
		math.MaxInt64: "9223372037",
	} {
		RetryAfter(x, wait)
		if got := string(x.Response.Get(exchange.RetryAfter)); got != want || x.Response.Count(exchange.RetryAfter) != 1 {
			t.Errorf("%v: %q", wait, got)
		}
	}
}

func TestAnsweringAllocatesNothing(t *testing.T) {
	x := new(exchange.Exchange)
	ThrottledAPI.Send(x)
	if n := testing.AllocsPerRun(100, func() {
		x.Reset()
		RetryAfter(x, time.Minute)
		ThrottledAPI.Send(x)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
