package gateway

import (
	"slices"

	"mgw/runtime/config"
	"mgw/runtime/internal/cache"
	"mgw/runtime/internal/cors"
	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/headers"
	"mgw/runtime/spec"
)

// present leaves out the stages that when has left out.
func present(stages ...exchange.Stage) []exchange.Stage {
	return slices.DeleteFunc(stages, func(s exchange.Stage) bool { return s == nil })
}

// when gives a stage that is there only where something is configured for it.
func when(configured bool, s exchange.Stage) exchange.Stage {
	if !configured {
		return nil
	}
	return s
}

// validate refuses a request that its definition does not allow. It counts
// nowhere (contract 4.1); who has spent a limit is not even read.
func (g *generation) validate(x *exchange.Exchange) bool {
	if g.validator.Request(x) {
		return true
	}
	g.throttle.Refund(x)
	return false
}

// replies are what happens to every answer before it is written, in order.
func (g *generation) replies() (list []func(*exchange.Exchange)) {
	add := func(configured bool, f func(*exchange.Exchange)) {
		if configured {
			list = append(list, f)
		}
	}
	add(g.cache != nil, g.cache.Reply) // what is stored is the backend's answer, as nobody else has seen it
	add(g.interceptors != nil, g.interceptors.Response)
	add(g.options.Config.Validation.Response, g.validator.Answer)
	add(true, g.throttle.Announce)
	add(g.cors != nil, g.cors.Reply)
	add(g.headers != nil, g.headers.Reply)
	return list
}

// dones are what happens once to every request that is over.
func (g *generation) dones() []func(*exchange.Exchange) {
	list := []func(*exchange.Exchange){g.backends.Done, g.throughput.Done, g.throttle.Done, g.gateway.record}
	if g.interceptors != nil {
		list = slices.Insert(list, 0, g.interceptors.Done)
	}
	if g.cache != nil {
		list = append(list, g.cache.Done)
	}
	return list
}

// route is the router's stage. Where an API has CORS settings, preflights are
// answered right behind it.
func (g *generation) route() exchange.Stage {
	if g.cors == nil {
		return g.router.Route
	}
	return g.cors.Route(g.router.Route)
}

// buildAnswers builds what works on answers. A room without anything to do is
// nil.
func (g *generation) buildAnswers() {
	g.cors = cors.New(g.options.Spec.APIs)
	g.headers = newHeaders(&g.options.Config.Server)
	stored := cache.Options{
		APIs:     g.options.Spec.APIs,
		Now:      g.clock.Now,
		Memory:   g.options.Config.Cached.Memory,
		MaxBody:  g.options.Config.Cached.MaxBody,
		Identity: identityFields(g.options.Config, g.options.Spec.APIs),
		Publish:  g.throttle.Publish,
	}
	if before := g.gateway.current(); before != nil {
		stored.Before = before.cache
	}
	g.cache = cache.New(stored)
}

// identityFields are the request fields in which a backend may find its
// caller's name or credential.
func identityFields(cfg *config.Config, apis []spec.API) []string {
	names := []string{cfg.Auth.BackendJWTHeader, cfg.Auth.Header, cfg.MutualTLS.CertificateHeader}
	for i := range apis {
		names = append(names, apis[i].AuthHeader)
		for j := range apis[i].Operations {
			names = append(names, apis[i].Operations[j].Security.KeyHeader)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

func newHeaders(s *config.Server) *headers.Headers {
	var rules []headers.Rule
	for _, h := range s.Headers {
		rules = append(rules, headers.Rule{Name: h.Name, Preserve: h.Preserve, Value: h.Override})
	}
	return headers.New(s.Header, rules)
}
