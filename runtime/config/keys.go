package config

import "time"

// keys is the table of known keys: contract section 8 and what this project
// adds. Making it puts the defaults in place. Where a default differs from the
// original's, the reason stands beside it.
func (l *loader) keys() []key {
	var all []key
	for _, section := range [][]key{
		l.listenerKeys(), l.authKeys(), l.keyManagerKeys(), l.issuerKeys(), l.revocationKeys(), l.apiKeyKeys(),
		l.backendJWTKeys(), l.mutualTLSKeys(), l.throttlingKeys(), l.leaseKeys(), l.binaryKeys(), l.clientKeys(),
		l.serverKeys(), l.reloadKeys(), l.observabilityKeys(), l.hubKeys(), l.analyticsKeys(), l.etcdKeys(),
	} {
		all = append(all, section...)
	}
	return all
}

func (l *loader) listenerKeys() []key {
	c := &l.cfg.Listener
	const anySize = 1 << 62
	return []key{
		{path: "listenerConfig.host", set: text(&c.Host, "0.0.0.0")},
		{path: "listenerConfig.httpPort", set: port(&c.HTTPPort, 9090)},
		{path: "listenerConfig.httpsPort", set: port(&c.HTTPSPort, 9095)},
		// Another port is opened for those who ask for it; the configurations of the original name 9096.
		{path: "listenerConfig.tokenListenerPort", set: port(&c.TokenPort, 0)},
		// No key store ships with the gateway: without one it makes a certificate at start.
		{path: "listenerConfig.keyStorePath", set: fileName(&c.KeyStore.Path, "")},
		{path: "listenerConfig.keyStorePassword", set: secret(&c.KeyStore.Password, "ballerina"), secret: true},
		{path: "listenerConfig.trustStorePath", set: fileName(&c.TrustStore.Path, "")},
		{path: "listenerConfig.trustStorePassword", set: secret(&c.TrustStore.Password, "ballerina"), secret: true},
		{path: "listenerConfig.certificateFile", set: fileName(&c.CertificateFile, "")},
		{path: "listenerConfig.privateKeyFile", set: fileName(&c.PrivateKeyFile, "")},
		{path: "listenerConfig.keepAlive", set: word(&c.KeepAlive, "AUTO", "ALWAYS", "NEVER")},
		// Requests of a connection are served one after the other: the next is not read before.
		{path: "listenerConfig.maxPipelinedRequests", status: unused, set: number(new(int), 10, 1, 1<<16)},
		{path: "listenerConfig.maxUriLength", set: number(&c.MaxURILength, 4096, 1, 1<<20)},
		{path: "listenerConfig.maxHeaderSize", set: number(&c.MaxHeaderSize, 8192, 128, 1<<24)},
		{path: "listenerConfig.maxEntityBodySize", set: number(&c.MaxBodySize, -1, -1, anySize)},
		{path: "listenerConfig.trustedProxies", set: prefixes(&c.TrustedProxies)},
		{path: "listenerConfig.engine", set: word(&c.Engine, "fast", "standard")},
		{path: "listenerConfig.timeouts.header", set: span(&c.HeaderTimeout, 10*time.Second, time.Millisecond, 0)},
		{path: "listenerConfig.timeouts.body", set: span(&c.BodyTimeout, time.Minute, time.Millisecond, 0)},
		{path: "listenerConfig.timeouts.write", set: span(&c.WriteTimeout, time.Minute, time.Millisecond, 0)},
		{path: "listenerConfig.timeouts.idle", set: span(&c.IdleTimeout, 2*time.Minute, time.Millisecond, 0)},
		// TCP's keep-alive finds peers that have vanished: silence alone is no reason.
		{path: "listenerConfig.timeouts.tunnel", set: span(&c.TunnelTimeout, 0, 0, 0)},
		{path: "listenerConfig.shutdownDelay", set: span(&c.ShutdownDelay, 0, 0, 0)},
		{path: "listenerConfig.shutdownTimeout", set: span(&c.ShutdownTimeout, 30*time.Second, 0, 0)},
		{path: "http2.enable", set: flag(&c.HTTP2, true)},
	}
}

