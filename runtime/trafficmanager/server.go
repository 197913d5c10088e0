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
	data := &dataService{ledger: m.ledger, registry: m.registry, refresh: m.refresh}
	a := &admin{store: m.store, registry: m.registry, push: m.push, log: m.options.Log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", m.health)
	mux.HandleFunc("POST "+eventPath, users.user(m.receiver.ServeHTTP))
	mux.HandleFunc("GET "+dataPath+"/block", users.user(data.block))
	mux.HandleFunc("GET "+dataPath+"/keyTemplates", users.user(data.keyTemplates))
	mux.HandleFunc("GET "+dataPath+"/throttled", users.user(data.throttled))
	mux.HandleFunc("GET "+dataPath+"/revokedjwt", users.user(data.revoked))
	mux.HandleFunc("GET "+blocksPath, users.administrator(a.listBlocks))
	mux.HandleFunc("POST "+blocksPath, users.administrator(a.addBlock))
	mux.HandleFunc("DELETE "+blocksPath+"/{id}", users.administrator(a.removeBlock))
	mux.HandleFunc("GET "+templatesPath, users.administrator(a.listTemplates))
	mux.HandleFunc("POST "+templatesPath, users.administrator(a.addTemplate))
	mux.HandleFunc("DELETE "+templatesPath, users.administrator(a.removeTemplate))
	mux.HandleFunc("GET "+adminPath+"/status", users.administrator(m.serveStatus))
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
