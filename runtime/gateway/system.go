package gateway

import (
	"bytes"
	"encoding/json"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
	"mgw/runtime/internal/reply"
)

// system answers the paths that belong to the gateway itself (contract 5.7):
// no API, no credential, no limit.
type system struct {
	gateway  *Gateway
	draining atomic.Bool
}

const (
	healthy  = `{"status":"healthy"}`
	ready    = `{"status":"ready"}`
	draining = `{"status":"draining"}`
)

func (s *system) serve(x *exchange.Exchange) bool {
	switch {
	case below(x.Path, "/health"):
		if string(x.Query) == "verbose" {
			s.gateway.health().send(x)
			return false
		}
		reply.JSON(x, 200, healthy)
	case string(x.Path) == "/ready":
		if s.draining.Load() {
			reply.JSON(x, 503, draining)
			return false
		}
		reply.JSON(x, 200, ready)
	case x.Scheme == "https" && below(x.Path, "/apikey"):
		return s.gateway.current().auth.IssueKey(x)
	default:
		return true
	}
	return false
}

// health is what /health?verbose tells anybody who asks: whether the gateway
// lacks something, no figures.
type health struct {
	Status  string   `json:"status"`
	Ready   bool     `json:"ready"`
	Missing []string `json:"missing,omitempty"`
}

func (g *Gateway) health() health {
	poll := g.options.Config.Throttling.Manager.DecisionSource == "poll"
	missing := g.cluster.missing(poll)
	if redis := g.leases.Status(); !redis.PerNode && !redis.Answers {
		missing = append(missing, "Redis")
	}
	return health{Status: "healthy", Ready: !g.system.draining.Load(), Missing: missing}
}

func (h health) send(x *exchange.Exchange) {
	body, err := json.Marshal(h)
	if err != nil { // a struct of strings and booleans always encodes
		panic(err)
	}
	reply.JSON(x, 200, string(body))
}

// below tells whether a path is the given one or lies under it.
func below(path []byte, parent string) bool {
	rest, ok := bytes.CutPrefix(path, []byte(parent))
	return ok && (len(rest) == 0 || rest[0] == '/')
}
