package trafficmanager

import "net/http"

// status is what /admin/v1/status tells: figures since the start.
type status struct {
	Events    eventStatus    `json:"events"`
	Decisions decisionStatus `json:"decisions"`
	Broker    brokerStatus   `json:"broker"`
	Store     string         `json:"store"` // ok, or failing
	Gateways  int            `json:"gateways"`
	Counters  counterStatus  `json:"counters"`
}

type eventStatus struct {
	Received  uint64 `json:"received"`
	Handled   uint64 `json:"handled"`
	Waiting   int64  `json:"waiting"`
	Repeated  uint64 `json:"repeatedRequests"`
	Malformed uint64 `json:"malformedRequests"`
	Refused   uint64 `json:"refusedRequests"` // overload
	Late      uint64 `json:"late"`            // their window was over
	LongKeys  uint64 `json:"longKeys"`
	Unknown   uint64 `json:"unknownTiers"`
}

type decisionStatus struct {
	Held      int    `json:"held"`
	Stored    uint64 `json:"stored"`
	Published uint64 `json:"published"`
	NoRoom    uint64 `json:"noRoom"`
}

type brokerStatus struct {
	Enabled   bool `json:"enabled"`
	Connected bool `json:"connected"`
}

type counterStatus struct {
	Keys     int    `json:"keys"`
	Capacity int    `json:"capacity"`
	Evicted  uint64 `json:"evicted"`
}

func (m *Manager) status() status {
	held, noRoom := m.ledger.size()
	keys, _ := m.table.Stats()
	s := status{
		Events: eventStatus{
			Received: m.receiver.received.Load(), Handled: m.engine.handled.Load(), Waiting: m.queue.events.Load(),
			Repeated: m.receiver.repeated.Load(), Malformed: m.receiver.malformed.Load(), Refused: m.receiver.refused.Load(),
			Late: m.engine.late.Load(), LongKeys: m.engine.long.Load(), Unknown: m.engine.unknown.Load(),
		},
		Decisions: decisionStatus{held, m.committer.stored.Load(), m.outbox.published.Load(), noRoom},
		Broker:    brokerStatus{m.publisher != nil, m.outbox.connected()},
		Store:     "ok",
		Gateways:  m.receiver.nodes.count(),
		Counters:  counterStatus{keys.Keys, keys.Capacity, keys.Evicted},
	}
	if m.storeFails() {
		s.Store = "failing"
	}
	return s
}

func (m *Manager) serveStatus(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, m.status())
}

// health tells anybody whether the manager works; what it lacks at the moment
// keeps no gateway from its limits, so the status stays 200.
func (m *Manager) health(w http.ResponseWriter, r *http.Request) {
	body := struct {
		Status string `json:"status"`
		Broker string `json:"broker,omitempty"`
		Store  string `json:"store,omitempty"`
	}{Status: "healthy"}
	if r.URL.RawQuery == "verbose" {
		body.Broker, body.Store = "off", "ok"
		if m.publisher != nil {
			body.Broker = "away"
			if m.outbox.connected() {
				body.Broker = "connected"
			}
		}
		if m.storeFails() {
			body.Store = "failing"
		}
	}
	answer(w, http.StatusOK, body)
}
