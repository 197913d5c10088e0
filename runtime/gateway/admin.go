package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"mgw/runtime/internal/backend"
	"mgw/runtime/internal/cache"
	"mgw/runtime/internal/telemetry"
	"mgw/runtime/internal/throttle"
)

// admin is the operator's door: JSON over HTTP, on the loopback unless the
// configuration says otherwise, for whoever shows the token.
type admin struct {
	gateway *Gateway
	socket  net.Listener
	server  *http.Server
}

func newAdmin(g *Gateway) (*admin, error) {
	cfg := g.options.Config.Admin
	if cfg.Token.Empty() {
		return nil, errors.New("adminConfig.enabled needs adminConfig.token or adminConfig.tokenFile")
	}
	socket, err := net.Listen("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("binding the admin listener: %w", err)
	}
	a := &admin{gateway: g, socket: socket}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", a.state)
	mux.HandleFunc("GET /routes", a.routes)
	mux.HandleFunc("POST /explain", a.explain)
	mux.HandleFunc("POST /reload", a.reload)
	a.server = &http.Server{
		Handler:           a.authorized(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	return a, nil
}

// run serves until ctx ends.
func (a *admin) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { a.server.Close() })
	defer stop()
	if err := a.server.Serve(a.socket); !errors.Is(err, http.ErrServerClosed) {
		a.gateway.options.Log.Error("the admin listener failed", "error", err)
	}
}

// authorized compares digests, so that the time taken tells nothing about the
// token.
func (a *admin) authorized(next http.Handler) http.Handler {
	const scheme = "Bearer "
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("Authorization")
		if len(shown) > len(scheme) && shown[:len(scheme)] == scheme {
			digest := sha256.Sum256([]byte(shown[len(scheme):]))
			token := sha256.Sum256([]byte(a.gateway.current().options.Config.Admin.Token.Reveal()))
			if subtle.ConstantTimeCompare(digest[:], token[:]) == 1 {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="mgw admin"`)
		answer(w, http.StatusUnauthorized, map[string]string{"error": "the admin token is missing or wrong"})
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

// reload answers when the next configuration is in force, or refused.
func (a *admin) reload(w http.ResponseWriter, _ *http.Request) {
	out, status := a.gateway.Reload(), http.StatusOK
	if !out.Applied {
		status = http.StatusUnprocessableEntity
	}
	answer(w, status, out)
}

// State is what GET /state tells.
type State struct {
	Project   string             `json:"project"`
	Digest    string             `json:"digest"`
	Uptime    float64            `json:"uptimeSeconds"`
	Ready     bool               `json:"ready"`
	Listeners map[string]string  `json:"listeners"`
	Routes    int                `json:"routes"`
	Counters  telemetry.Snapshot `json:"counters"`
	Limits    throttle.Stats     `json:"limits"`
	Reloads   ReloadState        `json:"reloads"`
	Revoked   int                `json:"revokedCredentials"`
	Manager   *ManagerState      `json:"trafficManager,omitempty"`
	Backends  *ThroughputState   `json:"backendThroughput,omitempty"`
	// Those that can be told something about: several URLs, a breaker ...
	Endpoints []backend.EndpointState `json:"endpoints,omitempty"`
	Cache     *cache.Stats            `json:"responseCache,omitempty"`

	Validation *ValidationState `json:"validation,omitempty"`
}

// State gives the state of the whole gateway.
func (g *Gateway) State() State {
	now := g.current()
	s := State{
		Project:   g.options.Spec.Project,
		Digest:    g.options.Digest,
		Uptime:    time.Since(g.started).Seconds(),
		Ready:     !g.system.draining.Load(),
		Listeners: map[string]string{},
		Counters:  g.counters.Snapshot(),
		Limits:    now.throttle.Stats(),
		Reloads:   g.reloadState(),
		Revoked:   now.auth.Revoked().Len(),
		Manager:   g.cluster.state(),
		Backends:  now.throughput.state(),
		Endpoints: now.backends.State(),
	}
	if now.cache != nil {
		stored := now.cache.Stats()
		s.Cache = &stored
	}
	s.Validation = now.validationState()
	if g.access != nil {
		written := g.access.log.Stats()
		s.Counters.AccessLog = &written
	}
	for _, api := range now.options.Spec.APIs {
		s.Routes += len(api.Operations)
	}
	plain, secure := g.listener.Addresses()
	for name, addr := range map[string]net.Addr{"http": plain, "https": secure} {
		if addr != nil {
			s.Listeners[name] = addr.String()
		}
	}
	return s
}

func (a *admin) state(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, a.gateway.State())
}

// route is an element of what GET /routes gives.
type route struct {
	API    string `json:"api"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Tier   string `json:"tier,omitempty"`
}

func (a *admin) routes(w http.ResponseWriter, _ *http.Request) {
	all := []route{}
	for _, api := range a.gateway.current().options.Spec.APIs {
		for _, op := range api.Operations {
			tier := op.Tier
			if api.Tier != "" {
				tier = api.Tier
			}
			all = append(all, route{api.Name + ":" + api.Version, op.Method, api.BasePath + op.Path + op.Query, tier})
		}
	}
	answer(w, http.StatusOK, all)
}

// maxQuestion bounds the body of POST /explain.
const maxQuestion = 64 << 10

func (a *admin) explain(w http.ResponseWriter, r *http.Request) {
	var q Question
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	explanation, err := a.gateway.Explain(r.Context(), q)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, explanation)
}
