package gateway

import (
	"mgw/runtime/interceptor"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/intercept"
	"mgw/runtime/internal/reply"
)

// buildInterceptors finds the project's own functions.
func (g *generation) buildInterceptors() (err error) {
	c := g.options.Config.Interceptors
	o := intercept.Options{
		Gateway: g.options.Spec, Functions: g.options.Functions, Log: g.options.Log,
		MaxBody: c.MaxBodySize, Timeout: c.Timeout,
		Limits: g.limitsMet, Answered: g.throttle.Publish,
	}
	if g.options.Config.Clients.LegacyStatus {
		o.Unreachable = reply.BackendUnreachableLegacy
	}
	g.interceptors, err = intercept.New(o)
	return err
}

func (g *generation) limitsMet(x *exchange.Exchange) []interceptor.Limit {
	var limits []interceptor.Limit
	for _, l := range g.throttle.Met(x) {
		limits = append(limits, interceptor.Limit{
			Level: l.Level, Tier: l.Tier, Count: l.Count, Remaining: l.Remaining, Window: l.Window, Reset: l.Reset,
		})
	}
	return limits
}
