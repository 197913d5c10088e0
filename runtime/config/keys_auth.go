package config

import "time"

// defaultIssuer is what the original takes a token's issuer to be.
const defaultIssuer = "https://localhost:9443/oauth2/token"

func (l *loader) authKeys() []key {
	c, users := &l.cfg.Auth, l.cfg
	return []key{
		{path: "authConfig.authorizationHeader", set: text(&c.Header, "Authorization")},
		{path: "authConfig.removeAuthHeaderFromOutMessage", set: flag(&c.RemoveHeader, true)},
		{path: "jwtConfig.header", set: text(&c.BackendJWTHeader, "X-JWT-Assertion")},
		{path: "security.validateSubscriptions", set: flag(&c.ValidateSubscriptions, false)},
		{path: "server.timestampSkew", set: span(&l.skew, -time.Millisecond, -time.Millisecond, time.Millisecond)},
		{path: "caching.enabled", status: later, set: flag(&l.cfg.TokenCache.Enabled, true)},
		{path: "caching.tokenCacheExpiryTime", status: later, set: span(&l.cfg.TokenCache.Expiry, 900000*time.Second, time.Second, time.Second)},
		{path: "caching.tokenCacheCapacity", set: number(&l.cfg.TokenCache.Capacity, 10000, 1, 1<<24)},
		{path: "caching.tokenCacheEvictionFactor", status: unused, set: fraction(&l.cfg.TokenCache.Eviction, 0.25)},
		// The original comes with admin/admin; here there is no user until one is configured.
		{path: "b7a.users", named: func(name string) []key {
			u := &User{Name: name}
			users.Users = append(users.Users, u)
			return []key{
				{path: "password", set: secret(&u.Password, ""), secret: true},
				{path: "scopes", set: texts(&u.Scopes)},
			}
		}},
	}
}

func (l *loader) issuerKeys() []key {
	return []key{{path: "jwtTokenConfig", lone: true, each: func() []key {
		i := new(Issuer)
		l.cfg.Issuers = append(l.cfg.Issuers, i)
		return []key{
			{path: "issuer", set: text(&i.Issuer, defaultIssuer)},
			{path: "audience", set: text(&i.Audience, "")},
			{path: "certificateAlias", set: text(&i.CertificateAlias, "")},
			{path: "certificateFile", set: fileName(&i.CertificateFile, "")},
			{path: "jwksURL", set: link(&i.JWKSURL, "")},
			{path: "validateSubscription", set: flag(&i.ValidateSubscription, false)},
			// The original's "aud" would make one application of all clients of an ordinary provider; empty
			// means consumerKey, client_id or azp.
			{path: "consumerKeyClaim", set: text(&i.ConsumerKeyClaim, "")},
			{path: "roleClaim", set: text(&i.RoleClaim, "")},
			{path: "development", set: flag(&i.Development, false)},
			{path: "remoteUserClaimRetrievalEnabled", status: later, set: flag(&i.RemoteClaims, false)},
			{path: "claimMapperClassName", status: unused, set: text(new(string), "")},
			{path: "claims", each: func() []key {
				m := new(ClaimMapping)
				i.Claims = append(i.Claims, m)
				return []key{
					{path: "remoteClaim", set: text(&m.Remote, "")},
					{path: "localClaim", set: text(&m.Local, "")},
				}
			}},
		}
	}}}
}

