package config

import (
	"fmt"
	"strings"
	"testing"
)

// contractDefaults are the keys of contract section 8 with the defaults it
// gives: setting one of them must change nothing and say nothing.
const contractDefaults = `
listenerConfig.host = "0.0.0.0"
listenerConfig.httpPort = 9090
listenerConfig.httpsPort = 9095
listenerConfig.keyStorePassword = "ballerina"
listenerConfig.trustStorePassword = "ballerina"
listenerConfig.keepAlive = "AUTO"
listenerConfig.maxPipelinedRequests = 10
listenerConfig.maxUriLength = 4096
listenerConfig.maxHeaderSize = 8192
listenerConfig.maxEntityBodySize = -1
authConfig.authorizationHeader = "Authorization"
authConfig.removeAuthHeaderFromOutMessage = true
jwtConfig.header = "X-JWT-Assertion"
keyManager.tokenContext = "oauth2"
keyManager.enableIntrospectForFailedJWT = false
keyManager.enableLegacyMode = false
keyManager.enableLegacyKM = false
keyManager.remoteUserClaimRetrievalEnabled = false
keyManager.issuer = "https://localhost:9443/oauth2/token"
keyManager.timestampSkew = 5000
keyManager.username = ""
keyManager.password = ""
keyManager.external = false
keymanager.security.basic.enabled = true
keymanager.security.basic.username = "admin"
keymanager.security.basic.password = "admin"
keymanager.security.oauth2.enabled = false
keymanager.security.oauth2.credentialBearer = "AUTH_HEADER_BEARER"
keymanager.security.oauth2.tokenUrl = ""
keymanager.security.oauth2.clientCredential.enabled = false
keymanager.security.oauth2.clientCredential.clientId = ""
keymanager.security.oauth2.clientCredential.client_id = ""
keymanager.security.oauth2.clientCredential.clientSecret = ""
keymanager.security.oauth2.clientCredential.scopes = ""
keymanager.security.oauth2.password.enabled = false
keymanager.security.oauth2.password.username = ""
keymanager.security.oauth2.password.password = ""
keymanager.security.oauth2.directToken.enabled = false
keymanager.security.oauth2.directToken.accessToken = ""
keymanager.security.oauth2.refresh.enabled = false
keymanager.security.oauth2.refresh.refreshUrl = ""
keymanager.security.oauth2.refresh.refreshToken = ""
tokenRevocationConfig.realtime.enableRealtimeMessageRetrieval = false
tokenRevocationConfig.realtime.jmsConnectionTopic = "tokenRevocation"
tokenRevocationConfig.realtime.jmsConnectioninitialContextFactory = "wso2mbInitialContextFactory"
tokenRevocationConfig.realtime.jmsConnectionProviderUrl = "amqp://admin:admin@carbon/carbon?brokerlist='tcp://localhost:5672'"
tokenRevocationConfig.realtime.jmsConnectionUsername = ""
tokenRevocationConfig.realtime.jmsConnectionPassword = ""
tokenRevocationConfig.persistent.enablePersistentStorageRetrieval = false
tokenRevocationConfig.persistent.type = "default"
tokenRevocationConfig.persistent.useDefault = false
tokenRevocationConfig.persistent.endpointURL = "https://localhost:9443/internal/data/v1"
tokenRevocationConfig.persistent.username = "admin"
tokenRevocationConfig.persistent.password = "admin"
caching.enabled = true
caching.tokenCacheExpiryTime = 900000
caching.tokenCacheCapacity = 10000
caching.tokenCacheEvictionFactor = 0.25
analytics.streamVersion = "3.2.0"
analytics.fileUpload.enable = false
analytics.fileUpload.uploadingTimeSpanInMillis = 600000
analytics.fileUpload.initialDelayInMillis = 5000
analytics.fileUpload.uploadingEndpoint = "https://localhost:9444/analytics/v1.0/usage/upload-file"
analytics.fileUpload.rotatingPeriod = 600000
analytics.fileUpload.taskUploadFiles = true
analytics.fileUpload.username = "admin"
analytics.fileUpload.password = "admin"
analytics.gRPCAnalytics.enable = false
analytics.gRPCAnalytics.endpointURL = "https://localhost:9806"
analytics.gRPCAnalytics.reconnectTimeInMillies = 6000
analytics.gRPCAnalytics.timeoutInMillis = 2147483647
analytics.elkAnalytics.enable = false
analytics.choreoAnalytics.enable = false
analytics.choreoAnalytics.configEndpoint = "https://analytics-event-auth.choreo.dev/auth/v1"
analytics.choreoAnalytics.authToken = ""
validationConfig.enableRequestValidation = false
validationConfig.enableResponseValidation = false
validationConfig.maxBodySize = 1048576
http2.enable = true
httpClients.verifyHostname = true
httpClients.disableSslVerification = false
httpClients.enableHttp2 = true
httpClients.proxy.enable = false
httpClients.proxy.enableInternalServices = false
httpClients.proxy.host = ""
httpClients.proxy.port = 0
httpClients.proxy.username = ""
httpClients.proxy.password = ""
httpClients.poolConfig.maxActiveConnections = -1
httpClients.poolConfig.maxIdleConnections = 100
httpClients.poolConfig.waitTimeInMillis = 30000
httpClients.poolConfig.maxActiveStreamsPerConnection = 50
httpClients.sslConfig.protocolName = "TLS"
httpClients.sslConfig.keyStorePassword = "ballerina"
httpClients.sslConfig.trustStorePassword = "ballerina"
httpClients.sslConfig.verifyHostname = true
httpClients.trustStorePassword = "ballerina"
httpClients.responseLimits.maxStatusLineLength = 4096
httpClients.responseLimits.maxHeaderSize = 8192
httpClients.responseLimits.maxEntityBodySize = -1
mutualSSLConfig.protocolName = "TLS"
mutualSSLConfig.sslVerifyClient = "optional"
mutualSSLConfig.certificateHeaderName = "X-WSO2-CLIENT-CERTIFICATE"
mutualSSLConfig.isClientCertificateValidationEnabled = true
throttlingConfig.enabledGlobalTMEventPublishing = false
throttlingConfig.enableHeaderConditions = false
throttlingConfig.enableQueryParamConditions = false
throttlingConfig.enableJwtClaimConditions = false
throttlingConfig.jmsConnectioninitialContextFactory = "wso2mbInitialContextFactory"
throttlingConfig.jmsConnectionProviderUrl = "amqp://admin:admin@carbon/carbon?brokerlist='tcp://localhost:5672'"
throttlingConfig.jmsConnectionUsername = ""
throttlingConfig.jmsConnectionPassword = ""
throttlingConfig.throttleEndpointUrl = "https://localhost:9443/endpoints"
throttlingConfig.throttleEndpointbase64Header = "admin:admin"
throttlingConfig.dataRetriever.serverUrl = "https://localhost:9443/internal/data/v1"
throttlingConfig.dataRetriever.username = "admin"
throttlingConfig.dataRetriever.password = "admin"
throttlingConfig.nodeLocal.processThreadPoolCoreSize = 200
throttlingConfig.nodeLocal.processThreadPoolMaximumSize = 1000
throttlingConfig.nodeLocal.processThreadPoolKeepAliveTime = 200
throttlingConfig.nodeLocal.cleanUpFrequency = 3600
throttlingConfig.binary.username = "admin"
throttlingConfig.binary.password = "admin"
b7a.log.level = "INFO"
b7a.observability.metrics.enabled = false
b7a.observability.metrics.reporter = "prometheus"
b7a.observability.metrics.enableAuth = true
b7a.observability.metrics.prometheus.port = 9797
b7a.observability.metrics.prometheus.jmx_port = 8080
b7a.observability.metrics.prometheus.secure_port = 9000
b7a.observability.tracing.enabled = false
b7a.observability.tracing.name = "jaeger"
b7a.observability.tracing.jaeger.reporter.port = 5775
apikey.tokenConfigs.issuer = "https://localhost:9095/apikey"
apikey.tokenConfigs.certificateAlias = "ballerina"
apikey.tokenConfigs.validateAllowedAPIs = false
apikey.issuer.tokenConfig.enabled = true
apikey.issuer.tokenConfig.keyStorePassword = "ballerina"
apikey.issuer.tokenConfig.issuer = "https://localhost:9095/apikey"
apikey.issuer.tokenConfig.certificateAlias = "ballerina"
apikey.issuer.tokenConfig.validityTime = -1
jwtGeneratorConfig.jwtGeneratorEnabled = false
jwtGeneratorConfig.claimDialect = "http://wso2.org/claims"
jwtGeneratorConfig.signingAlgorithm = "SHA256withRSA"
jwtGeneratorConfig.certificateAlias = "ballerina"
jwtGeneratorConfig.privateKeyAlias = "ballerina"
jwtGeneratorConfig.tokenExpiry = 900000
jwtGeneratorConfig.restrictedClaims = []
jwtGeneratorConfig.issuer = "wso2.org/products/am"
jwtGeneratorConfig.audience = ["http://org.wso2.apimgt/gateway"]
jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheEnable = true
jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheExpiryTime = 900000
jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheCapacity = 10000
jwtGeneratorConfig.jwtGeneratorCaching.tokenCacheEvictionFactor = 0.25
server.timestampSkew = -1
server.header = ""
apim.eventHub.enable = false
apim.eventHub.serviceUrl = "https://localhost:9443"
apim.eventHub.internalDataContext = "/internal/data/v1/"
apim.eventHub.username = "admin"
apim.eventHub.password = "admin"
apim.eventHub.eventListeningEndpoints = "amqp://admin:admin@carbon/carbon?brokerlist='tcp://localhost:5672'"
apim.credentials.username = "admin"
apim.credentials.password = "admin"
security.validateSubscriptions = false
`