func (l *loader) clientKeys() []key {
	c := &l.cfg.Clients
	const anySize = 1 << 62
	return []key{
		// The original's other clients; here no host name of theirs goes unchecked.
		{path: "httpClients.verifyHostname", set: must(true, "cannot be false: for backends, use httpClients.sslConfig.verifyHostname")},
		{path: "httpClients.disableSslVerification", set: flag(&c.SkipVerify, false)},
		{path: "httpClients.enableHttp2", set: flag(&c.HTTP2, true)},
		{path: "httpClients.dnsRefresh", set: span(&c.DNSRefresh, 10*time.Second, 0, 0)},
		{path: "httpClients.legacyStatus", set: flag(&c.LegacyStatus, false)},
		{path: "httpClients.certificateFile", set: fileName(&c.CertificateFile, "")},
		{path: "httpClients.trustStorePath", set: fileName(&c.TrustStore.Path, "")},
		{path: "httpClients.trustStorePassword", set: secret(&c.TrustStore.Password, "ballerina"), secret: true},
		{path: "httpClients.proxy.enable", set: flag(&c.Proxy.Enabled, false)},
		{path: "httpClients.proxy.enableInternalServices", set: flag(&c.Proxy.Internal, false)},
		{path: "httpClients.proxy.host", set: text(&c.Proxy.Host, "")},
		{path: "httpClients.proxy.port", set: port(&c.Proxy.Port, 0)},
		{path: "httpClients.proxy.username", set: text(&c.Proxy.Account.Username, "")},
		{path: "httpClients.proxy.password", set: secret(&c.Proxy.Account.Password, ""), secret: true},
		{path: "httpClients.poolConfig.maxActiveConnections", set: number(&c.MaxActive, -1, -1, 1<<20)},
		{path: "httpClients.poolConfig.maxIdleConnections", set: number(&c.MaxIdle, 100, 0, 1<<20)},
		{path: "httpClients.poolConfig.waitTimeInMillis", set: span(&c.Wait, 30*time.Second, 0, time.Millisecond)},
		{path: "httpClients.poolConfig.maxActiveStreamsPerConnection", set: number(&c.MaxStreams, 50, 1, 1<<20)},
		{path: "httpClients.responseLimits.maxStatusLineLength", set: number(&c.MaxStatusLine, 4096, 1, 1<<20)},
		{path: "httpClients.responseLimits.maxHeaderSize", set: number(&c.MaxHeaderSize, 8192, 128, 1<<24)},
		{path: "httpClients.responseLimits.maxEntityBodySize", set: number(&c.MaxBodySize, -1, -1, anySize)},
		{path: "httpClients.sslConfig.keyStorePath", set: fileName(&c.KeyStore.Path, "")},
		{path: "httpClients.sslConfig.keyStorePassword", set: secret(&c.KeyStore.Password, "ballerina"), secret: true},
		{path: "httpClients.sslConfig.trustStorePath", set: fileName(&c.MoreTrust.Path, "")},
		{path: "httpClients.sslConfig.trustStorePassword", set: secret(&c.MoreTrust.Password, "ballerina"), secret: true},
		{path: "httpClients.sslConfig.verifyHostname", set: flag(&c.VerifyHostname, true)},
		{path: "httpClients.sslConfig.protocolName", status: unused, set: text(new(string), "TLS")},
		{path: "httpClients.sslConfig.protocolVersions", status: unused, set: ignored},
		{path: "httpClients.sslConfig.ciphers", status: unused, set: ignored},
	}
}

func (l *loader) serverKeys() []key {
	c := &l.cfg.Server
	return []key{
		{path: "server.header", set: text(&c.Header, "")},
		{path: "server.headerConf", each: func() []key {
			h := new(HeaderOverride)
			c.Headers = append(c.Headers, h)
			return []key{
				{path: "headerName", set: text(&h.Name, "")},
				{path: "preserveHeader", set: flag(&h.Preserve, false)},
				{path: "overrideValue", set: text(&h.Override, "ballerina")},
			}
		}},
		{path: "interceptorConfig.maxBodySize", set: number(&l.cfg.Interceptors.MaxBodySize, 1<<20, 1, 1<<30)},
		{path: "interceptorConfig.timeout", set: span(&l.cfg.Interceptors.Timeout, 10*time.Second, time.Millisecond, 0)},
		{path: "responseCache.memoryBudgetMB", set: megabytes(&l.cfg.Cached.Memory, 64)},
		{path: "responseCache.maxEntityBodySize", set: number(&l.cfg.Cached.MaxBody, 1<<20, 1, 1<<30)},
		{path: "validationConfig.enableRequestValidation", set: flag(&l.cfg.Validation.Request, false)},
		{path: "validationConfig.enableResponseValidation", set: flag(&l.cfg.Validation.Response, false)},
		{path: "validationConfig.maxBodySize", set: number(&l.cfg.Validation.MaxBodySize, 1<<20, 1, 1<<30)},
	}
}

func (l *loader) observabilityKeys() []key {
	c := l.cfg
	return []key{
		{path: "b7a.log.level", set: word(&c.Log.Level, "INFO", "TRACE", "DEBUG", "WARN", "ERROR", "OFF")},
		{path: "b7a.log.format", set: word(&c.Log.Format, "text", "json")},
		{path: "b7a.http.accesslog.console", set: flag(&c.AccessLog.Console, false)},
		{path: "b7a.http.accesslog.path", set: fileName(&c.AccessLog.Path, "")},
		{path: "b7a.http.accesslog.format", set: word(&c.AccessLog.Format, "text", "json")},
		{path: "adminConfig.enabled", set: flag(&c.Admin.Enabled, false)},
		{path: "adminConfig.host", set: text(&c.Admin.Host, "127.0.0.1")},
		{path: "adminConfig.port", set: port(&c.Admin.Port, 9091)},
		{path: "adminConfig.token", set: secret(&c.Admin.Token, ""), secret: true},
		{path: "b7a.observability.metrics.enabled", status: later, set: flag(new(bool), false)},
		{path: "b7a.observability.metrics.reporter", status: later, set: text(new(string), "prometheus")},
		{path: "b7a.observability.metrics.enableAuth", status: later, set: flag(new(bool), true)},
		{path: "b7a.observability.metrics.prometheus.port", status: later, set: port(new(int), 9797)},
		{path: "b7a.observability.metrics.prometheus.jmx_port", status: later, set: port(new(int), 8080)},
		{path: "b7a.observability.metrics.prometheus.secure_port", status: later, set: port(new(int), 9000)},
		{path: "b7a.observability.tracing.enabled", status: later, set: flag(new(bool), false)},
		{path: "b7a.observability.tracing.name", status: later, set: text(new(string), "jaeger")},
		{path: "b7a.observability.tracing.jaeger.reporter.port", status: later, set: port(new(int), 5775)},
	}
}
