package config

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"mgw/runtime/diag"
)

// TrafficManager is traffic-manager.conf. With an error beside it, it is not
// fit to be used.
type TrafficManager struct {
	File     string
	Listener ManagerListener
	Users    []*ManagerUser // sorted by name
	Broker   ManagerBroker
	Store    ManagerStore
	Limits   ManagerLimits
	Log      ManagerLog
}

// ManagerListener is [listener].
type ManagerListener struct {
	Host             string
	Port             int
	CertificateFile  string // "": the manager makes its own
	PrivateKeyFile   string
	CertificateNames []string // beside this machine's, in a certificate of its own
	ShutdownTimeout  time.Duration
}

// ManagerUser is one [users.NAME].
type ManagerUser struct {
	Name     string
	Password Secret
	Admin    bool // may change blocking conditions and key templates
}

// ManagerBroker is [broker].
type ManagerBroker struct {
	Enabled         bool
	ProviderURL     Secret
	Account         Account // in place of the URL's, when not empty
	CertificateFile string  // trusted for brokers with ssl='true'; "": the system's
	Format          string  // map or text
}

// ManagerStore is [store].
type ManagerStore struct {
	Type  string // file or redis
	Dir   string // the database, and a certificate of the manager's own
	Redis ManagerRedis
}

// ManagerRedis is [store.redis].
type ManagerRedis struct {
	URL             Secret
	Account         Account
	CertificateFile string
	KeyPrefix       string
	Timeout         time.Duration
}

// ManagerLimits is [limits].
type ManagerLimits struct {
	QueueSize    int   // events that wait at most
	MemoryBudget int64 // bytes for counters
	MaxDecisions int   // throttled keys held at most
}

// ManagerLog is [log].
type ManagerLog struct{ Level, Format string }

// defaultManagerUser is the account that gateways use by default. It is known to
// everybody, so it is refused off the loopback.
const defaultManagerUser = "admin"

// LoadTrafficManager reads the configuration of a traffic manager: the file and
// overrides of the command line; $env{NAME} brings in variables. With an error
// in the list the result is not fit to be used; it is never nil.
func LoadTrafficManager(src Source) (*TrafficManager, diag.List) {
	l := newLoader(src)
	c := &TrafficManager{File: src.File}
	l.root = tree(l.managerKeys(c))
	l.readFile()
	for _, o := range src.Overrides {
		l.override(o)
	}
	l.checkManager(c)
	l.list.Sort()
	return c, l.list
}

func (l *loader) managerKeys(c *TrafficManager) []key {
	return slices.Concat(l.managerListenerKeys(c), l.managerStoreKeys(c), []key{
		{path: "users", named: func(name string) []key {
			u := &ManagerUser{Name: name}
			c.Users = append(c.Users, u)
			return []key{
				{path: "password", set: secret(&u.Password, ""), secret: true},
				{path: "admin", set: flag(&u.Admin, false)},
			}
		}},
		{path: "limits.eventQueueSize", set: number(&c.Limits.QueueSize, 100_000, 1, 1<<22)},
		{path: "limits.memoryBudgetMB", set: megabytes(&c.Limits.MemoryBudget, 256)},
		{path: "limits.maxDecisions", set: number(&c.Limits.MaxDecisions, 1_000_000, 1, 1<<26)},
		{path: "log.level", set: word(&c.Log.Level, "INFO", "TRACE", "DEBUG", "WARN", "ERROR", "OFF")},
		{path: "log.format", set: word(&c.Log.Format, "text", "json")},
	})
}