// ourDefaults are the keys that this project adds.
const ourDefaults = `
listenerConfig.tokenListenerPort = 0
listenerConfig.keyStorePath = ""
listenerConfig.trustStorePath = ""
listenerConfig.certificateFile = ""
listenerConfig.privateKeyFile = ""
listenerConfig.trustedProxies = []
listenerConfig.engine = "fast"
listenerConfig.timeouts.header = "10s"
listenerConfig.timeouts.body = "1m"
listenerConfig.timeouts.write = "60s"
listenerConfig.timeouts.idle = "120s"
listenerConfig.timeouts.tunnel = "0s"
listenerConfig.shutdownTimeout = "30s"
listenerConfig.shutdownDelay = "0s"
keyManager.serverUrl = ""
httpClients.legacyStatus = false
httpClients.dnsRefresh = "10s"
httpClients.certificateFile = ""
throttlingConfig.applicationKey = "application"
throttlingConfig.enableUnlimitedTier = true
throttlingConfig.ipv6Prefix = 64
throttlingConfig.memoryBudgetMB = 256
interceptorConfig.maxBodySize = 1048576
interceptorConfig.timeout = "10s"
responseCache.memoryBudgetMB = 64
responseCache.maxEntityBodySize = 1048576
throttlingConfig.rateLimitHeaders = "refused"
throttlingConfig.xRateLimitHeaders = false
throttlingConfig.throttleEndpointMode = "failover"
throttlingConfig.eventFormat = "array"
throttlingConfig.eventQueueSize = 32768
throttlingConfig.clockSkew = "5s"
throttlingConfig.decisionSource = "jms"
throttlingConfig.clusterMode = "trafficManager"
throttlingConfig.binary.enabled = false
throttlingConfig.redis.url = []
throttlingConfig.redis.database = 0
throttlingConfig.redis.cluster = false
throttlingConfig.redis.keyPrefix = "mgw"
throttlingConfig.redis.dialTimeout = "1s"
throttlingConfig.redis.timeout = "20ms"
throttlingConfig.redis.onFailure = "share"
throttlingConfig.redis.addressTiers = "lease"
throttlingConfig.redis.refusalStatus = 503
throttlingConfig.redis.windowHeader = false
mutualSSLConfig.protocolVersions = "TLSv1.2,TLSv1.3"
b7a.log.format = "text"
b7a.http.accesslog.console = false
b7a.http.accesslog.path = ""
b7a.http.accesslog.format = "text"
reloadConfig.watch = true
interceptorConfig.maxBodySize = 1048576
interceptorConfig.timeout = "10s"
adminConfig.enabled = false
adminConfig.host = "127.0.0.1"
adminConfig.port = 9091
adminConfig.token = ""
etcdbasepath = "/v3"
etcdtimer = 10000
`

