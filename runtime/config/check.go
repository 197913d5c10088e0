package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"mgw/runtime/diag"
)

// finish settles what follows from several keys.
func (l *loader) finish() {
	c := l.cfg
	c.Auth.TimestampSkew = l.skew
	if l.skew < 0 {
		c.Auth.TimestampSkew = l.keyManagerSkew
	}
	if l.oldAccount.Username != "" {
		c.KeyManager.BasicAccount = l.oldAccount
	}
	if l.oldHostname != "" {
		c.Revocation.PersistentURL = l.oldHostname
	}
	if l.oldEtcd {
		c.Revocation.PersistentType = "etcd"
	}
	for i, issuer := range c.Issuers {
		if !l.given(l.issuerPath(i) + ".validateSubscription") {
			issuer.ValidateSubscription = c.Auth.ValidateSubscriptions
		}
	}
	slices.SortFunc(c.Users, func(a, b *User) int { return cmp.Compare(a.Name, b.Name) })
	l.sortEndpoints()
	l.finishFiles()
}

// issuerPath spells an issuer's table, which in the old form has no index.
func (l *loader) issuerPath(i int) string {
	if _, list := l.places[index("jwtTokenConfig", i)]; list {
		return index("jwtTokenConfig", i)
	}
	return "jwtTokenConfig"
}

func (l *loader) given(path string) bool { _, ok := l.set[path]; return ok }

// wrong reports a key whose value does not fit the others.
func (l *loader) wrong(path, format string, args ...any) {
	l.report(diag.Error, path, format, args...)
}

func (l *loader) report(severity diag.Severity, path, format string, args ...any) {
	p := l.setAt(path)
	p.Severity, p.Msg = severity, fmt.Sprintf(format, args...)
	l.list.Add(p)
}

// setAt gives the place of what set a key, else where it stands in the file.
func (l *loader) setAt(path string) diag.Problem {
	if o, ok := l.set[path]; ok {
		return o.at
	}
	return l.at(path)
}

// check looks at keys that must agree with each other.
func (l *loader) check() {
	l.checkListener()
	l.checkIssuers()
	l.checkUsers()
	l.checkKeyManager()
	l.checkClients()
	l.checkAdmin()
	l.checkHeaders()
	l.checkCluster()
	l.checkFiles()
}

// checkFiles reports files that the gateway reads at start and that are not
// there. What is in them, the rooms that read them judge.
func (l *loader) checkFiles() {
	if l.src.TextOnly {
		return
	}
	c := l.cfg
	files := [][2]string{
		{"listenerConfig.certificateFile", c.Listener.CertificateFile},
		{"listenerConfig.privateKeyFile", c.Listener.PrivateKeyFile},
		{"listenerConfig.keyStorePath", c.Listener.KeyStore.Path},
		{"keyManager.certificateFile", c.KeyManager.TrustedCertificateFile},
		{"httpClients.certificateFile", c.Clients.CertificateFile},
		{"httpClients.trustStorePath", c.Clients.TrustStore.Path},
		{"throttlingConfig.policiesFile", c.Throttling.PoliciesFile},
		{"httpClients.sslConfig.trustStorePath", c.Clients.MoreTrust.Path},
		{"httpClients.sslConfig.keyStorePath", c.Clients.KeyStore.Path},
	}
	for i, issuer := range c.Issuers {
		files = append(files, [2]string{l.issuerPath(i) + ".certificateFile", issuer.CertificateFile})
	}
	for _, f := range files {
		if f[1] == "" {
			continue
		}
		if _, err := os.Stat(f[1]); err != nil {
			l.wrong(f[0], "%s cannot be read: %v", f[0], err)
		}
	}
}

func (l *loader) checkListener() {
	c := &l.cfg.Listener
	if (c.CertificateFile == "") != (c.PrivateKeyFile == "") {
		one, other := "certificateFile", "privateKeyFile"
		if c.CertificateFile == "" {
			one, other = other, one
		}
		l.wrong("listenerConfig."+one, "listenerConfig.%s needs listenerConfig.%s beside it", one, other)
	}
	if c.CertificateFile != "" && c.KeyStore.Path != "" {
		l.wrong("listenerConfig.certificateFile", "listenerConfig.certificateFile and listenerConfig.keyStorePath exclude each other")
	}
	if c.HTTPPort != 0 && c.HTTPPort == c.HTTPSPort {
		l.wrong("listenerConfig.httpsPort", "listenerConfig.httpPort and listenerConfig.httpsPort are both %d", c.HTTPPort)
	}
}

