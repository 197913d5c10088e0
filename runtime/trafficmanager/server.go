package trafficmanager

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Paths of the manager's resources; the first two are those of WSO2's.
const (
	eventPath     = "/endpoints/throttleEventReceiver"
	dataPath      = "/internal/data/v1"
	adminPath     = "/admin/v1"
	blocksPath    = adminPath + "/blocking-conditions"
	templatesPath = adminPath + "/key-templates"
)

// routes is every resource there is, and who may use it.
func (m *Manager) routes() http.Handler {
	users := newAccounts(m.options.Config.Users)
	data := &dataService{ledger: m.ledger, registry: m.registry}
	a := &admin{store: m.store, registry: m.registry, push: m.push, log: m.options.Log, changing: &m.changing}
	user := func(h http.HandlerFunc) http.HandlerFunc { return users.user(m.fresh(h)) }
	administrator := func(h http.HandlerFunc) http.HandlerFunc { return users.administrator(m.fresh(h)) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", m.health)
	mux.HandleFunc("POST "+eventPath, users.user(m.receiver.ServeHTTP))
	mux.HandleFunc("GET "+dataPath+"/block", user(data.block))
	mux.HandleFunc("GET "+dataPath+"/keyTemplates", user(data.keyTemplates))
	mux.HandleFunc("GET "+dataPath+"/throttled", user(data.throttled))
	mux.HandleFunc("GET "+dataPath+"/revokedjwt", user(data.revoked))
	mux.HandleFunc("GET "+blocksPath, administrator(a.listBlocks))
	mux.HandleFunc("POST "+blocksPath, administrator(a.addBlock))
	mux.HandleFunc("DELETE "+blocksPath+"/{id}", administrator(a.removeBlock))
	mux.HandleFunc("GET "+templatesPath, administrator(a.listTemplates))
	mux.HandleFunc("POST "+templatesPath, administrator(a.addTemplate))
	mux.HandleFunc("DELETE "+templatesPath, administrator(a.removeTemplate))
	mux.HandleFunc("GET "+adminPath+"/status", administrator(m.serveStatus))
	mux.HandleFunc("GET "+adminPath+"/openapi.yaml", a.definition)
	return mux
}

// Bounds of a connection.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = time.Minute // a million decisions
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

func newServer(h http.Handler, cert tls.Certificate, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}},
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
