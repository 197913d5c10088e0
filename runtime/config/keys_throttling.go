package config

import "time"

const (
	contextFactory  = "wso2mbInitialContextFactory"
	defaultProvider = "amqp://admin:admin@carbon/carbon?brokerlist='tcp://localhost:5672'"
	defaultManager  = "https://localhost:9443/endpoints"
)

func (l *loader) throttlingKeys() []key {
	c, m := &l.cfg.Throttling, &l.cfg.Throttling.Manager
	const table = "throttlingConfig."
	return []key{
		{path: table + "applicationKey", set: word(&c.ApplicationKey, "application", "applicationUser")},
		{path: table + "enableUnlimitedTier", set: flag(&c.EnableUnlimitedTier, true)},
		{path: table + "ipv6Prefix", set: number(&c.IPv6Prefix, 64, 1, 128)},
		{path: table + "memoryBudgetMB", set: megabytes(&c.MemoryBudget, 256)},
		{path: table + "rateLimitHeaders", set: word(&c.RateLimitHeaders, "refused", "always", "off")},
		{path: table + "xRateLimitHeaders", set: flag(&c.XRateLimitHeaders, false)},
		{path: table + "policiesFile", set: fileName(&c.PoliciesFile, "")},
		{path: table + "enableHeaderConditions", set: flag(&c.HeaderConditions, false)},
		{path: table + "enableQueryParamConditions", set: flag(&c.QueryConditions, false)},
		{path: table + "enableJwtClaimConditions", set: flag(&c.ClaimConditions, false)},
		{path: table + "enabledGlobalTMEventPublishing", set: flag(&m.Enabled, false)},
		{path: table + "jmsConnectioninitialContextFactory", status: unused, set: text(new(string), contextFactory)},
		{path: table + "jmsConnectionProviderUrl", set: secret(&m.ProviderURL, defaultProvider), secret: true},
		{path: table + "jmsConnectionUsername", set: text(&m.Broker.Username, "")},
		{path: table + "jmsConnectionPassword", set: secret(&m.Broker.Password, ""), secret: true},
		{path: table + "throttleEndpointUrl", set: links(&m.Endpoints, defaultManager)},
		{path: table + "throttleEndpointMode", set: word(&m.EndpointMode, "failover", "all")},
		{path: table + "throttleEndpointbase64Header", set: secret(&m.Credentials, "admin:admin"), secret: true},
		{path: table + "certificateFile", set: fileName(&m.CertificateFile, "")},
		{path: table + "eventFormat", set: word(&m.EventFormat, "array", "single")},
		{path: table + "eventQueueSize", set: number(&m.QueueSize, 32768, 1, 1<<22)},
		{path: table + "clockSkew", set: span(&m.ClockSkew, 5*time.Second, 0, 0)},
		{path: table + "decisionSource", set: word(&m.DecisionSource, "jms", "poll")},
		{path: table + "dataRetriever.serverUrl", set: link(&m.Retriever, "https://localhost:9443/internal/data/v1")},
		{path: table + "dataRetriever.username", set: text(&m.RetrieverAccount.Username, "admin")},
		{path: table + "dataRetriever.password", set: secret(&m.RetrieverAccount.Password, "admin"), secret: true},
		// Counting is part of the decision here: there is no pool of threads for it.
		{path: table + "nodeLocal.processThreadPoolCoreSize", status: unused, set: number(new(int), 200, 0, 1<<20)},
		{path: table + "nodeLocal.processThreadPoolMaximumSize", status: unused, set: number(new(int), 1000, 0, 1<<20)},
		{path: table + "nodeLocal.processThreadPoolKeepAliveTime", status: unused, set: number(new(int), 200, 0, 1<<20)},
		{path: table + "nodeLocal.cleanUpFrequency", status: unused, set: number(new(int), 3600, 0, 1<<30)},
	}
}

func (l *loader) leaseKeys() []key {
	c := &l.cfg.Throttling.Redis
	const table = "throttlingConfig.redis."
	return []key{
		{path: "throttlingConfig.clusterMode", set: word(&l.cfg.Throttling.ClusterMode, "trafficManager", "lease")},
		{path: table + "url", set: secrets(&c.URLs), secret: true},
		{path: table + "username", set: text(&c.Account.Username, "")},
		{path: table + "password", set: secret(&c.Account.Password, ""), secret: true},
		{path: table + "database", set: number(&c.Database, 0, 0, 1<<16)},
		{path: table + "sentinelMaster", set: text(&c.SentinelMaster, "")},
		{path: table + "sentinelPassword", set: secret(&c.SentinelPassword, ""), secret: true},
		{path: table + "cluster", set: flag(&c.Cluster, false)},
		{path: table + "certificateFile", set: fileName(&c.CertificateFile, "")},
		{path: table + "keyPrefix", set: text(&c.KeyPrefix, "mgw")},
		{path: table + "dialTimeout", set: span(&c.DialTimeout, time.Second, time.Millisecond, 0)},
		{path: table + "timeout", set: span(&c.Timeout, 20*time.Millisecond, time.Millisecond, 0)},
		{path: table + "onFailure", set: word(&c.OnFailure, "share", "open", "closed")},
		{path: table + "addressTiers", set: word(&c.AddressTiers, "lease", "share")},
		{path: table + "refusalStatus", set: oneOf(&c.RefusalStatus, 503, 429)},
		{path: table + "windowHeader", set: flag(&c.WindowHeader, false)},
	}
}

// binaryKeys are those of the binary event protocol, which is not spoken here.
func (l *loader) binaryKeys() []key {
	const table = "throttlingConfig.binary."
	keys := []key{
		// On by default in the original; HTTP is the way here.
		{path: table + "enabled", set: must(false, "cannot be true: the binary protocol is not supported, events travel over HTTP to throttlingConfig.throttleEndpointUrl")},
		{path: table + "username", status: unused, set: text(new(string), "admin")},
		{path: table + "password", status: unused, set: secret(new(Secret), "admin"), secret: true},
		{path: table + "URLGroup", status: unused, each: func() []key {
			return []key{{path: "receiverURL", set: ignored}, {path: "authURL", set: ignored}, {path: "type", set: ignored}}
		}},
	}
	for _, name := range []string{
		"publisherPool.maxIdle", "publisherPool.initIdleCapacity",
		"publisherThreadPool.corePoolSize", "publisherThreadPool.maxPoolSize", "publisherThreadPool.keepAliveTime",
		"agent.sslEnabledProtocols", "agent.ciphers", "agent.queueSize", "agent.batchSize", "agent.corePoolSize",
		"agent.maxPoolSize", "agent.keepAliveTimeInPool", "agent.socketTimeoutMS", "agent.reconnectionInterval",
		"agent.maxTransportPoolSize", "agent.maxIdleConnections", "agent.evictionTimePeriod", "agent.minIdleTimeInPool",
		"agent.secureMaxIdleTransportPoolSize", "agent.secureMaxIdleConnections", "agent.secureEvictionTimePeriod",
		"agent.secureMinIdleTimeInPool",
	} {
		keys = append(keys, key{path: table + name, status: unused, set: ignored})
	}
	return keys
}