func (l *loader) managerListenerKeys(c *TrafficManager) []key {
	return []key{
		// The loopback alone until somebody has chosen passwords.
		{path: "listener.host", set: text(&c.Listener.Host, "127.0.0.1")},
		{path: "listener.port", set: port(&c.Listener.Port, 9443)},
		{path: "listener.certificateFile", set: fileName(&c.Listener.CertificateFile, "")},
		{path: "listener.privateKeyFile", set: fileName(&c.Listener.PrivateKeyFile, "")},
		{path: "listener.certificateNames", set: texts(&c.Listener.CertificateNames)},
		{path: "listener.shutdownTimeout", set: span(&c.Listener.ShutdownTimeout, 10*time.Second, 0, 0)},
		{path: "broker.enabled", set: flag(&c.Broker.Enabled, true)},
		{path: "broker.providerUrl", set: secret(&c.Broker.ProviderURL, defaultProvider), secret: true},
		{path: "broker.username", set: text(&c.Broker.Account.Username, "")},
		{path: "broker.password", set: secret(&c.Broker.Account.Password, ""), secret: true},
		{path: "broker.certificateFile", set: fileName(&c.Broker.CertificateFile, "")},
		{path: "broker.messageFormat", set: word(&c.Broker.Format, "map", "text")},
	}
}

func (l *loader) managerStoreKeys(c *TrafficManager) []key {
	r := &c.Store.Redis
	return []key{
		{path: "store.type", set: word(&c.Store.Type, "file", "redis")},
		{path: "store.folder", set: fileName(&c.Store.Dir, l.resolve("traffic-manager-data"))},
		{path: "store.redis.url", set: secret(&r.URL, ""), secret: true},
		{path: "store.redis.username", set: text(&r.Account.Username, "")},
		{path: "store.redis.password", set: secret(&r.Account.Password, ""), secret: true},
		{path: "store.redis.certificateFile", set: fileName(&r.CertificateFile, "")},
		{path: "store.redis.keyPrefix", set: text(&r.KeyPrefix, "mgw-tm")},
		{path: "store.redis.timeout", set: span(&r.Timeout, 200*time.Millisecond, time.Millisecond, 0)},
	}
}

// checkManager settles what follows from several keys.
func (l *loader) checkManager(c *TrafficManager) {
	for _, e := range l.cfg.Endpoints { // names that mean something to a gateway
		l.list.Errorf(l.src.File, 0, 0, "keys of endpoints (%s) belong to a gateway", e.Name)
	}
	if (c.Listener.CertificateFile == "") != (c.Listener.PrivateKeyFile == "") {
		path := "listener.certificateFile"
		if c.Listener.CertificateFile == "" {
			path = "listener.privateKeyFile"
		}
		l.wrong(path, "listener.certificateFile and listener.privateKeyFile belong together")
	}
	if c.Store.Type == "redis" && c.Store.Redis.URL.Empty() {
		l.wrong("store.type", `store.type = "redis" needs store.redis.url`)
	}
	l.checkManagerUsers(c)
}

func (l *loader) checkManagerUsers(c *TrafficManager) {
	if len(c.Users) == 0 {
		c.Users = []*ManagerUser{{Name: defaultManagerUser, Password: Secret{defaultManagerUser}, Admin: true}}
	}
	slices.SortFunc(c.Users, func(a, b *ManagerUser) int { return cmp.Compare(a.Name, b.Name) })
	for _, u := range c.Users {
		path := join("users", u.Name)
		switch {
		case u.Password.Empty():
			l.wrong(path, "the user %q has no password", u.Name)
		case strings.Contains(u.Name, ":"):
			l.wrong(path, "the name of the user %q has a colon, which basic authentication cannot carry", u.Name)
		case u.Name == defaultManagerUser && u.Password.Reveal() == defaultManagerUser && !loopback(c.Listener.Host):
			at := "listener.host"
			if l.given(path + ".password") {
				at = path + ".password"
			}
			l.list.Add(l.hinted(at, "admin/admin is for this machine only: the manager would be open to everybody who reaches listener.host"))
		}
	}
}

// hinted is an error that says how users are configured.
func (l *loader) hinted(path, msg string) diag.Problem {
	p := l.setAt(path)
	p.Msg, p.Hint = msg, `write [users.NAME] with password = "..." (or passwordFile), and the same into the gateways' throttleEndpointbase64Header`
	return p
}
