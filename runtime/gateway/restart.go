package gateway

import (
	"reflect"

	"mgw/runtime/config"
)

// fixed are the keys whose values a gateway keeps from its start to its end:
// sockets and what their connections are held to, memory, ties to other
// machines, the shape of logs.
var fixed = []struct {
	key string
	of  func(*config.Config) any // a pointer to the value
}{
	{"listenerConfig.host", func(c *config.Config) any { return &c.Listener.Host }},
	{"listenerConfig.httpPort", func(c *config.Config) any { return &c.Listener.HTTPPort }},
	{"listenerConfig.httpsPort", func(c *config.Config) any { return &c.Listener.HTTPSPort }},
	{"listenerConfig.engine", func(c *config.Config) any { return &c.Listener.Engine }},
	{"listenerConfig.keepAlive", func(c *config.Config) any { return &c.Listener.KeepAlive }},
	{"listenerConfig.maxUriLength", func(c *config.Config) any { return &c.Listener.MaxURILength }},
	{"listenerConfig.maxHeaderSize", func(c *config.Config) any { return &c.Listener.MaxHeaderSize }},
	{"listenerConfig.maxEntityBodySize", func(c *config.Config) any { return &c.Listener.MaxBodySize }},
	{"listenerConfig.timeouts.header", func(c *config.Config) any { return &c.Listener.HeaderTimeout }},
	{"listenerConfig.timeouts.body", func(c *config.Config) any { return &c.Listener.BodyTimeout }},
	{"listenerConfig.timeouts.write", func(c *config.Config) any { return &c.Listener.WriteTimeout }},
	{"listenerConfig.timeouts.idle", func(c *config.Config) any { return &c.Listener.IdleTimeout }},
	{"listenerConfig.timeouts.tunnel", func(c *config.Config) any { return &c.Listener.TunnelTimeout }},
	{"listenerConfig.tokenListenerPort", func(c *config.Config) any { return &c.Listener.TokenPort }},
	{"http2.enable", func(c *config.Config) any { return &c.Listener.HTTP2 }},
	{"throttlingConfig.memoryBudgetMB", func(c *config.Config) any { return &c.Throttling.MemoryBudget }},
	{"throttlingConfig.clusterMode", func(c *config.Config) any { return &c.Throttling.ClusterMode }},
	{"throttlingConfig.enableHeaderConditions", func(c *config.Config) any { return &c.Throttling.HeaderConditions }},
	{"throttlingConfig.enableQueryParamConditions", func(c *config.Config) any { return &c.Throttling.QueryConditions }},
	{"throttlingConfig.enableJwtClaimConditions", func(c *config.Config) any { return &c.Throttling.ClaimConditions }},
	{"throttlingConfig (traffic manager)", func(c *config.Config) any { return &c.Throttling.Manager }},
	{"throttlingConfig.redis", func(c *config.Config) any { return &c.Throttling.Redis }},
	{"tokenRevocationConfig", func(c *config.Config) any { return &c.Revocation }},
	{"b7a.log.format", func(c *config.Config) any { return &c.Log.Format }},
	{"b7a.http.accesslog", func(c *config.Config) any { return &c.AccessLog }},
	{"adminConfig.enabled", func(c *config.Config) any { return &c.Admin.Enabled }},
	{"adminConfig.host", func(c *config.Config) any { return &c.Admin.Host }},
	{"adminConfig.port", func(c *config.Config) any { return &c.Admin.Port }},
	{"reloadConfig.watch", func(c *config.Config) any { return &c.Reload.Watch }},
}

// keepFixed gives a configuration the values that cannot change, and names the
// keys of which it had others.
func keepFixed(running, next *config.Config) (changed []string) {
	for _, f := range fixed {
		is, wanted := reflect.ValueOf(f.of(running)).Elem(), reflect.ValueOf(f.of(next)).Elem()
		if !reflect.DeepEqual(is.Interface(), wanted.Interface()) {
			wanted.Set(is)
			changed = append(changed, f.key)
		}
	}
	return changed
}