func (l *loader) checkIssuers() {
	for i, issuer := range l.cfg.Issuers {
		path := l.issuerPath(i)
		switch {
		case issuer.Issuer == "":
			l.wrong(path+".issuer", "%s.issuer is empty: it must be what tokens have as iss", path)
		case issuer.JWKSURL == "" && issuer.CertificateFile == "" && issuer.CertificateAlias == "":
			l.wrong(path, "the issuer %q has no key to verify tokens with: give jwksURL or certificateFile", issuer.Issuer)
		case issuer.JWKSURL != "" && (issuer.CertificateFile != "" || issuer.CertificateAlias != ""):
			l.wrong(path+".jwksURL", "the issuer %q has both jwksURL and a certificate: give one", issuer.Issuer)
		}
		if strings.HasPrefix(issuer.JWKSURL, "http://") && !local(issuer.JWKSURL) {
			l.report(diag.Warning, path+".jwksURL", "%s.jwksURL fetches keys without TLS: whoever sits between can forge tokens", path)
		}
	}
}

// wellKnown is the password that the original's files come with: admin.
const wellKnown = "d033e22ae348aeb5660fc2140aec35850c4da997"

func (l *loader) checkUsers() {
	for _, u := range l.cfg.Users {
		path := join("b7a.users", u.Name)
		switch {
		case u.Password.Empty():
			l.wrong(path, "the user %q has no password", u.Name)
		case strings.EqualFold(u.Password.Reveal(), wellKnown) && !loopback(l.cfg.Listener.Host):
			l.report(diag.Warning, path+".password", "the user %q has the password that everybody knows", u.Name)
		}
	}
}

func (l *loader) checkKeyManager() {
	c := &l.cfg.KeyManager
	given := l.oldAccount.Username != "" || l.givenSecret("keymanager.security.basic.password")
	if c.ServerURL != "" && !local(c.ServerURL) && !c.DirectToken && !given {
		l.wrong("keyManager.serverUrl", "keymanager.security.basic.password must be set: the default password is for a key manager on this machine only")
	}
}

func (l *loader) checkClients() {
	if l.cfg.Clients.Proxy.Enabled && (l.cfg.Clients.Proxy.Host == "" || l.cfg.Clients.Proxy.Port == 0) {
		l.wrong("httpClients.proxy.enable", "httpClients.proxy.enable needs httpClients.proxy.host and httpClients.proxy.port")
	}
	if !l.cfg.Clients.VerifyHostname && !l.cfg.Clients.SkipVerify {
		l.report(diag.Warning, "httpClients.sslConfig.verifyHostname", "httpClients.sslConfig.verifyHostname = false: any certificate of a trusted issuer passes for any backend")
	}
}

func (l *loader) checkAdmin() {
	c := &l.cfg.Admin
	if !c.Enabled {
		return
	}
	if c.Token.Empty() {
		l.wrong("adminConfig.enabled", "adminConfig.enabled needs adminConfig.token or adminConfig.tokenFile")
	}
	if p := c.Port; p != 0 && (p == l.cfg.Listener.HTTPPort || p == l.cfg.Listener.HTTPSPort) {
		l.wrong("adminConfig.port", "adminConfig.port is %d, which a listener has already", p)
	}
	if !loopback(c.Host) {
		l.report(diag.Warning, "adminConfig.host", "adminConfig.host is not a loopback address: the token travels unencrypted")
	}
}

func (l *loader) checkCluster() {
	c := &l.cfg.Throttling
	const table = "throttlingConfig."
	r := &c.Redis
	switch {
	case r.SentinelMaster != "" && r.Cluster:
		l.wrong(table+"redis.cluster", "throttlingConfig.redis.sentinelMaster and cluster cannot both be set: sentinels watch one master, a cluster needs none")
	case r.SentinelMaster == "" && (r.Cluster || len(r.URLs) > 1) && r.Database != 0:
		l.wrong(table+"redis.database", "throttlingConfig.redis.database: a Redis Cluster has no database but 0")
	}
	if c.ClusterMode == "lease" && len(c.Redis.URLs) == 0 {
		l.wrong(table+"clusterMode", `throttlingConfig.clusterMode = "lease" needs throttlingConfig.redis.url`)
	}
	if !c.Manager.Enabled {
		return
	}
	if len(c.Manager.Endpoints) == 0 {
		l.wrong(table+"throttleEndpointUrl", "throttlingConfig.throttleEndpointUrl is empty: events have nowhere to go")
	}
	far := func(u string) bool { return !local(u) }
	if slices.ContainsFunc(c.Manager.Endpoints, far) && !l.givenSecret(table+"throttleEndpointbase64Header") {
		l.wrong(table+"throttleEndpointUrl", "throttlingConfig.throttleEndpointbase64Header must be set: the default password is for a manager on this machine only")
	}
	if c.Manager.DecisionSource == "poll" && far(c.Manager.Retriever) && !l.givenSecret(table+"dataRetriever.password") {
		l.wrong(table+"dataRetriever.serverUrl", "throttlingConfig.dataRetriever.password must be set: the default password is for a manager on this machine only")
	}
}

func (l *loader) givenSecret(path string) bool { return l.given(path) || l.given(path+"File") }

// local tells whether a URL stays on this machine.
func local(link string) bool {
	u, err := url.Parse(link)
	return err == nil && loopback(u.Hostname())
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