func (l *loader) keyManagerKeys() []key {
	c := &l.cfg.KeyManager
	const security = "keymanager.security."
	keys := []key{
		// The original asks https://localhost:9443 about every opaque token; here there is no key manager until one is named.
		{path: "keyManager.serverUrl", set: link(&c.ServerURL, "")},
		{path: "keyManager.tokenContext", set: text(&c.TokenContext, "oauth2")},
		{path: "keyManager.enableIntrospectForFailedJWT", set: flag(&c.IntrospectFailedJWT, false)},
		{path: "keyManager.enableLegacyMode", status: unused, set: flag(&c.LegacyMode, false)},
		{path: "keyManager.enableLegacyKM", status: unused, set: flag(new(bool), false)},
		{path: "keyManager.remoteUserClaimRetrievalEnabled", status: later, set: flag(&c.RemoteClaims, false)},
		{path: "keyManager.issuer", status: later, set: text(&c.Issuer, defaultIssuer)},
		{path: "keyManager.timestampSkew", set: span(&l.keyManagerSkew, 5*time.Second, 0, time.Millisecond)},
		{path: "keyManager.username", set: text(&l.oldAccount.Username, "")},
		{path: "keyManager.password", set: secret(&l.oldAccount.Password, ""), secret: true},
		{path: "keyManager.external", status: unused, set: flag(new(bool), false)},
		{path: "keyManager.certificateFile", set: fileName(&c.TrustedCertificateFile, "")},
		{path: "keyManager.roleClaim", set: text(&c.RoleClaim, "")},
		{path: security + "basic.enabled", set: flag(&c.Basic, true)},
		{path: security + "basic.username", set: text(&c.BasicAccount.Username, "admin")},
		{path: security + "basic.password", set: secret(&c.BasicAccount.Password, "admin"), secret: true},
		{path: security + "oauth2.enabled", status: later, set: flag(&c.OAuth2, false)},
		{path: security + "oauth2.credentialBearer", status: later, set: text(&c.CredentialBearer, "AUTH_HEADER_BEARER")},
		{path: security + "oauth2.tokenUrl", status: later, set: link(&c.TokenURL, "")},
		{path: security + "oauth2.directToken.enabled", set: flag(&c.DirectToken, false)},
		{path: security + "oauth2.directToken.accessToken", set: secret(&c.AccessToken, ""), secret: true},
		{path: security + "oauth2.refresh.refreshUrl", status: later, set: link(&c.RefreshURL, "")},
		{path: security + "oauth2.refresh.refreshToken", status: later, set: secret(&c.RefreshToken, ""), secret: true},
		{path: security + "oauth2.password.username", status: later, set: text(&c.PasswordGrant.Account.Username, "")},
		{path: security + "oauth2.password.password", status: later, set: secret(&c.PasswordGrant.Account.Password, ""), secret: true},
	}
	keys = append(keys, grantKeys(security+"oauth2.clientCredential.", &c.ClientCredentials)...)
	keys = append(keys, grantKeys(security+"oauth2.password.", &c.PasswordGrant)...)
	return append(keys, grantKeys(security+"oauth2.refresh.", &c.RefreshGrant)...)
}

func grantKeys(table string, g *OAuth2Grant) []key {
	return []key{
		{path: table + "enabled", status: later, set: flag(&g.Enabled, false)},
		{path: table + "clientId", status: later, set: text(&g.ClientID, "")},
		{path: table + "client_id", status: later, set: text(&g.ClientID, "")}, // what the original's code reads
		{path: table + "clientSecret", status: later, set: secret(&g.ClientSecret, ""), secret: true},
		{path: table + "scopes", status: later, set: texts(&g.Scopes)},
	}
}

func (l *loader) revocationKeys() []key {
	c := &l.cfg.Revocation
	const realtime, persistent = "tokenRevocationConfig.realtime.", "tokenRevocationConfig.persistent."
	return []key{
		{path: realtime + "enableRealtimeMessageRetrieval", set: flag(&c.Realtime, false)},
		{path: realtime + "jmsConnectionTopic", set: text(&c.Topic, "tokenRevocation")},
		{path: realtime + "jmsConnectioninitialContextFactory", status: unused, set: text(new(string), contextFactory)},
		{path: realtime + "jmsConnectionProviderUrl", set: secret(&c.ProviderURL, defaultProvider), secret: true},
		{path: realtime + "jmsConnectionUsername", set: text(&c.Broker.Username, "")},
		{path: realtime + "jmsConnectionPassword", set: secret(&c.Broker.Password, ""), secret: true},
		{path: persistent + "enablePersistentStorageRetrieval", set: flag(&c.Persistent, false)},
		{path: persistent + "type", set: word(&c.PersistentType, "default", "etcd", "custom")},
		{path: persistent + "useDefault", set: flag(&l.oldEtcd, false)},
		// Code and template of the original disagree; the template's defaults fit the default type.
		{path: persistent + "endpointURL", set: link(&c.PersistentURL, "https://localhost:9443/internal/data/v1")},
		{path: persistent + "hostname", set: link(&l.oldHostname, "")},
		{path: persistent + "username", set: text(&c.PersistentAccount.Username, "admin")},
		{path: persistent + "password", set: secret(&c.PersistentAccount.Password, "admin"), secret: true},
	}
}