func TestSettingAKeyToItsDefaultChangesNothing(t *testing.T) {
	plain, list := load(t, "", Source{})
	if len(list) > 0 {
		t.Fatal(list)
	}
	want := reveal(plain)
	for line := range strings.Lines(contractDefaults + ourDefaults) {
		if line == "\n" {
			continue
		}
		c, list := load(t, line, Source{})
		if len(list) > 0 {
			t.Errorf("%s gives %v", strings.TrimSpace(line), list)
		}
		if got := reveal(c); got != want {
			t.Errorf("%s changes the configuration", strings.TrimSpace(line))
		}
	}
}

// reveal prints a configuration with its secrets, which Format would hide.
func reveal(c *Config) string {
	type open struct {
		C       Config
		Secrets []string
	}
	o := open{C: *c}
	for _, s := range []Secret{
		c.Listener.KeyStore.Password, c.Listener.TrustStore.Password, c.KeyManager.BasicAccount.Password,
		c.KeyManager.AccessToken, c.KeyManager.RefreshToken, c.Revocation.ProviderURL, c.Revocation.Broker.Password,
		c.Revocation.PersistentAccount.Password, c.APIKey.KeyStore.Password, c.Throttling.Manager.ProviderURL,
		c.Throttling.Manager.Broker.Password, c.Throttling.Manager.Credentials, c.Throttling.Manager.RetrieverAccount.Password,
		c.Clients.TrustStore.Password, c.Clients.KeyStore.Password, c.Clients.Proxy.Account.Password,
		c.EventHub.Account.Password, c.ClaimsUser.Password, c.Admin.Token,
	} {
		o.Secrets = append(o.Secrets, s.Reveal())
	}
	return fmt.Sprintf("%+v", o)
}

