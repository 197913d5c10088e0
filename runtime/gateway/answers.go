package gateway

import (
	"mgw/runtime/internal/cors"
	"mgw/runtime/internal/exchange"
)

// This file is the way of an answer: what is done to each of them before it is
// written, and only where something is configured.

// route is the router's stage. Where an API has CORS settings, preflights are
// answered right behind it.
func (g *generation) route() exchange.Stage {
	if g.cors == nil {
		return g.router.Route
	}
	return g.cors.Route(g.router.Route)
}

// replies are what happens to every answer, in order.
func (g *generation) replies() []func(*exchange.Exchange) {
	list := []func(*exchange.Exchange){g.throttle.Announce}
	if g.cors != nil {
		list = append(list, g.cors.Reply)
	}
	return list
}

func (g *generation) buildAnswers() {
	g.cors = cors.New(g.options.Spec.APIs)
}
