package cors

import (
	"testing"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/spec"
)

func TestAnsweringPagesAllocatesNothing(t *testing.T) {
	c := New([]spec.API{{ID: 0, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}, AllowHeaders: []string{"X-Own"}, AllowCredentials: true}}})
	api := new(spec.API)
	x := new(exchange.Exchange)
	route := c.Route(func(x *exchange.Exchange) bool { x.API = api; return true })
	serve := func() {
		x.Reset()
		x.Method = "OPTIONS"
		x.Request.Add("Origin", "https://a.example")
		x.Request.Add("Access-Control-Request-Method", "GET")
		x.Request.Add("Access-Control-Request-Headers", "x-own")
		x.Response.Add("Access-Control-Allow-Origin", "*")
		if route(x) {
			t.Fatal("the preflight went on")
		}
		c.Reply(x)
	}
	serve()
	if n := testing.AllocsPerRun(100, serve); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got, _ := x.Response.Lookup("Access-Control-Allow-Origin"); string(got) != "https://a.example" {
		t.Errorf("%q", got)
	}
}

func TestNoSettingsNoStage(t *testing.T) {
	if New([]spec.API{{ID: 0}}) != nil {
		t.Error("APIs without settings have a policy")
	}
}