// Every key outside the lists above has no default of its own: a name, a file,
// a secret of something that is off.
func TestEveryKeyIsInTheListOfDefaults(t *testing.T) {
	without := map[string]bool{}
	for _, path := range strings.Fields(`
		etcdurl etcdusername etcdpassword api.usage.data.path keyManager.certificateFile keyManager.roleClaim mutualSSLConfig.ciphers
		tokenRevocationConfig.persistent.hostname throttlingConfig.certificateFile throttlingConfig.redis.username
		throttlingConfig.redis.password throttlingConfig.redis.sentinelMaster throttlingConfig.redis.sentinelPassword
		throttlingConfig.redis.certificateFile throttlingConfig.policiesFile httpClients.trustStorePath httpClients.sslConfig.keyStorePath
		httpClients.sslConfig.trustStorePath httpClients.sslConfig.protocolVersions httpClients.sslConfig.ciphers
		apikey.issuer.tokenConfig.keyStorePath jwtGeneratorConfig.generatorImpl jwtGeneratorConfig.claimRetrieval
		apikey.tokenConfigs.audience apikey.issuer.tokenConfig.audience apim.eventHub.service_url apim.eventHub.listOfTenants
		keymanager.security.oauth2.password.clientId keymanager.security.oauth2.password.client_id
		keymanager.security.oauth2.password.clientSecret keymanager.security.oauth2.password.scopes
		keymanager.security.oauth2.refresh.clientId keymanager.security.oauth2.refresh.client_id
		keymanager.security.oauth2.refresh.clientSecret keymanager.security.oauth2.refresh.scopes`) {
		without[path] = true
	}
	l := &loader{cfg: &Config{}}
	root := tree(l.keys())
	root.leaves("", func(path string, k *key) {
		plain := k.path // of a File key, the secret's
		if k.secret {
			plain = strings.TrimSuffix(path, "File")
		}
		listed := strings.Contains("\n"+contractDefaults+ourDefaults, "\n"+plain+" = ")
		agent := strings.HasPrefix(path, "throttlingConfig.binary.")
		if !listed && !without[plain] && !agent {
			t.Errorf("%s is in no list", path)
		}
	})
}

func TestDefaultsThatDifferFromTheOriginals(t *testing.T) {
	for conf, want := range map[string]string{
		"keyManager.serverUrl = 'https://localhost:9443'":             "",
		"mutualSSLConfig.protocolVersions = 'TLSv1.2,TLSv1.1'":        "mutualSSLConfig.protocolVersions is not supported yet and has no effect",
		"throttlingConfig.binary.enabled = true":                      "throttlingConfig.binary.enabled cannot be true: the binary protocol is not supported, events travel over HTTP to throttlingConfig.throttleEndpointUrl",
		"b7a.users.admin.password = 'd033e22ae348aeb5660fc2140aec35'": "",
	} {
		c, list := load(t, conf+"\n", Source{})
		got := ""
		for _, p := range list {
			got += p.Msg
		}
		if plain, _ := load(t, "", Source{}); got != want || got == "" && reveal(c) == reveal(plain) {
			t.Errorf("%s gives %q", conf, got)
		}
	}
}
