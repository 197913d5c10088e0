package reply

import (
	"testing"

	"mgw/runtime/internal/exchange"
)

func TestGRPCStatusFollowsTheContract(t *testing.T) {
	for _, tc := range []struct {
		fault         *Fault
		code, message string
	}{
		{BadRequest, "13", BadRequest.Description},
		{InvalidCredentials, "16", "Invalid Credentials"},
		{MissingScope, "7", msgScope},
		{NotFound, "12", NotFound.Description},
		{MethodNotAllowed, "2", MethodNotAllowed.Description},
		{BodyTooLarge, "8", BodyTooLarge.Description},
		{ThrottledSubscription, "8", "Message throttled out"},
		{Internal, "2", "Internal server error occured"},
		{BackendUnreachable, "14", "Error connecting to the back end"},
		{BackendUnreachableLegacy, "2", "Error connecting to the back end"},
		{ThrottledBackend, "14", "Message throttled out"},
		{BackendTimeout, "14", "Connection timed out"},
	} {
		x := exchange.Acquire()
		tc.fault.Send(x)
		if code, message, ok := GRPC(x); code != tc.code || message != tc.message || !ok {
			t.Errorf("%d: %s %q %v", tc.fault.Code, code, message, ok)
		}
		exchange.Release(x)
	}
}

func TestAnswersThatAreNotTheGatewaysStayAsTheyAre(t *testing.T) {
	x := exchange.Acquire()
	defer exchange.Release(x)
	x.Status, x.Backend = 503, "backend.example"
	if _, _, ok := GRPC(x); ok {
		t.Error("a backend's answer was replaced")
	}
	x.Status, x.Backend = 200, ""
	x.Response.Set("Content-Type", "application/grpc")
	if _, _, ok := GRPC(x); ok {
		t.Error("an answer of an interceptor was replaced")
	}
}

func TestGRPCMessagesArePercentEncoded(t *testing.T) {
	x := exchange.Acquire()
	defer exchange.Release(x)
	x.Status, x.Reason = 400, "100% of \"é\"\n"
	if _, message, _ := GRPC(x); message != "100%25 of \"%C3%A9\"%0A" {
		t.Errorf("%q", message)
	}
	x.Reason = ""
	if _, message, _ := GRPC(x); message != "The gateway answered with status 400" {
		t.Errorf("%q", message)
	}
}