func (l *loader) mutualTLSKeys() []key {
	c := &l.cfg.MutualTLS
	return []key{
		{path: "mutualSSLConfig.protocolName", status: unused, set: text(new(string), "TLS")},
		// The original offers 1.1 as well, which RFC 8996 forbids.
		{path: "mutualSSLConfig.protocolVersions", status: later, set: texts(&c.ProtocolVersions, "TLSv1.2", "TLSv1.3")},
		{path: "mutualSSLConfig.ciphers", status: later, set: texts(&c.Ciphers)},
		{path: "mutualSSLConfig.sslVerifyClient", set: word(&c.VerifyClient, "optional", "require")},
		{path: "mutualSSLConfig.certificateHeaderName", set: text(&c.CertificateHeader, "X-WSO2-CLIENT-CERTIFICATE")},
		{path: "mutualSSLConfig.isClientCertificateValidationEnabled", set: flag(&c.ValidateClient, true)},
		{path: "mutualSSLConfig.api.certificates", each: func() []key {
			a := new(APICertificates)
			c.Certificates = append(c.Certificates, a)
			return []key{
				{path: "name", set: text(&a.Name, "")},
				{path: "version", set: text(&a.Version, "")},
				{path: "aliasList", set: texts(&a.Aliases)},
			}
		}},
	}
}

func (l *loader) apiKeyKeys() []key {
	c := &l.cfg.APIKey
	const check, issue, issuer = "apikey.tokenConfigs.", "apikey.issuer.tokenConfig.", "https://localhost:9095/apikey"
	return []key{
		{path: check + "issuer", set: text(&c.Issuer, issuer)},
		{path: check + "certificateAlias", set: text(&c.CertificateAlias, "ballerina")},
		{path: check + "audience", status: unused, set: ignored},
		{path: check + "validateAllowedAPIs", set: flag(&c.ValidateAllowedAPIs, false)},
		{path: issue + "enabled", set: flag(&c.Issue, true)},
		{path: issue + "keyStorePath", set: fileName(&c.KeyStore.Path, "")},
		{path: issue + "keyStorePassword", set: secret(&c.KeyStore.Password, "ballerina"), secret: true},
		{path: issue + "issuer", set: text(&c.IssuedBy, issuer)},
		{path: issue + "certificateAlias", set: text(&c.IssuerAlias, "ballerina")},
		{path: issue + "audience", status: unused, set: ignored}, // of earlier versions
		{path: issue + "validityTime", set: span(&c.Validity, -time.Second, -time.Second, time.Second)},
		{path: "apikey.issuer.api", each: func() []key {
			a := new(KeyAPI)
			c.APIs = append(c.APIs, a)
			return []key{
				{path: "name", set: text(&a.Name, "")},
				{path: "versions", set: texts(&a.Versions)},
			}
		}},
	}
}

func (l *loader) backendJWTKeys() []key {
	c := &l.cfg.BackendJWT
	const table, cache = "jwtGeneratorConfig.", "jwtGeneratorConfig.jwtGeneratorCaching."
	return []key{
		{path: table + "jwtGeneratorEnabled", set: flag(&c.Enabled, false)},
		{path: table + "claimDialect", set: text(&c.ClaimDialect, "http://wso2.org/claims")},
		{path: table + "signingAlgorithm", set: word(&c.SigningAlgorithm, "SHA256withRSA", "NONE")},
		{path: table + "certificateAlias", status: later, set: text(&c.CertificateAlias, "ballerina")},
		{path: table + "privateKeyAlias", status: later, set: text(&c.PrivateKeyAlias, "ballerina")},
		{path: table + "tokenExpiry", set: span(&c.Expiry, 15*time.Minute, time.Second, time.Millisecond)},
		{path: table + "restrictedClaims", set: texts(&c.RestrictedClaims)},
		{path: table + "issuer", set: text(&c.Issuer, "wso2.org/products/am")},
		{path: table + "audience", status: later, set: texts(&c.Audience, "http://org.wso2.apimgt/gateway")},
		{path: table + "generatorImpl", status: unused, set: ignored},
		{path: table + "claimRetrieval", status: unused, set: ignored},
		{path: cache + "tokenCacheEnable", status: later, set: flag(&c.Cache.Enabled, true)},
		{path: cache + "tokenCacheExpiryTime", status: later, set: span(&c.Cache.Expiry, 15*time.Minute, time.Second, time.Millisecond)},
		{path: cache + "tokenCacheCapacity", status: later, set: number(&c.Cache.Capacity, 10000, 1, 1<<24)},
		{path: cache + "tokenCacheEvictionFactor", status: unused, set: fraction(&c.Cache.Eviction, 0.25)},
	}
}
